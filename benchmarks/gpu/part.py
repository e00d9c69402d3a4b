"""Run one part of the kit in its own process: `python -m benchmarks.gpu.part NAME SETTINGS`."""

import sys

from benchmarks.gpu import correctness, full_run, prediction, speed, waiting
from benchmarks.gpu.findings import Findings
from benchmarks.gpu.settings import Settings

PARTS = {
    "correctness": correctness.measure,
    "waiting": waiting.measure,
    "speed": speed.measure,
    "prediction": prediction.measure,
    "run": full_run.measure,
}


def main() -> None:
    name, path = sys.argv[1:]
    settings = Settings.load(path)
    PARTS[name](settings, Findings(settings.path("work", f"{name}.json")))


if __name__ == "__main__":
    main()
