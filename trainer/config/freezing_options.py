"""The options of trained parameters: all of the model, its heads alone, or adapters."""

import math
from dataclasses import dataclass, fields

from trainer.errors import InputError
from trainer.options import changed, check_choice, check_options, option

TRAINABLE = ("all", "heads", "lora", "adapters")


WITH_ADAPTERS = ("lora", "adapters")


WITHOUT_SHARED = ("heads", "adapters")


@dataclass
class TrainedPartsOptions:
    """The trained parameters, and the shape of adapters."""

    trainable: str = option(
        "all",
        "The parameters that are trained, besides the heads of tasks with training rows. all: the "
        "encoder, the shared layers, and the adapters of these tasks. heads: none; the encoder is "
        "frozen, with its dropout on. lora: one LoRA adapter for all tasks, which is merged into "
        "the encoder when training ends, and the shared layers. adapters: a LoRA adapter per task, "
        "which stays in the model; existing adapters are trained further.",
        group="optimization",
        card="changed",
    )
    lora_rank: int = option(
        8,
        "trainable lora, adapters: rank of the low-rank matrices.",
        group="optimization",
        needs=("trainable", WITH_ADAPTERS),
    )
    lora_alpha: float = option(
        16.0,
        "trainable lora, adapters: updates are scaled by lora_alpha / lora_rank.",
        group="optimization",
        needs=("trainable", WITH_ADAPTERS),
    )
    lora_dropout: float = option(
        0.0,
        "trainable lora, adapters: dropout of the inputs of the low-rank matrices.",
        group="optimization",
        needs=("trainable", WITH_ADAPTERS),
    )
    lora_targets: list[str] | None = option(
        None,
        "trainable lora, adapters: the linear layers of the encoder to adapt, by the last part "
        "of their names; peft's choice for the type of encoder if unset, such as query and value.",
        group="optimization",
        needs=("trainable", WITH_ADAPTERS),
    )


_OF_ADAPTERS = [f.name for f in fields(TrainedPartsOptions) if f.name != "trainable"]


def check_trained_parts(args: TrainedPartsOptions) -> None:
    """Check the options of trained parameters, and that none is set without an effect.

    Raises:
        InputError: naming the option and what to do.
    """
    check_choice("trainable", args.trainable, TRAINABLE)
    check_options(args, TrainedPartsOptions)
    # Written so that NaN fails, too.
    if type(args.lora_rank) is not int or args.lora_rank < 1:
        raise InputError(f"lora_rank = {args.lora_rank!r}: must be a whole number, 1 or more")
    if not 0 < args.lora_alpha < math.inf:
        raise InputError(f"lora_alpha = {args.lora_alpha!r}: must be a number above 0")
    if not 0 <= args.lora_dropout < 1:
        raise InputError(f"lora_dropout = {args.lora_dropout!r}: must be from 0 to below 1")
    if args.lora_targets == []:
        raise InputError("lora_targets: is empty; unset it, or name linear layers")


def changed_options(options: TrainedPartsOptions) -> list[str]:
    """Return the options of adapters that are not at their defaults."""
    return list(changed(options, _OF_ADAPTERS))
