"""The one exception for input that a user can mend."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

# Characters of a value, and names of a list.
_SHOWN, _LISTED = 100, 20
# Characters that a terminal may act on, or that reorder the text around them.
_UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


# What options and fields are called elsewhere -> names here, of which the first known one is meant.
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
# Below this likeness, from 0 to 1, a guess has more often been wrong than right.
_CLOSE = 0.7
# Characters with which a name's beginning can stand for the name.
_BEGINNING = 4


class InputError(ValueError):
    """Wrong input: the message names the file, row, column or option and says what to do.

    It may quote files of other people's: control characters are shown by their codes.
    """

    def __init__(self, message: str):
        super().__init__(_UNSAFE.sub(lambda found: ascii(found[0])[1:-1], message))


def truncated_repr(value: Any) -> str:
    """A value as a message quotes it: no more than its beginning."""
    text = repr(value[: _SHOWN + 1] if isinstance(value, (str, bytes, list)) else value)
    return text if len(text) <= _SHOWN + 2 else f"{text[:_SHOWN]}…"


def join_truncated(names: Sequence[str]) -> str:
    """Names as a message lists them: the first ones, and the beginnings of long ones."""
    text = ", ".join(n if len(n) <= _SHOWN else f"{n[:_SHOWN]}…" for n in names[:_LISTED])
    return text if len(names) <= _LISTED else f"{text}, … ({len(names)} in all)"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for a known name that is meant or close, or nothing if none is."""
    names = list(known)
    meant = _SYNONYMS.get(name.lower().replace("-", "_"), ())
    close = [n for n in meant if n in names]
    if not close and len(name) >= _BEGINNING:
        begun = [n for n in names if n.startswith(name)]
        close = begun if len(begun) == 1 else []
    close = close or difflib.get_close_matches(name, names, n=1, cutoff=_CLOSE)
    return f" Did you mean '{close[0]}'?" if close else ""
