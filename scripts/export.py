"""Export a trained model: `export.py FOLDER_OR_REPO OUTPUT --format sentence-transformers|onnx`."""

import argparse
import sys
from pathlib import Path

# For a checkout that is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.errors import InputError  # noqa: E402

FORMATS = ("sentence-transformers", "onnx")


def main(arguments: list[str]) -> int:
    """Write one format; wrong input prints one message and exits with status 2."""
    parser = argparse.ArgumentParser(
        prog="export.py",
        description="Export a trained model to the format of another library.",
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="FOLDER_OR_REPO", help="a model that run_mtl.py trained")
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
    given = vars(parser.parse_args(arguments))
    # Imported here, since it takes seconds: wrong options are refused at once.
    from trainer.config.extensions import load_extensions
    from trainer.export import export

    try:
        load_extensions(given.pop("extensions"))
        export(**given)
    except (InputError, OSError) as error:
        print(f"export.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
