"""Measure the speed users observe: `python -m benchmarks.speed [--only PART ...] [--quick]`."""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.speed import (
    aggregators,
    growth,
    inference,
    prediction_files,
    report,
    searches,
    serving,
    shared_table,
    startup,
    training,
)
from benchmarks.speed.findings import Findings
from benchmarks.speed.settings import QUICK, Settings, Sizes

PARTS: dict[str, Callable[[Settings, Findings], None]] = {
    "training": training.measure,
    "aggregators": aggregators.measure,
    "table": shared_table.measure,
    "inference": inference.measure,
    "prediction_files": prediction_files.measure,
    "growth": growth.measure,
    "startup": startup.measure,
    "searches": searches.measure,
    "serving": serving.measure,
}


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_arguments(arguments: Sequence[str] | None) -> tuple[Settings, list[str]]:
    """Return the settings and the parts to measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--data_dir", default="sample", help="a folder as for run_mtl.py (default: the sample)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=cores(),
        help="threads of every contender (default: all cores)",
    )
    parser.add_argument("--repetitions", type=int, help="default: 5, or 2 with --quick")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to check that it runs")
    parser.add_argument("--no_peers", action="store_true", help="measure only this project")
    parser.add_argument("--model", help="predict with this trained model of the default tasks")
    parser.add_argument("--output", type=Path, default=Path("build"), help="folder of the results")
    given = parser.parse_args(arguments)
    data = given.data_dir
    settings = Settings(
        data_dir=data if data == "sample" else str(Path(data).resolve()),
        threads=given.threads,
        repetitions=given.repetitions or (2 if given.quick else 5),
        sizes=QUICK if given.quick else Sizes(),
        folder=given.output.resolve(),
        peers=not given.no_peers,
        model=given.model and str(Path(given.model).resolve()),
    )
    return settings, given.only


def main(arguments: Sequence[str] | None = None) -> None:
    settings, parts = read_arguments(arguments)
    findings = Findings()
    for part in parts:
        start = time.perf_counter()
        PARTS[part](settings, findings)
        print(f"{part}: {time.perf_counter() - start:.0f} s", flush=True)
    print(report.write(findings, settings))


if __name__ == "__main__":
    main()
