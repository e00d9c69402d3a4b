"""`hybrid-mtl evaluate`: `hybrid-mtl train` in mode evaluate."""

import sys
from pathlib import Path

from trainer.cli import train
from trainer.cli.option_help import ALL, HELP

PROG = "hybrid-mtl evaluate"
# The configuration in a run's folder, as in `trainer.saving.run_folder`, whose import is slow.
RUN_CONFIG = "run_config.yaml"
HEAD = """usage: {prog} RUN_FOLDER [--OPTION VALUE ...]
       {prog} CONFIG --model_name_or_path MODEL --output_dir DIR [--OPTION VALUE ...]

Measure a trained model on its rows of validation, or with --eval_split test on those of the test
split. Of a run's folder it takes the configuration and the model, and writes to
RUN_FOLDER/evaluate unless --output_dir says where. Prints a table; writes metrics.json and
evaluation.json. The options are those of hybrid-mtl train; --help-all lists them.
"""


def main(arguments: list[str], prog: str = PROG) -> int:
    """Measure a trained model; the exit status is that of `train.main`."""
    if any(argument.partition("=")[0] in ("--mode", "--init") for argument in arguments):
        print(f"{prog}: --mode and --init are options of hybrid-mtl train", file=sys.stderr)
        return 2
    if not set(HELP).isdisjoint(arguments) and ALL not in arguments:
        print(HEAD.format(prog=prog), end="")
        return 0
    if arguments and Path(arguments[0]).is_dir():
        folder = Path(arguments[0])
        if not (folder / RUN_CONFIG).is_file():
            print(
                f"{prog}: there is no {RUN_CONFIG} in '{folder}'; name a configuration with the "
                f"tasks: {prog} my.yaml --model_name_or_path {folder} --output_dir DIR",
                file=sys.stderr,
            )
            return 2
        arguments = _of_run(folder, arguments[1:])
    return train.main([*arguments, "--mode", "evaluate"], prog)


def _of_run(folder: Path, options: list[str]) -> list[str]:
    """Return the arguments for the model of a run; given options override what is set here."""
    given = {option.partition("=")[0] for option in options}
    own = {"--model_name_or_path": folder, "--output_dir": folder / "evaluate"}
    added = [str(each) for name, x in own.items() if name not in given for each in (name, x)]
    return [str(folder / RUN_CONFIG), *added, *options]
