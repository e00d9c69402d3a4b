"""A search in a process of its own, which a test may kill."""

import sys


def main(folder: str, engine: str = "processes", target: str = "patient") -> int:
    """Train four trials, two at once, with a function of `targets`."""
    # Imported here, since workers import this module.
    from tests.search import targets
    from trainer.search.executor import Executor, ProcessExecutor
    from trainer.search.ray_executor import RayExecutor
    from trainer.search.run import Search, SearchInterruptedError
    from trainer.search.study import Study

    study = Study("s", {}, folder, seeds=[1, 2, 3, 4], parallel=2)
    search = Search(study, lambda trial, _: (folder, trial.number))
    function = getattr(targets, target)
    executor: Executor = (
        RayExecutor(function, 2, 1, None, search.journal.path)
        if engine == "ray"
        else ProcessExecutor(function, preload=())
    )
    try:
        search.run(executor)
    except SearchInterruptedError:
        return 75
    finally:
        executor.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
