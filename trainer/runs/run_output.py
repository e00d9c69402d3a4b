"""What a training run shows in the terminal, and all that it writes to its log file."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import TextIOBase
from typing import Any, TextIO

from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils.logging import EmptyTqdm, set_tqdm_hook

from trainer.errors import join_truncated
from trainer.saving.files import finite
from trainer.saving.run_log import RunLog
from trainer.training.callbacks.progress import is_quiet

_VERBOSE = ("info", "debug", "detail")
# Libraries whose messages do not reach the root logger.
_LIBRARIES = ("transformers", "datasets", "huggingface_hub")
# A row of transformers' report on weights: the name, the status.
_NOT_LOADED = re.compile(r"^(\S+)\s*\|\s*(?:MISSING|MISMATCH|CONVERSION)\b", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class _LoggedOutput(TextIOBase):
    """Standard output that also writes to a log, line by line, above any bars.

    Args:
        terminal: the standard output before; None shows nothing.
        log: the run's log.
    """

    def __init__(self, terminal: TextIO | None, log: RunLog):
        self._terminal = terminal
        self._log = log
        self._rest = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._terminal, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._terminal is not None and self._terminal.isatty()

    def fileno(self) -> int:
        return (self._terminal or sys.__stdout__).fileno()  # type: ignore[union-attr]

    def write(self, text: str) -> int:
        lines, newline, self._rest = f"{self._rest}{text}".rpartition("\n")
        if newline:
            self._pass_on(f"{lines}\n")
        return len(text)

    def flush(self) -> None:
        if self._terminal is not None:
            self._terminal.flush()

    def finish(self) -> None:
        """Pass on a last line that has no end."""
        if self._rest:
            self._pass_on(f"{self._rest}\n")
        self._rest = ""

    def _pass_on(self, lines: str) -> None:
        self._log.write(lines)
        if self._terminal is not None:
            # Of the bars, which are on standard error.
            with tqdm.external_write_mode(file=sys.stderr):
                self._terminal.write(lines)


class _LogHandler(logging.Handler):
    def __init__(self, log: RunLog):
        super().__init__()
        self._log = log
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._log.write(self.format(record))


class MetricsLog(TrainerCallback):
    """Writes what the trainer logs as lines of JSON to the log; verbose, to standard output."""

    def __init__(self, log: RunLog, verbose: bool):
        self._log = log
        self._verbose = verbose

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if state.is_world_process_zero and logs:
            line = json.dumps(finite({"step": state.global_step, **logs}))
            if self._verbose:
                print(line, flush=True)
            else:
                self._log.write(line)


@contextmanager
def run_output(
    args: TrainingArguments, pooling: str = "mean"
) -> Iterator[tuple[RunLog, list[TrainerCallback]]]:
    """Show a run's output as `log_level` asks, and yield its log, with a callback for the trainer.

    All that is printed in the block, and all messages of libraries, go to the log. With a
    `log_level` of `error` or `critical` only those are shown that are errors; with `info` or
    `debug` everything. Processes other than the first have no log.

    transformers' bars, of a second for each file, are left out.

    Args:
        args: of the run.
        pooling: of the model; an encoder's pooler is needed with `pooler` alone.
    """
    log = RunLog()
    verbose = args.log_level in _VERBOSE
    is_first = not args.process_index
    hide = None if verbose else _HiddenMessages(is_first, is_quiet(args), pooling == "pooler")
    if not is_first:
        with _filtered(hide):
            yield log, []
        return
    output: Any = _LoggedOutput(None if is_quiet(args) else sys.stdout, log)
    with redirect_stdout(output), _filtered(hide), _logged_messages(log, is_quiet(args)):
        try:
            yield log, [MetricsLog(log, verbose)]
        finally:
            output.finish()
            log.close()


@contextmanager
def _logged_messages(log: RunLog, quiet: bool) -> Iterator[None]:
    """Write the messages of all loggers to the log."""
    root = logging.getLogger()
    to_log = _LogHandler(log)
    added: list[tuple[logging.Logger, logging.Handler]] = [(root, to_log)]
    if not root.handlers:
        # Python shows warnings by itself only if there is no handler.
        shown = logging.StreamHandler()
        shown.setLevel(logging.ERROR if quiet else logging.WARNING)
        added.append((root, shown))
    libraries = map(logging.getLogger, _LIBRARIES)
    added += [(logger, to_log) for logger in libraries if not logger.propagate]
    for logger, handler in added:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, handler in added:
            logger.removeHandler(handler)


@contextmanager
def _filtered(hide: "_HiddenMessages | None") -> Iterator[None]:
    """Filter what the libraries' own handlers show, and leave out transformers' bars."""
    if hide is None:
        yield
        return
    handlers = [handler for name in _LIBRARIES for handler in logging.getLogger(name).handlers]
    for handler in handlers:
        handler.addFilter(hide)
    bars = set_tqdm_hook(lambda factory, args, options: EmptyTqdm(*args, **options))
    try:
        yield
    finally:
        set_tqdm_hook(bars)
        for handler in handlers:
            handler.removeFilter(hide)


class _HiddenMessages(logging.Filter):
    """Hides transformers' reports on weights, and if quiet all but errors.

    Of a report, the first process prints which weights are missing that should not be.
    """

    def __init__(self, is_first: bool, quiet: bool, needs_pooler: bool):
        super().__init__()
        self._is_first = is_first
        self._quiet = quiet
        self._needs_pooler = needs_pooler

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "LOAD REPORT" not in text:
            return not self._quiet or record.levelno >= logging.ERROR
        lost = weights_not_loaded(text, self._needs_pooler)
        if lost and self._is_first:
            print(
                f"warning: {len(lost)} weights of the encoder were not found and start at random: "
                f"{join_truncated(lost)}",
                flush=True,
            )
        return False


def weights_not_loaded(report: str, needs_pooler: bool) -> list[str]:
    """Return the weights that a model should have found, but did not, by transformers' report.

    New heads and shared layers are as they should be, and so is an encoder's own pooler that no
    sentence vector needs.
    """
    plain = _ESCAPES.sub("", report)
    names = _NOT_LOADED.findall(plain)
    if plain.startswith("HybridMTLModel"):
        names = [name for name in names if name.startswith("backbone.")]
    return [name for name in names if needs_pooler or "pooler." not in name]
