"""`hybrid-mtl export`: a trained model in the format of another library."""

import argparse
import sys

from trainer.errors import InputError

PROG = "hybrid-mtl export"
FORMATS = ("sentence-transformers", "onnx")


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Export a trained model to the format of another library.",
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="FOLDER_OR_REPO", help="a trained model")
    parser.add_argument("output", metavar="OUTPUT", help="the folder to write")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        required=True,
        help="sentence-transformers: the encoder alone; onnx: encoder and heads for onnxruntime, "
        "in float and int8",
    )
    parser.add_argument(
        "--task", help="export this task alone, with its adapter merged into the encoder"
    )
    parser.add_argument("--revision", help="branch, tag or commit of a Hub repository")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier export in OUTPUT"
    )
    parser.add_argument(
        "--extensions", nargs="+", help="files or modules that register the model's kinds of tasks"
    )
    return parser


def main(arguments: list[str], prog: str = PROG) -> int:
    """Write one format; wrong input prints one message and exits with status 2."""
    given = vars(create_parser(prog).parse_args(arguments))
    # Imported here, since it takes seconds: wrong options are refused at once.
    from trainer.config.extensions import load_extensions
    from trainer.export import export

    try:
        load_extensions(given.pop("extensions"))
        export(**given)
    except (InputError, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    return 0
