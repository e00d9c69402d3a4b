"""Functions in place of training, in a module that workers import quickly."""

import os
import signal

from trainer.search.trials import Result


def quality(given):
    seed, values = given
    return Result(seed + values["learning_rate"])


def killed(given):
    if given[1]["learning_rate"] == 2e-5:
        os.kill(os.getpid(), signal.SIGKILL)
    return quality(given)
