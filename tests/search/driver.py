"""A search in a process of its own, which a test may kill."""

import sys


def main(folder: str) -> int:
    """Train three trials, two at once, that wait for a signal."""
    # Imported here, since workers import this module.
    from tests.search.targets import patient
    from trainer.search.executor import ProcessExecutor
    from trainer.search.run import Search, SearchInterruptedError
    from trainer.search.study import Study

    study = Study("s", {}, folder, seeds=[1, 2, 3], parallel=2)
    executor = ProcessExecutor(patient, preload=())
    try:
        Search(study, lambda trial, _: (folder, trial.number)).run(executor)
    except SearchInterruptedError:
        return 75
    finally:
        executor.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
