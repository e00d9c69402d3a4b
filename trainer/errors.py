"""The exception for invalid input, and helpers for its messages."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

_MAX_CHARACTERS, _MAX_NAMES = 100, 20
# Terminal control characters, and characters that reorder the text around them.
_UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# Names in other libraries -> names here, of which the first valid one is suggested.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "accumulation_steps": ("gradient_accumulation_steps",),
    "backbone": ("model_name_or_path",),
    "batch_size": ("per_device_train_batch_size",),
    "classes": ("labels",),
    "clip_grad_norm": ("max_grad_norm",),
    "data": ("dataset", "data_dir"),
    "data_path": ("dataset", "data_dir"),
    "device": ("use_cpu",),
    "dropout": ("backbone_dropout",),
    "encoder": ("model_name_or_path",),
    "epoch": ("num_train_epochs",),
    "epochs": ("num_train_epochs",),
    "eval_batch_size": ("per_device_eval_batch_size",),
    "gradient_clipping": ("max_grad_norm",),
    "hidden_size": ("hidden_sizes",),
    "label_names": ("labels",),
    "learning_rate_scheduler": ("lr_scheduler_type",),
    "lora_r": ("lora_rank",),
    "lr": ("learning_rate",),
    "lr_scheduler": ("lr_scheduler_type",),
    "max_epochs": ("num_train_epochs",),
    "max_seq_len": ("max_length",),
    "max_seq_length": ("max_length",),
    "model": ("model_name_or_path",),
    "model_name": ("model_name_or_path",),
    "n_epochs": ("num_train_epochs",),
    "no_cuda": ("use_cpu",),
    "num_epochs": ("num_train_epochs",),
    "num_warmup_steps": ("warmup_steps",),
    "num_workers": ("dataloader_num_workers",),
    "optimizer": ("optim",),
    "output": ("output_dir",),
    "path": ("dataset", "data_dir"),
    "pretrained_model_name_or_path": ("model_name_or_path",),
    "range": ("score_range",),
    "scheduler": ("lr_scheduler_type",),
    "seq_length": ("max_length",),
    "steps": ("max_steps",),
    "task_type": ("kind",),
    "train_batch_size": ("per_device_train_batch_size", "batch_size"),
    "type": ("kind",),
    "warmup": ("warmup_steps",),
    "warmup_ratio": ("warmup_steps",),
    "wd": ("weight_decay",),
    "weight": ("loss_weight",),
}
# Below this similarity, from 0 to 1, suggestions were more often wrong than right.
_CUTOFF = 0.7
_MIN_PREFIX = 4


class InputError(ValueError):
    """Invalid input. The message names the file, row, column or option and the remedy.

    Control characters, which may come from quoted files, are escaped.
    """

    def __init__(self, message: str):
        super().__init__(_UNSAFE.sub(lambda match: ascii(match[0])[1:-1], message))


def truncated_repr(value: Any) -> str:
    """Return the beginning of a value's `repr`."""
    length = _MAX_CHARACTERS
    text = repr(value[: length + 1] if isinstance(value, (str, bytes, list)) else value)
    return text if len(text) <= length + 2 else f"{text[:length]}…"


def join_truncated(names: Sequence[str]) -> str:
    """Return the first of the names, long ones truncated, separated by commas."""
    length = _MAX_CHARACTERS
    text = ", ".join(n if len(n) <= length else f"{n[:length]}…" for n in names[:_MAX_NAMES])
    return text if len(names) <= _MAX_NAMES else f"{text}, … ({len(names)} in all)"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for a synonym or similar name in `names`, or an empty string.

    Upper and lower case, and `-` and `_`, are not distinguished.
    """

    def key(name: str) -> str:
        return name.lower().replace("-", "_")

    # The first of several spellings is suggested.
    spellings = {key(n): n for n in reversed(list(names))}
    name = key(name)
    close = [n for n in _SYNONYMS.get(name, ()) if n in spellings]
    if not close and len(name) >= _MIN_PREFIX:
        completions = [n for n in spellings if n.startswith(name)]
        close = completions if len(completions) == 1 else []
    close = close or difflib.get_close_matches(name, spellings, n=1, cutoff=_CUTOFF)
    return f" Did you mean '{spellings[close[0]]}'?" if close else ""
