"""A Ray whose actors are threads of this process, for quick tests of its drivers."""

import copy
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace


class RayError(Exception):
    """An actor has died, or failed: `cause` is what it raised."""

    def __init__(self, cause=None):
        super().__init__(str(cause or "Worker exit detail: killed"))
        self.cause = cause


class DeathError(BaseException):
    """Raised by an actor whose process ends."""


class FakeRay:
    """The functions of Ray that drivers use.

    Attributes:
        started: the options of each actor.
        running: the actors that are not killed.
    """

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, gpus=0):
        self._gpus = gpus
        self.started, self.running = [], []

    def init(self, address, **options):
        self.address = address

    def cluster_resources(self):
        return {"CPU": 4.0, "GPU": float(self._gpus)}

    def put(self, value):
        return value

    def shutdown(self):
        assert not self.running

    def kill(self, actor):
        self.running.remove(actor)
        actor.end()

    def remote(self, **options):
        return lambda cls: SimpleNamespace(remote=lambda *args: self._start(cls, args, options))

    def _start(self, cls, arguments, options):
        self.started.append(options)
        self.running.append(_Actor(cls, arguments))
        return self.running[-1]


class _Actor:
    def __init__(self, cls, arguments):
        self._thread = ThreadPoolExecutor(1)
        self._object = self._thread.submit(lambda: cls(*copy.deepcopy(arguments)))
        self.end = self._thread.shutdown

    def __getattr__(self, name):
        def remote(*arguments):
            done = self._thread.submit(self._call, name, arguments)
            return SimpleNamespace(future=lambda: done)

        return SimpleNamespace(remote=remote)

    def _call(self, name, arguments):
        try:
            return getattr(self._object.result(), name)(*arguments)
        except DeathError:
            raise RayError from None
        except Exception as error:
            raise RayError(error) from error
