"""Runs the command `hybrid-mtl` as `python -m trainer`."""

from trainer.cli.main import run

if __name__ == "__main__":
    run()
