"""`hybrid-mtl evaluate`: `hybrid-mtl train` in mode evaluate."""

import sys

from trainer.cli import train

PROG = "hybrid-mtl evaluate"


def main(arguments: list[str], prog: str = PROG) -> int:
    """Measure a trained model; the exit status is that of `train.main`."""
    if any(argument.partition("=")[0] in ("--mode", "--init") for argument in arguments):
        print(f"{prog}: --mode and --init are options of hybrid-mtl train", file=sys.stderr)
        return 2
    return train.main([*arguments, "--mode", "evaluate"], prog)
