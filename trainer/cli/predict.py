"""Predict files with a trained model.

The inputs are files (csv, tsv, jsonl, parquet, xlsx, conll), patterns, folders or a database's URL,
with columns text and, for pairs, text_pair. Of any number of rows, a few thousand are in memory.
Interrupted, the same command goes on where it was. No configuration file is needed.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from trainer.cli.command_line import command_parser, exit_status
from trainer.cli.values import names
from trainer.errors import InputError

PROG = "hybrid-mtl predict"

STOPPED = 130


def pair(text: str) -> tuple[str, str]:
    """Return the two sides of `NAME=COLUMN`; the name of the column alone is both."""
    name, sign, value = text.partition("=")
    if not name or not (value or not sign):
        raise argparse.ArgumentTypeError(f"expected NAME=COLUMN, got '{text}'")
    return name, value or name


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = command_parser(prog, __doc__)
    add = parser.add_argument
    add("model", metavar="FOLDER_OR_REPOSITORY", help="a trained model, or its ONNX export")
    add("inputs", metavar="INPUT", nargs="+", help="file, pattern, folder, database or Hub dataset")
    add("--output", type=Path, required=True, help="a csv, jsonl or parquet file to write")
    add("--task", help="the task; all that fit the rows if not given, with columns TASK_...")
    add("--texts", type=pair, nargs="+", default=[], metavar="NAME=COLUMN",
        help="the columns of text and text_pair")  # fmt: skip
    add("--keep", type=names, default=[], help="columns of the input to write, with commas")
    add("--output_columns", type=pair, nargs="+", metavar="COLUMN[=NAME]",
        help="all columns to write, of the input or the predictions, and their names")  # fmt: skip
    add("--probabilities", action="store_true", help="also write the probability of every class")
    add("--on_error", default="stop", choices=("stop", "skip", "null"),
        help="a row without text stops (default), is left out, or has no prediction")  # fmt: skip
    add("--rows_per_part", type=int, help="write a folder of numbered files with this many rows")
    add("--log", type=Path, help="append the answers, without texts, to a log for monitoring")
    add("--log_groups", type=names, default=[],
        help="columns of the input to log, so that groups are monitored, with commas")  # fmt: skip
    add("--overwrite", action="store_true", help="replace the output of another command")
    _add_machine(parser.add_argument_group("the machine"))
    _add_reading(parser.add_argument_group("reading, where files leave it open"))
    return parser


def _add_machine(group: Any) -> None:
    add = group.add_argument
    add("--workers", type=int, default=1, help="processes, each with the model (default: 1)")
    add("--engine", default="processes", choices=("processes", "ray"),
        help="where they are: on this machine (default), or in a Ray cluster")  # fmt: skip
    add("--address", help="of a running Ray cluster, HOST:PORT or auto; started here if not given")
    add("--threads", type=int, help="threads of each (default: the cores shared out)")
    add("--batch_size", type=int, default=32, help="rows per pass (default: 32)")
    add("--device", help="such as cpu or cuda; an accelerator if there is one")
    add("--precision", choices=("float", "int8"), help="of an ONNX export (default: float)")
    add("--revision", help="branch, tag or commit of a Hub repository")
    add("--trust_remote_code", action="store_true", help="run the model's own code")
    add("--extensions", nargs="+", help="files that register the model's kinds of tasks")


def _add_reading(group: Any) -> None:
    add = group.add_argument
    add("--split", help="the split of a Hub dataset, or of a folder that datasets saved")
    add("--config", help="the configuration of a Hub dataset")
    add("--format", help="csv, tsv, jsonl, json, parquet, xlsx, conll or conllu")
    add("--separator", help="of cells of tables: one character, or tab")
    add("--quoting", help="of tables: standard or none")
    add("--encoding", help="such as windows-1252")
    add("--sheet", help="of xlsx files")


def unique(option: str, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return pairs as a table; a name that is given twice is an error."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{option}: names '{name}' twice")
    return dict(pairs)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(args: argparse.Namespace) -> None:
    """Predict the files of a command line."""
    # Imported here, since it takes seconds: wrong options are refused at once.
    from transformers.utils.logging import disable_progress_bar

    from trainer.data.readers import ReadOptions
    from trainer.export.any_model import AnyModel
    from trainer.loading.model_version import model_version
    from trainer.prediction.job import PredictionJob
    from trainer.prediction.run import predict_files
    from trainer.prediction.sources import Inputs

    disable_progress_bar()  # of the weights
    threads = max(1, cores() // max(args.workers, 1)) if args.threads is None else args.threads
    read = ReadOptions(args.format, args.separator, args.quoting, args.encoding, args.sheet)
    texts = {name: (column,) for name, column in unique("--texts", args.texts).items()}
    columns = tuple(column for columns in texts.values() for column in columns)
    job = PredictionJob(
        inputs=Inputs(tuple(args.inputs), read, columns, args.split, args.config),
        output=args.output.expanduser(),
        task=args.task,
        texts=texts,
        keep=tuple(args.keep),
        output_columns=unique("--output_columns", args.output_columns or []) or None,
        probabilities=args.probabilities,
        on_error=args.on_error,
        rows_per_part=args.rows_per_part,
        batch_size=args.batch_size,
        workers=args.workers,
        threads=threads,
        engine=args.engine,
        address=args.address,
        overwrite=args.overwrite,
        log=args.log,
        log_groups=tuple(args.log_groups),
        log_version=model_version(args.model, None) if Path(args.model).is_dir() else None,
    )
    model = AnyModel(
        args.model,
        args.revision,
        args.precision,
        args.device,
        threads,
        args.trust_remote_code,
        args.extensions,
    )
    predict_files(job, model.open)


def main(arguments: list[str], prog: str = PROG) -> int:
    """Predict files.

    Returns:
        The exit status: 0; 2 after one message about wrong input; 130 if it was interrupted.
    """
    args = create_parser(prog).parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return exit_status(prog, lambda: run(args))
    except KeyboardInterrupt:
        print(f"\n{prog}: interrupted; the same command goes on from here", file=sys.stderr)
        return STOPPED
