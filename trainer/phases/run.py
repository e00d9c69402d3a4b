"""Training phase by phase; each starts from the model folder that the one before it wrote."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig, PreTrainedTokenizerBase, TrainerState
from transformers.trainer_utils import get_last_checkpoint

from modeling_hybrid_mtl import HybridMTLModel
from trainer.command_line import Phase, Settings
from trainer.hybrid_trainer import HybridMTLTrainer
from trainer.output import folder_in_place
from trainer.phases.records import PhaseRecord, joined_history, read_record, write_record
from trainer.prepare import PreparedData, new_or_trained_model
from trainer.resume import last_checkpoint


def train_in_phases(
    settings: Settings,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    begin: Callable[[], None],
) -> tuple[HybridMTLTrainer, float]:
    """Train every phase that is not finished yet.

    Args:
        settings: what the run was told.
        config: of the encoder or model that the first phase starts from.
        tokenizer: the encoder's.
        data: every task's rows.
        begin: called once when all that can be wrong before the first step has been looked at.

    Returns:
        A trainer that holds the last phase's model, every task's validation rows and the log of all
        phases, and the wall time of training in seconds.
    """
    records: list[PhaseRecord] = []
    start: Path | None = None
    for number, phase in enumerate(settings.phases, start=1):
        record = read_record(phase.folder) if settings.run.resume else None
        if record is None:
            print(
                f"phase {number} of {len(settings.phases)}: {phase.name} "
                f"({phase.objective}: {', '.join(phase.tasks)})",
                flush=True,
            )
            # From the folder even when the model is at hand: a run that is resumed does the same.
            model = _open(start) if start else new_or_trained_model(settings, config)
            if number == 1:
                begin()
            record = OBJECTIVES[phase.objective](settings, phase, model, tokenizer, data)
        records.append(record)
        start = phase.folder
    assert start is not None
    trainer = HybridMTLTrainer(
        _open(start),
        settings.phases[-1].training,
        eval_dataset=data.validation,
        processing_class=tokenizer,
    )
    trainer.state = TrainerState(
        epoch=sum(record.epochs for record in records),
        global_step=sum(record.steps for record in records),
        log_history=joined_history(records, list(settings.tasks)),
    )
    return trainer, sum(record.seconds for record in records)


def _open(folder: Path) -> HybridMTLModel:
    return HybridMTLModel.from_pretrained(folder)


def _train_tasks(
    settings: Settings,
    phase: Phase,
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
) -> PhaseRecord:
    trainer = HybridMTLTrainer(
        model,
        phase.training,
        train_dataset={task: data.train[task] for task in phase.tasks},
        eval_dataset={task: data.validation[task] for task in phase.tasks},
        processing_class=tokenizer,
    )
    begun = time.time()
    trainer.train(resume_from_checkpoint=_checkpoint(settings, phase))
    return _finish(phase, trainer, model, tokenizer, time.time() - begun)


def _checkpoint(settings: Settings, phase: Phase) -> str | None:
    begun = settings.run.resume and phase.folder.is_dir()
    if begun and get_last_checkpoint(str(phase.folder)) is not None:
        return last_checkpoint(phase.folder)
    return None


def _finish(
    phase: Phase,
    trainer: Any,
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    seconds: float,
) -> PhaseRecord:
    state = trainer.state
    record = PhaseRecord(
        phase.name, state.global_step, state.epoch or 0.0, round(seconds, 1), state.log_history
    )
    if trainer.is_world_process_zero():
        with folder_in_place(phase.folder) as staged:
            model.save_pretrained(staged)
            tokenizer.save_pretrained(staged)
        write_record(record, phase.folder)
    trainer.accelerator.wait_for_everyone()
    return record


OBJECTIVES = {"tasks": _train_tasks}
