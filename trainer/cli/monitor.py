"""Compare logged answers of a model with its reference.

Writes alerts.json, report.html and metrics.prom. The exit status is 0 without an alert, 1 with one,
2 for wrong input, and 3 if there were too few answers to test anything in two windows. With
--follow it is 0 after SIGTERM.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainer.cli.command_line import command_parser, exit_status
from trainer.errors import InputError

PROG = "hybrid-mtl monitor"


def effect(text: str) -> tuple[str, float]:
    """Return the two sides of `MEASURE=NUMBER`."""
    name, sign, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected MEASURE=NUMBER, got '{text}'") from error


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = command_parser(prog, __doc__)
    add = parser.add_argument
    add("model", metavar="FOLDER_OR_REPOSITORY", help="with the reference that training made")
    add("logs", metavar="LOG", nargs="+", type=Path, help="files of an answer log")
    add("--window", default="1d", help="such as 1d, 6h, 30min or 500rows (default: 1d)")
    add("--min_rows", type=int, default=50, help="least answers of a test (default: 50)")
    add(
        "--effects",
        type=effect,
        nargs="+",
        default=[],
        metavar="MEASURE=NUMBER",
        help="the least difference of an alert, such as labels=0.05",
    )
    add("--output_dir", type=Path, help="default: the folder of the first log")
    add("--any_version", action="store_true", help="read answers of other versions of the model")
    add("--no_vectors", action="store_true", help="do not open the model for logged texts")
    add("--batch_size", type=int, default=32, help="texts per pass of the model (default: 32)")
    add("--follow", action="store_true", help="go on until SIGTERM, for a service")
    add("--every", type=float, default=60.0, help="seconds between looks with --follow (60)")
    return parser


def find_reference(model: str) -> Any:
    """Return the reference of a folder or a Hub repository."""
    from trainer.monitoring.reference import COUNTS, FOLDER, SAMPLES, read_reference

    if Path(model).is_dir():
        return read_reference(Path(model))
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        files = [f"{FOLDER}/{name}" for name in (COUNTS, SAMPLES)]
        folder = Path(snapshot_download(model, allow_patterns=files))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"'{model}' is no folder, and cannot be downloaded: {reason}") from error
    # Answers of a repository's model are logged with the commit, the name of this folder.
    return replace(read_reference(folder), version=folder.name)


class Embedder:
    """Opens the model when there are texts to embed."""

    def __init__(self, model: str, batch_size: int):
        self._model, self._batch_size = model, batch_size
        self._embed: Any = None

    def __call__(self, rows: Any) -> Any:
        """Return the sentence vectors of rows."""
        if self._embed is None:
            from transformers.utils.logging import disable_progress_bar, set_verbosity_error

            from modeling_hybrid_mtl import HybridMTLPipeline
            from trainer.loading.trained_model import open_trained
            from trainer.monitoring.make_reference import embedder

            disable_progress_bar()
            set_verbosity_error()  # of truncated texts: the report has their share
            model, tokenizer = open_trained(self._model)
            pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer)
            self._embed = embedder(pipe, self._batch_size)
        return self._embed(rows)


def report(found: Any) -> None:
    """Print what was read and found."""
    from trainer.monitoring.outputs import sentences

    for name, count in found.line_counts():
        print(f"{name}: {count}")
    for sentence in sentences(found):
        print(sentence)
    print(found.summary(), flush=True)


def run(args: argparse.Namespace) -> int:
    """Monitor a model; return the exit status of the findings."""
    from trainer.monitoring.log_reader import ANSWERS, BAD, FEEDBACK
    from trainer.monitoring.options import MonitorOptions
    from trainer.monitoring.outputs import ALERTS, METRICS, REPORT, write_outputs
    from trainer.monitoring.result import EXIT_STATUS
    from trainer.monitoring.run import LogMonitor
    from trainer.saving.files import check_writable

    for name, least in (("batch_size", 1), ("every", 0.1)):
        if not getattr(args, name) >= least:
            raise InputError(f"{name} = {getattr(args, name)}: must be {least} or more")
    options = MonitorOptions(args.window, args.min_rows, dict(args.effects))
    folder = args.output_dir or args.logs[0].absolute().parent
    check_writable(folder, "output_dir")
    is_folder = Path(args.model).is_dir()
    name = Path(args.model).resolve().name if is_folder else args.model
    monitor = LogMonitor(
        name,
        find_reference(args.model),
        args.logs,
        options,
        embed=None if args.no_vectors else Embedder(args.model, args.batch_size),
        any_version=args.any_version,
    )
    if args.follow:
        monitor.follow(folder, args.every, report)
    else:
        monitor.read()
        lines = monitor.found.lines
        if lines[BAD] and not lines[ANSWERS] + lines[FEEDBACK]:
            raise InputError(f"log: {lines[BAD]} lines, of which none is of an answer log")
        write_outputs(monitor.found, folder)
        report(monitor.found)
    print(f"written: {ALERTS}, {REPORT} and {METRICS} in '{folder}'")
    return 0 if args.follow else EXIT_STATUS[monitor.found.status]


def main(arguments: list[str], prog: str = PROG) -> int:
    """Monitor a model; see the module for the exit status."""
    args = create_parser(prog).parse_args(arguments)
    return exit_status(prog, lambda: run(args), ValueError)
