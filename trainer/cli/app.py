"""`hybrid-mtl app`: a trained model in the browser."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

PROG = "hybrid-mtl app"
FEEDBACK = Path("my_data/feedback")


def main(arguments: list[str], prog: str = PROG) -> int:
    """Open the page, or write a Space; wrong input prints one message and exits with status 2."""
    parser = create_parser(prog)
    given = parser.parse_args(arguments)
    _check(parser, given)
    from trainer.app.errors import UserError
    from trainer.app.model_check import check_model

    try:
        check_model(given.model, given.revision)
    except UserError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    return _open(given, prog)


def _open(given: argparse.Namespace, prog: str) -> int:
    # Imported here, since these imports take seconds: errors above appear at once.
    import modeling_hybrid_mtl  # noqa: F401 (registers the pipeline that opens the model)
    from trainer.app.errors import UserError
    from trainer.app.model_session import ModelSession
    from trainer.app.serve import AppOptions, serve
    from trainer.config.extensions import load_extensions
    from trainer.errors import InputError
    from trainer.hub.space import write_space
    from trainer.prediction.prediction_log import PredictionFile

    options = vars(given)
    space, without = options.pop("space"), options.pop("no_feedback")
    log, log_texts = options.pop("log"), options.pop("log_texts")

    def open_log(session: ModelSession) -> PredictionFile:
        return PredictionFile(
            log, session.tokenizer, session.config, session.revision, with_texts=log_texts
        )

    if not space and not without:
        options["feedback"] = given.feedback or FEEDBACK
    try:
        load_extensions(options.pop("extensions"))
        if space:
            write_space(space, AppOptions(**options))
            print(f"Wrote {space}. Deploy it: hf upload NAME/my-space {space} . --repo-type space")
        else:
            serve(AppOptions(**options), None if log is None else open_log)
    except (UserError, InputError, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    return 0


def _check(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    if find_spec("gradio") is None:
        parser.error("gradio is missing; install it with: pip install 'hybrid-mtl[app]'")
    if given.max_rows < 2:
        parser.error("--max_rows: must be 2 or more")
    if given.feedback_repo is None and given.feedback_public:
        parser.error("--feedback_public needs a --feedback_repo")
    if given.no_feedback and (given.feedback or given.feedback_repo):
        parser.error("--no_feedback goes with no other feedback option")
    if given.log_texts and given.log is None:
        parser.error("--log_texts needs a --log")
    if given.space and given.log:
        parser.error("--space: a Space keeps no log")
    if given.space and (given.feedback or given.no_feedback or given.host or given.port):
        parser.error(
            "--space: a Space keeps feedback with --feedback_repo alone, and has its own host and "
            "port"
        )


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Run a trained model in the browser.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="FOLDER_OR_REPOSITORY")
    parser.add_argument("--revision", help="the repository's branch, tag or commit")
    parser.add_argument(
        "--trust_remote_code",
        action="store_true",
        help="run the model's own Python code: read it first, and set --revision",
    )
    parser.add_argument(
        "--extensions", nargs="+", help="files or modules that register the model's kinds of tasks"
    )
    parser.add_argument("--title", help="the model's name on the page")
    parser.add_argument(
        "--feedback", type=Path, metavar="DIR", help=f"folder for feedback ({FEEDBACK})"
    )
    parser.add_argument("--no_feedback", action="store_true", help="disable feedback")
    parser.add_argument(
        "--feedback_repo",
        metavar="NAME/DATASET",
        help="also save feedback to a private Hub dataset",
    )
    parser.add_argument("--feedback_public", action="store_true", help="make that dataset public")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="log predictions, without texts, for monitoring"
    )
    parser.add_argument("--log_texts", action="store_true", help="log the texts, too")
    parser.add_argument(
        "--max_rows", type=int, default=2000, help="most rows of a corpus (%(default)s)"
    )
    parser.add_argument("--host", help="address to listen at (this machine alone)")
    parser.add_argument("--port", type=int, help="port (the first free one from 7860)")
    parser.add_argument(
        "--space",
        type=Path,
        metavar="DIR",
        help="write a folder for a Hugging Face Space instead, which runs the model's own code",
    )
    return parser
