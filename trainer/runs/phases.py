"""Training phase by phase; each starts from the model folder that the one before it wrote."""

from collections.abc import Callable
from pathlib import Path

from accelerate import PartialState
from transformers import PretrainedConfig, PreTrainedTokenizerBase, TrainerCallback, TrainerState

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from trainer.config.settings import Phase, Settings
from trainer.errors import InputError
from trainer.loading.datasets import PreparedData
from trainer.loading.new_model import load_config, model_path, starting_model, trained_tasks
from trainer.loading.trained_model import open_model
from trainer.saving.checkpoints import find_checkpoint
from trainer.saving.model_folder import write_model
from trainer.saving.phase_records import PhaseRecord, merge_histories, read_record, write_record
from trainer.saving.sessions import Session
from trainer.training.hybrid_trainer import HybridMTLTrainer
from trainer.training.masked_lm import collect_texts, pretrain


def train_in_phases(
    settings: Settings,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    begin: Callable[[], None],
    stop: TrainerCallback,
) -> tuple[HybridMTLTrainer, list[PhaseRecord]]:
    """Train every phase that is not finished yet.

    Args:
        settings: what the run was told.
        config: of the encoder or model that the first phase starts from.
        tokenizer: the encoder's.
        data: every task's rows.
        begin: called once when all that can be wrong before the first step has been looked at.
        stop: ends training early when it is asked to.

    Raises:
        InputError: if a task with a new head is trained in no phase.

    Returns:
        A trainer that holds the last phase's model, every task's validation rows and the log of all
        phases, and an account of each.
    """
    _check_all_are_trained(settings, config)
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
            model = open_model(str(start.absolute())) if start else starting_model(settings, config)
            if number == 1:
                begin()
            record = OBJECTIVES[phase.objective](settings, phase, model, tokenizer, data, stop)
        records.append(record)
        start = phase.folder
    assert start is not None
    model, unscored = open_model(str(start.absolute())), settings.training.unscored_tasks
    trainer = HybridMTLTrainer(
        model,
        settings.training.for_evaluation(model.config.tasks),
        eval_dataset=data.validation,
        processing_class=tokenizer,
    )
    trainer.state = TrainerState(
        epoch=sum(record.epochs for record in records),
        global_step=sum(record.steps for record in records),
        log_history=merge_histories(records, set(settings.tasks) - set(unscored)),
    )
    return trainer, records


def _check_all_are_trained(settings: Settings, config: PretrainedConfig) -> None:
    trained = {t for phase in settings.phases if phase.objective == "tasks" for t in phase.tasks}
    trained |= set(trained_tasks(settings, config))
    for task in settings.tasks:
        if task not in trained:
            raise InputError(
                f"phases: none trains task '{task}', whose head is a new one; leave the task out, "
                f"or name it in a phase"
            )


def _train_tasks(
    settings: Settings,
    phase: Phase,
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    stop: TrainerCallback,
) -> PhaseRecord:
    trainer = HybridMTLTrainer(
        model,
        phase.training,
        train_dataset={task: data.train[task] for task in phase.tasks},
        eval_dataset={task: data.validation[task] for task in phase.tasks},
        processing_class=tokenizer,
        callbacks=[stop],
    )
    trainer.train(resume_from_checkpoint=_checkpoint(settings, phase))
    state = trainer.state
    record = PhaseRecord.of(
        phase.name, state.global_step, state.epoch or 0.0, state.log_history, trainer.sessions
    )
    return _finish(phase, record, model, tokenizer)


def _train_language_model(
    settings: Settings,
    phase: Phase,
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    stop: TrainerCallback,
) -> PhaseRecord:
    run, args = settings.run, phase.training
    # A trained hybrid-mtl model was saved without the language-model head of its encoder.
    is_encoder = not isinstance(load_config(run), HybridMTLConfig)
    sessions: list[Session] = []
    history = pretrain(
        model,
        collect_texts({task: data.train[task] for task in phase.tasks}, args.seed),
        tokenizer,
        args,
        start_from=model_path(run) if is_encoder else None,
        revision=run.model_revision,
        checkpoint=_checkpoint(settings, phase),
        validation=collect_texts({task: data.validation[task] for task in phase.tasks}, args.seed),
        mask_share=phase.mask_share,
        callbacks=[stop],
        sessions=sessions,
    )
    last = history[-1]
    record = PhaseRecord.of(phase.name, int(last["step"]), last["epoch"], history, sessions)
    return _finish(phase, record, model, tokenizer)


def _checkpoint(settings: Settings, phase: Phase) -> str | None:
    found = find_checkpoint(phase.folder) if settings.run.resume else None
    return str(found) if found else None


def _finish(
    phase: Phase,
    record: PhaseRecord,
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
) -> PhaseRecord:
    """Write the phase's model folder and account; all processes go on when they are there."""
    if phase.training.process_index == 0:
        write_model(model, tokenizer, phase.folder)
        write_record(record, phase.folder)
    PartialState().wait_for_everyone()
    return record


OBJECTIVES = {"tasks": _train_tasks, "masked_language_modelling": _train_language_model}
