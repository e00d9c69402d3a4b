"""Ask a trained model.

Without a text, a terminal prompts for texts, and piped lines are texts, with a tab before a second
one. The folder of an ONNX export works, too. This project's code opens the model, or, with
--trust_remote_code, the model's own Python code, as on machines without this project.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from trainer.cli.command_line import command_parser
from trainer.cli.open_model import open_pipeline

PROG = "hybrid-mtl ask"


def load(args: argparse.Namespace, prog: str) -> Any:
    """Return the pipeline of a model; exit with one line if it cannot be loaded."""
    try:
        return open_pipeline(args.model, args.trust_remote_code, args.extensions)
    except (OSError, ValueError) as error:
        sys.exit(f"{prog}: cannot load a model from '{args.model}': {error}")


def recorded_examples(model: str, prog: str) -> Iterator[tuple[str, ...]]:
    """Yield the texts of the examples beside a model."""
    from trainer.app.recorded_examples import read_examples

    examples = read_examples(model)
    if not examples:
        sys.exit(
            f"{prog}: there are no examples beside '{model}'; training records some with "
            "--examples 3, or give a text"
        )
    yield from dict.fromkeys(texts for rows in examples.values() for texts in rows)


def prompted(kinds: set[str]) -> Iterator[tuple[str, ...]]:
    """Yield texts and pairs from a terminal until its input ends."""
    print("Enter a text; Ctrl-D ends.")
    try:
        while True:
            text = input("text> ")
            second = input("second text, or empty> ") if text and "pair" in kinds else ""
            if text:
                yield (text, second) if second else (text,)
    except EOFError:
        print()


def piped(kinds: set[str]) -> Iterator[tuple[str, ...]]:
    """Yield a text, or a pair separated by a tab, for each line of the standard input."""
    for line in sys.stdin:
        text = line.rstrip("\n")
        yield tuple(text.split("\t", 1)) if "pair" in kinds else (text,)


def answer(pipe: Any, texts: tuple[str, ...], as_json: bool) -> str:
    """Return texts and the predictions of every task that fits, a line for each, or as JSON."""
    from trainer.prediction.describe import describe_prediction

    row = dict(zip(("text", "text_pair"), texts, strict=False))
    predictions = pipe(row)
    if as_json:
        return json.dumps({**row, "predictions": predictions}, ensure_ascii=False)
    width = max(map(len, predictions))
    lines = [f"  {name:<{width}}  {describe_prediction(x)}" for name, x in predictions.items()]
    return "\n".join([" | ".join(texts), *lines])


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    usage = f"{prog} FOLDER_OR_REPOSITORY [TEXT [SECOND_TEXT]] [--examples] [--json] "
    usage += "[--trust_remote_code] [--extensions FILE ...]"
    parser = command_parser(prog, __doc__, usage=usage)
    parser.add_argument("model", metavar="FOLDER_OR_REPOSITORY")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="a text, and for pairs a second")
    parser.add_argument("--examples", action="store_true", help="the examples beside the model")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each text")
    parser.add_argument("--trust_remote_code", action="store_true", help="run the model's own code")
    parser.add_argument(
        "--extensions", nargs="+", help="files or modules that register the model's kinds of tasks"
    )
    return parser


def parse(arguments: list[str], prog: str) -> argparse.Namespace:
    """Parse the command line; exit with its usage if it is wrong."""
    parser = create_parser(prog)
    args = parser.parse_args(arguments)
    if len(args.texts) > 2 or (args.texts and args.examples):
        parser.error("expected one text, two, or --examples")
    return args


def main(arguments: list[str], prog: str = PROG) -> int:
    """Print a model's predictions for the texts that are given, typed, piped or recorded.

    Returns:
        The exit status, 0; wrong input ends the process with one line and status 1.
    """
    args = parse(arguments, prog)
    pipe = load(args, prog)
    kinds = {entry["input"] for entry in pipe.model.config.tasks.values()}
    is_prompt = not args.texts and not args.examples and sys.stdin.isatty()
    if args.examples:
        inputs = recorded_examples(args.model, prog)
    elif args.texts:
        inputs = iter([tuple(args.texts)])
    else:
        inputs = (prompted if is_prompt else piped)(kinds)
    for number, texts in enumerate(inputs, 1):
        try:
            print(answer(pipe, texts, args.json), flush=True)
        except ValueError as error:
            if not is_prompt:
                sys.exit(f"{prog}: text {number}: {error}")
            print(f"  {error}")
    return 0
