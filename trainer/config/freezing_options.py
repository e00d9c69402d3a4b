"""What a run trains, as options: all of the model, its heads alone, or low-rank additions."""

import math
from dataclasses import dataclass, fields

from trainer.errors import InputError
from trainer.options import changed, check_choice, check_options, option

TRAINABLE = ("all", "heads", "lora", "adapters")


WITH_ADAPTERS = ("lora", "adapters")


WITHOUT_SHARED = ("heads", "adapters")


@dataclass
class TrainedPartsOptions:
    """What is trained, and the shape of low-rank additions."""

    trainable: str = option(
        "all",
        "What is trained beside the heads of the tasks with training rows. all: the "
        "encoder, and the adapters that these tasks have. heads: nothing; the encoder stays "
        "as it is, with its dropout on as always. lora: low-rank additions to the encoder that "
        "all tasks share and that are folded into it when training ends. adapters: low-rank "
        "additions for each task of its own, at learning_rate; they stay in the model, and "
        "those that a task has already are trained on.",
        group="optimization",
        card="changed",
    )
    lora_rank: int = option(
        8,
        "trainable lora, adapters: the rank.",
        group="optimization",
        needs=("trainable", WITH_ADAPTERS),
    )
    lora_alpha: float = option(
        16.0,
        "trainable lora, adapters: additions are scaled by lora_alpha / lora_rank.",
        group="optimization",
        needs=("trainable", WITH_ADAPTERS),
    )
    lora_dropout: float = option(
        0.0,
        "trainable lora, adapters: dropout of what additions read.",
        group="optimization",
        needs=("trainable", WITH_ADAPTERS),
    )
    lora_targets: list[str] | None = option(
        None,
        "trainable lora, adapters: the linear layers of the encoder that get additions, "
        "by their last names; what peft takes for this kind of encoder if left out, such as "
        "query and value.",
        group="optimization",
        needs=("trainable", WITH_ADAPTERS),
    )


_OF_ADDITIONS = [f.name for f in fields(TrainedPartsOptions) if f.name != "trainable"]


def check_trained_parts(args: TrainedPartsOptions) -> None:
    """Make sure that what is trained is known, and that no option is set without an effect.

    Raises:
        InputError: naming the option and what to do.
    """
    check_choice("trainable", args.trainable, TRAINABLE)
    check_options(args, TrainedPartsOptions)
    # Put so that NaN fails, too.
    if type(args.lora_rank) is not int or args.lora_rank < 1:
        raise InputError(f"lora_rank = {args.lora_rank!r}: must be a whole number, 1 or more")
    if not 0 < args.lora_alpha < math.inf:
        raise InputError(f"lora_alpha = {args.lora_alpha!r}: must be a number above 0")
    if not 0 <= args.lora_dropout < 1:
        raise InputError(f"lora_dropout = {args.lora_dropout!r}: must be from 0 to below 1")
    if args.lora_targets == []:
        raise InputError("lora_targets: names no layer; leave it out, or name linear layers")


def changed_options(options: TrainedPartsOptions) -> list[str]:
    """Return the options of low-rank additions that are not at their defaults."""
    return list(changed(options, _OF_ADDITIONS))
