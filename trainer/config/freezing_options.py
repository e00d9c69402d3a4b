"""What a run trains, as options: all of the model, its heads alone, or low-rank additions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from trainer.errors import InputError
from trainer.optimization import NEED_TASK_GRADIENTS
from trainer.options import check_choice

if TYPE_CHECKING:
    from trainer.config.training_arguments import HybridMTLTrainingArguments


TRAINS = ("all", "heads", "lora", "adapters")


WITH_ADAPTERS = ("lora", "adapters")


WITHOUT_SHARED = ("heads", "adapters")


@dataclass
class TrainedPartsOptions:
    """What is trained, and the shape of low-rank additions."""

    trains: str = field(
        default="all",
        metadata={
            "help": "What is trained beside the heads of the tasks with training rows. all: the "
            "encoder, and the adapters that these tasks have. heads: nothing; the encoder stays "
            "as it is, with its dropout on as always. lora: low-rank additions to the encoder that "
            "all tasks share and that are folded into it when training ends. adapters: low-rank "
            "additions for each task of its own, at learning_rate; they stay in the model, and "
            "those that a task has already are trained on."
        },
    )
    lora_rank: int = field(default=8, metadata={"help": "trains lora, adapters: the rank."})
    lora_alpha: float = field(
        default=16.0,
        metadata={"help": "trains lora, adapters: additions are scaled by lora_alpha / lora_rank."},
    )
    lora_dropout: float = field(
        default=0.0, metadata={"help": "trains lora, adapters: dropout of what additions read."}
    )
    lora_targets: list[str] | None = field(
        default=None,
        metadata={
            "help": "trains lora, adapters: the linear layers of the encoder that get additions, "
            "by their last names; what peft takes for this kind of encoder if left out, such as "
            "query and value."
        },
    )


def check_trained_parts(args: HybridMTLTrainingArguments) -> None:
    """Make sure that what is trained is known, and that no option is set without an effect.

    Raises:
        InputError: naming the option and what to do.
    """
    check_choice("trains", args.trains, TRAINS)
    changed = changed_options(args)
    if changed and args.trains not in WITH_ADAPTERS:
        raise InputError(
            f"{changed[0]}: has no effect with trains: {args.trains}; leave it out, or use trains: "
            f"lora or adapters"
        )
    # Put so that NaN fails, too.
    if type(args.lora_rank) is not int or args.lora_rank < 1:
        raise InputError(f"lora_rank = {args.lora_rank!r}: must be a whole number, 1 or more")
    if not 0 < args.lora_alpha < math.inf:
        raise InputError(f"lora_alpha = {args.lora_alpha!r}: must be a number above 0")
    if not 0 <= args.lora_dropout < 1:
        raise InputError(f"lora_dropout = {args.lora_dropout!r}: must be from 0 to below 1")
    if args.lora_targets == []:
        raise InputError("lora_targets: names no layer; leave it out, or name linear layers")
    checkpointing = args.activation_checkpointing_kwargs or {}
    if args.trains in WITH_ADAPTERS and checkpointing.get("use_reentrant"):
        raise InputError(
            f"activation_checkpointing_kwargs: with use_reentrant no gradient reaches what trains: "
            f"{args.trains} trains inside a frozen encoder; leave use_reentrant out"
        )
    wanting = {
        f"rule = '{args.rule}'": args.rule != "sum",
        "gradient_cosines": args.gradient_cosines,
        f"layer_decay = {args.layer_decay!r}": args.layer_decay is not None,
        f"layout = '{args.layout}'": args.layout in NEED_TASK_GRADIENTS,
    }
    for option, is_set in wanting.items():
        if is_set and args.trains in WITHOUT_SHARED:
            raise InputError(
                f"{option}: with trains: {args.trains} the tasks share no parameters that are "
                f"trained; leave it out, or use trains: all or lora"
            )


def changed_options(args: HybridMTLTrainingArguments) -> list[str]:
    """The options of low-rank additions that are not at their defaults."""
    options = [f for f in fields(TrainedPartsOptions) if f.name != "trains"]
    return [f.name for f in options if getattr(args, f.name) != f.default]
