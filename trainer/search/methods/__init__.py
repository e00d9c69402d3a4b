"""Search methods, registered in `METHODS`."""

from trainer.search.methods.fixed import __name__ as _fixed  # noqa: F401 (registers)
