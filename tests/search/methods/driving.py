"""Studies for tests of search methods, and a function in place of training."""

import math

from trainer.search.methods import make_method
from trainer.search.space import read_space
from trainer.search.study import Study
from trainer.search.trials import Result

RATE = {"low": 1e-6, "high": 1e-1, "log": True}


def make_study(folder="unused", **settings):
    settings = {"seeds": [1], "space": {"learning_rate": RATE}, **settings}
    return Study("s", {}, str(folder), **{**settings, "space": read_space(settings["space"])})


def drive(method, train, parallel=1, last_first=False):
    """Train what a method asks for; return its (segment, result) in the order of the results."""
    running, results = [], []
    while not method.done:
        while len(running) < parallel and (segment := method.ask()):
            running.append(segment)
        segment = running.pop(-1 if last_first else 0)
        results.append((segment, train(segment)))
        method.tell(*results[-1])
    return results


class Executor:
    """Executes segments in this process, in their order; fails after so many."""

    def __init__(self, train, ends_after=None):
        self.train, self.left, self.queue = train, ends_after, []

    def submit(self, key, segment):
        self.queue.append((key, segment))

    def wait(self):
        if self.left == 0:
            raise RuntimeError("power is lost")
        self.left = None if self.left is None else self.left - 1
        key, segment = self.queue.pop(0)
        return key, self.train(segment)


class MovingOptimum:
    """Weights that improve the more, the nearer the rate is to an optimum, which falls over time.

    Weights are a number; they are saved at the end of segments.
    """

    cycles = 200

    def __init__(self, method):
        self.method, self.saved = method, {}

    def __call__(self, segment):
        source = segment.trial if segment.donor is None else segment.donor
        weights = self.saved[source, segment.start] if segment.start else 0.0
        values = segment.values or self.method.trials[segment.trial - 1].values
        end = self.cycles if segment.until is None else segment.until
        for step in range(segment.start, end):
            optimum = -2 - 3 * step / self.cycles
            weights += math.exp(-4 * (math.log10(values["learning_rate"]) - optimum) ** 2)
        self.saved[segment.trial, end] = weights
        return Result(weights)


def best_of(**settings):
    """Return the best final score of a search of the moving optimum."""
    method = make_method(make_study(**settings))
    results = drive(method, MovingOptimum(method))
    return max(result.score for segment, result in results if segment.until is None)
