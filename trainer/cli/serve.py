"""Serve a trained model over HTTP.

The folder of an ONNX export works, too. A key for callers is read from --api_key_file, or from the
environment variable HYBRID_MTL_API_KEY.
"""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path

from trainer.cli.command_line import command_parser, exit_status
from trainer.errors import InputError
from trainer.serving.options import ServingOptions, read_key

PROG = "hybrid-mtl serve"
PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = command_parser(prog, __doc__)
    add, default = parser.add_argument, ServingOptions
    add("model", metavar="FOLDER_OR_REPOSITORY")
    add("--revision", help="the repository's branch, tag or commit")
    add("--precision", choices=("float", "int8"), help="of an ONNX export (float)")
    add("--threads", type=int, help="threads of the model (all cores)")
    add("--name", help="the model's name for callers (that of the folder or repository)")
    add("--extensions", nargs="+", help="files that register the model's kinds of tasks")
    add(
        "--host",
        default=default.host,
        help="address to listen at (%(default)s: this machine alone)",
    )
    add("--port", type=int, default=default.port, help="port; 0 for a free one (%(default)s)")
    add(
        "--batch_size",
        type=int,
        default=default.batch_size,
        help="most rows per pass (%(default)s)",
    )
    add(
        "--max_wait_ms",
        type=float,
        default=default.max_wait_ms,
        help="most milliseconds that a free model waits for rows after a batch (%(default)s)",
    )
    add(
        "--max_queue", type=int, default=default.max_queue, help="most rows that wait (%(default)s)"
    )
    add(
        "--max_texts",
        type=int,
        default=default.max_texts,
        help="most texts a request (%(default)s)",
    )
    add(
        "--max_characters",
        type=int,
        default=default.max_characters,
        help="most characters of a text (%(default)s)",
    )
    add(
        "--max_body",
        type=int,
        default=default.max_body,
        help="most bytes of a request's body (%(default)s)",
    )
    add("--timeout", type=float, default=default.timeout, help="seconds of a request (%(default)s)")
    add("--log", type=Path, metavar="FILE", help="append a line for each answer, without texts")
    add("--log_texts", action="store_true", help="log the texts, too")
    add("--api_key_file", type=Path, metavar="FILE", help="a file with the key that callers need")
    return parser


def run(args: argparse.Namespace) -> None:
    """Serve the model of a command line until a signal."""
    # Before torch is imported: threads that spin while they wait take the core of the requests.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"{missing[0]} is missing; install it with: pip install 'hybrid-mtl[serve]'"
        )
    given = vars(args)
    of_model = {name: given.pop(name) for name in ("model", "revision", "precision", "threads")}
    served_name, extensions = given.pop("name"), given.pop("extensions")
    api_key = read_key(given.pop("api_key_file"))
    options = ServingOptions(**given, api_key=api_key)
    # Imported here, since these imports take seconds: errors above appear at once.
    from transformers.utils.logging import disable_progress_bar

    from trainer.config.extensions import load_extensions
    from trainer.serving.model import open_served
    from trainer.serving.server import serve

    disable_progress_bar()  # of the weights
    load_extensions(extensions)
    serve(open_served(of_model.pop("model"), served_name=served_name, **of_model), options)


def main(arguments: list[str], prog: str = PROG) -> int:
    """Serve a model until a signal; wrong input prints one message and returns status 2."""
    args = create_parser(prog).parse_args(arguments)
    return exit_status(prog, lambda: run(args))
