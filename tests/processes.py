"""Runs in processes of their own."""

import subprocess


def finish(running: subprocess.Popen) -> str | None:
    """What a run printed, if that is kept, when it has ended well."""
    said, errors = running.communicate(timeout=240)
    assert running.returncode == 0, errors[-3000:]
    return said
