"""Runs in processes of their own."""

import signal
import subprocess

import psutil


def finish(running: subprocess.Popen) -> str | None:
    """What a run printed, if that is kept, when it has ended well."""
    said, errors = running.communicate(timeout=240)
    assert running.returncode == 0, errors[-3000:]
    return said


def kill_all(running: subprocess.Popen) -> None:
    """SIGKILL to a process and all that it started, which may be in sessions of their own.

    One that has ended by itself meanwhile is left as it is: whoever kills at a drawn moment may
    come too late.
    """
    # A launcher that sees one of its processes die ends the others in its own way.
    running.send_signal(signal.SIGSTOP)
    if running.returncode is not None:
        return
    started = psutil.Process(running.pid).children(recursive=True)
    for process in [*started, running]:
        process.kill()
    psutil.wait_procs(started)
    running.communicate()
