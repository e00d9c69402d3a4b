"""What a run trainable: all of the model, its heads alone, or low-rank additions to the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.configuration_hybrid_mtl import SHARED_ADAPTER
from trainer.config.freezing_options import WITHOUT_SHARED, changed_options
from trainer.errors import InputError
from trainer.optimization import SHARED, task_of_param

if TYPE_CHECKING:
    from trainer.config.training_arguments import HybridMTLTrainingArguments


class TrainedParts(TrainerCallback):
    """Freezes what a run does not train, adds the adapters that it does, and clears up after it.

    Heads and adapters of tasks without training rows are left alone. Parameters that were frozen
    before the run stay frozen; all others can be trained again when it is over.

    Args:
        args: what to train.
        tasks: the tasks with training rows.
    """

    def __init__(self, args: HybridMTLTrainingArguments, tasks: Sequence[str]):
        self.args = args
        self.tasks = list(tasks)
        self._model: HybridMTLModel | None = None
        self._resting: list[nn.Parameter] = []

    def prepare(self, model: HybridMTLModel) -> None:
        """Choose the parameters, before weights are loaded and before an optimizer is made.

        During one run a second call changes nothing.

        Raises:
            InputError: if nothing of a task would be trained, or the encoder has no such layers.
        """
        if self._model is model:
            return
        self._check_no_adapter_is_left_behind(model)
        self._add_adapters(model)
        free = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self._check_something_is_trained({task_of_param(n) for n, _ in free if self.is_trained(n)})
        self._resting = [p for name, p in free if not self.is_trained(name)]
        for parameter in self._resting:
            parameter.requires_grad_(False)
        self._model = model

    def is_trained(self, name: str) -> bool:
        """Whether the parameter of this name is trained, if it was not frozen before."""
        owner, trains = task_of_param(name), self.args.trainable
        if owner not in (SHARED, *self.tasks):
            return False
        if name.startswith("heads."):
            return True
        if ".lora_" in name:
            return trains in ("all", "lora" if owner == SHARED else "adapters")
        return trains == "all"

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs
    ) -> None:
        if self.args.trainable == "lora" and self._model is not None:
            self._model.merge_adapter(SHARED_ADAPTER)
        self.release()

    def release(self) -> None:
        """Free what `prepare` froze."""
        for parameter in self._resting:
            parameter.requires_grad_(True)
        self._model, self._resting = None, []

    def _add_adapters(self, model: HybridMTLModel) -> None:
        wanted = {"lora": [SHARED_ADAPTER], "adapters": self.tasks}.get(self.args.trainable, [])
        for name in wanted:
            if name in model.config.adapters:
                self._check_like(name, model.config.adapters[name])
        new = [name for name in wanted if name not in model.config.adapters]
        if new:
            try:
                model.attach_task_adapters(
                    new,
                    rank=self.args.lora_rank,
                    alpha=self.args.lora_alpha,
                    dropout=self.args.lora_dropout,
                    target_modules=self.args.lora_targets or default_targets(model),
                )
            except ValueError as error:
                raise InputError(f"lora_targets: {error}") from error

    def _check_like(self, name: str, adapter: dict[str, Any]) -> None:
        there = {**adapter, "targets": adapter["target_modules"]}
        for option in changed_options(self.args):
            given, found = getattr(self.args, option), there[option.removeprefix("lora_")]
            if given != found:
                raise InputError(
                    f"{option} = {given!r}: the model's adapter '{name}', which is trained on, has "
                    f"{found!r}; leave the option out"
                )

    def _check_no_adapter_is_left_behind(self, model: HybridMTLModel) -> None:
        if self.args.trainable in WITHOUT_SHARED:
            return
        trained = self.tasks if self.args.trainable == "all" else []
        for name in model.config.adapters:
            if name not in (SHARED_ADAPTER, *trained):
                raise InputError(
                    f"trainable = '{self.args.trainable}': would change the encoder under the "
                    f"adapter of task '{name}', which is not trained; use trainable: heads or "
                    "adapters"
                )

    def _check_something_is_trained(self, params_by_task: set[str]) -> None:
        for task in self.tasks if SHARED not in params_by_task else ():
            if task not in params_by_task:
                raise InputError(
                    f"trainable = '{self.args.trainable}': the head of task '{task}' has no "
                    "parameters, and nothing of it would be trained; leave the task out, give it "
                    "hidden_sizes, or use trainable: adapters"
                )


def default_targets(model: HybridMTLModel) -> list[str]:
    """The layers that peft gives additions to in an encoder of this type.

    Raises:
        InputError: if peft has no say on it.
    """
    # It takes a while, and other runs need not wait for it.
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    kind = model.config.backbone_config.model_type
    if not isinstance(KNOWN.get(kind), list):
        raise InputError(
            f"lora_targets: name the linear layers that get additions; for an encoder of type "
            f"{kind} there is no default"
        )
    return list(KNOWN[kind])
