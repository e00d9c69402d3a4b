"""Choice of the trainable parameters: the whole model, its heads, LoRA or task adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.configuration_hybrid_mtl import SHARED_ADAPTER
from modeling_hybrid_mtl.lora_hybrid_mtl import target_layers
from trainer.config.freezing_options import WITHOUT_SHARED, changed_options
from trainer.errors import InputError
from trainer.optimization import SHARED, task_of_param

if TYPE_CHECKING:
    from trainer.config.training_arguments import HybridMTLTrainingArguments


def check_lora_targets(args: HybridMTLTrainingArguments, model: HybridMTLModel) -> None:
    """Check, before anything is written, that `lora_targets` are layers of the encoder.

    Raises:
        InputError: naming the target that is not.
    """
    try:
        target_layers(model.backbone, args.lora_targets or ())
    except ValueError as error:
        raise InputError(f"lora_targets: {error}") from error


class TrainedParts(TrainerCallback):
    """Freezes parameters and adds adapters for a run, and restores the model after it.

    Heads and adapters of tasks without training rows are not trained. Parameters that were frozen
    before the run stay frozen.

    Args:
        args: the training arguments.
        tasks: the tasks with training rows.
    """

    def __init__(self, args: HybridMTLTrainingArguments, tasks: Sequence[str]):
        self.args = args
        self.tasks = list(tasks)
        self._model: HybridMTLModel | None = None
        self._frozen: list[nn.Parameter] = []

    def prepare(self, model: HybridMTLModel) -> None:
        """Freeze parameters and add adapters, before weights are loaded or an optimizer is created.

        Further calls during a run have no effect.

        Raises:
            InputError: if a task has no trainable parameters, or `lora_targets` match no layers.
        """
        if self._model is model:
            return
        self._check_no_untrained_adapter(model)
        self._add_adapters(model)
        unfrozen = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self._check_all_tasks_trained({task_of_param(n) for n, _ in unfrozen if self.is_trained(n)})
        self._frozen = [p for name, p in unfrozen if not self.is_trained(name)]
        for parameter in self._frozen:
            parameter.requires_grad_(False)
        self._model = model

    def is_trained(self, name: str) -> bool:
        """Return whether a parameter is trained, unless it was frozen before."""
        owner, trainable = task_of_param(name), self.args.trainable
        if owner not in (SHARED, *self.tasks):
            return False
        if name.startswith("heads."):
            return True
        if ".lora_" in name:
            return trainable in ("all", "lora" if owner == SHARED else "adapters")
        if name.startswith("shared_layers."):
            return trainable not in WITHOUT_SHARED
        return trainable == "all"

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs
    ) -> None:
        if self.args.trainable == "lora" and self._model is not None:
            self._model.merge_adapter(SHARED_ADAPTER)
        self.release()

    def release(self) -> None:
        """Unfreeze the parameters that `prepare` froze."""
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        self._model, self._frozen = None, []

    def _add_adapters(self, model: HybridMTLModel) -> None:
        names = {"lora": [SHARED_ADAPTER], "adapters": self.tasks}.get(self.args.trainable, [])
        for name in names:
            if name in model.config.adapters:
                self._check_options_match(name, model.config.adapters[name])
        new = [name for name in names if name not in model.config.adapters]
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

    def _check_options_match(self, name: str, adapter: dict[str, Any]) -> None:
        options = {**adapter, "targets": adapter["target_modules"]}
        for option in changed_options(self.args):
            value, existing = getattr(self.args, option), options[option.removeprefix("lora_")]
            if value != existing:
                raise InputError(
                    f"{option} = {value!r}: the model's existing adapter '{name}' has "
                    f"{existing!r}; remove the option"
                )

    def _check_no_untrained_adapter(self, model: HybridMTLModel) -> None:
        if self.args.trainable in WITHOUT_SHARED:
            return
        trained = self.tasks if self.args.trainable == "all" else []
        for name in model.config.adapters:
            if name not in (SHARED_ADAPTER, *trained):
                raise InputError(
                    f"trainable = '{self.args.trainable}': would change the encoder of the "
                    f"adapter of task '{name}', which is not trained; use trainable: heads or "
                    "adapters"
                )

    def _check_all_tasks_trained(self, trained_tasks: set[str]) -> None:
        for task in self.tasks if SHARED not in trained_tasks else ():
            if task not in trained_tasks:
                raise InputError(
                    f"trainable = '{self.args.trainable}': the head of task '{task}' has no "
                    "parameters to train; remove the task, set its hidden_sizes, or use trainable: "
                    "adapters"
                )


def default_targets(model: HybridMTLModel) -> list[str]:
    """Return peft's default target layers for an encoder of this type.

    Raises:
        InputError: if peft has none.
    """
    # Slow to import, and not needed by other runs.
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as DEFAULTS

    kind = model.config.backbone_config.model_type
    if not isinstance(DEFAULTS.get(kind), list):
        raise InputError(
            f"required, since there is no default for an encoder of type {kind}; "
            "name the linear layers to adapt"
        )
    return list(DEFAULTS[kind])
