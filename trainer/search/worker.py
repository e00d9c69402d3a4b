"""What a worker process does with a segment: it trains it, and returns its result."""

import math
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from tqdm import tqdm

from trainer.errors import InputError
from trainer.search.segments import Request, train_segment
from trainer.search.trials import Result
from trainer.training.callbacks.stop_on_signal import StoppedError
from trainer.training.nan_guard import NonFiniteError

# Instead of a semaphore of the system, which a killed worker would leave behind.
tqdm.set_lock(threading.RLock())


def run_segment(request: Request) -> Result | None:
    """Train a segment, from its trial's last checkpoint if there is one.

    Returns:
        Its result; None if a signal stopped it, with a checkpoint.
    """
    begin = time.monotonic()
    _redirect_output(Path(request.log))
    try:
        metrics = train_segment(request)
    except StoppedError:
        return None
    except Exception as error:  # whatever ends a run: the search goes on without it
        traceback.print_exc()  # to the trial's log
        return Result(None, {}, time.monotonic() - begin, one_line(error))
    # The journal has no others.
    metrics = {name: value for name, value in metrics.items() if _is_finite(value)}
    seconds = time.monotonic() - begin
    score = metrics.get(request.metric)
    if score is None:
        return Result(None, metrics, seconds, f"{request.metric} is not measured, or not finite")
    return Result(score, metrics, seconds)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def one_line(error: Exception) -> str:
    """Return the reason of a failure, without the texts of rows: reports are shared."""
    lines = str(error).strip().splitlines() or [""]
    if isinstance(error, NonFiniteError):
        start, found, _ = lines[0].partition(" rows: ")
        lines[0] = f"{start}{' rows, which the log of the run shows' if found else ''}"
    text = lines[0] if isinstance(error, InputError) else f"{type(error).__name__}: {lines[0]}"
    return text[:500]


def _redirect_output(log: Path) -> None:
    """Append what this process and the libraries in it print to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
