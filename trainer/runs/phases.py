"""Training phase by phase; each starts from the model folder that the previous one wrote."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from accelerate import PartialState
from transformers import PretrainedConfig, PreTrainedTokenizerBase, TrainerCallback, TrainerState

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from trainer.config.run_arguments import RunArguments
from trainer.config.settings import Phase, Settings
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError
from trainer.loading.datasets import PreparedData
from trainer.loading.new_model import model_path, starting_model, trained_tasks
from trainer.loading.trained_model import open_model
from trainer.saving.checkpoints import find_checkpoint
from trainer.saving.model_folder import write_model
from trainer.saving.phase_records import PhaseRecord, merge_histories, read_record, write_record
from trainer.saving.sessions import Session
from trainer.training.callbacks.freezing import check_lora_targets
from trainer.training.hybrid_trainer import HybridMTLTrainer
from trainer.training.masked_lm import collect_texts, pretrain


@dataclass
class PhaseInputs:
    """The inputs of one phase of training.

    Attributes:
        phase: its tasks, objective and arguments.
        model: the model to train.
        tokenizer: the encoder's.
        data: every task's rows.
        checkpoint: to resume from, if any.
        encoder: name and revision of the pretrained encoder; None after another hybrid-mtl model.
        callbacks: of the trainer, such as one that ends training early on a signal.
    """

    phase: Phase
    model: HybridMTLModel
    tokenizer: PreTrainedTokenizerBase
    data: PreparedData
    checkpoint: str | None
    encoder: tuple[str, str | None] | None
    callbacks: list[TrainerCallback]


def train_in_phases(
    settings: Settings,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    begin: Callable[[], None],
    callbacks: list[TrainerCallback],
) -> tuple[HybridMTLTrainer, list[PhaseRecord]]:
    """Train every phase that is not finished yet.

    Args:
        settings: of the run.
        config: of the encoder or model that the first phase starts from.
        tokenizer: the encoder's.
        data: every task's rows.
        begin: called once, after all checks that can be made before the first step.
        callbacks: of the trainer, such as one that ends training early on a signal.

    Raises:
        InputError: if a task with a new head is trained in no phase.

    Returns:
        A trainer with the last phase's model, every task's validation rows and the log of all
        phases; and a record of each phase.
    """
    run, phases, tasks = settings.run, settings.phases, settings.task_configs
    _check_all_are_trained(phases, tasks, trained_tasks(tasks, config))
    encoder = _pretrained_encoder(run, config)
    records: list[PhaseRecord] = []
    for number, phase in enumerate(phases, start=1):
        record = read_record(phase.folder) if run.resume else None
        if record is None:
            print(f"phase {number} of {len(phases)}: {_description(phase)}", flush=True)
            if number == 1:
                model = starting_model(run, tasks, config)
                for each in phases:
                    check_lora_targets(each.training, model)
                begin()
            else:  # from the folder even if the model is in memory: a resumed run does the same
                model = _open(phases[number - 2].folder)
            checkpoint = find_checkpoint(phase.folder) if run.resume else None
            path = str(checkpoint) if checkpoint else None
            inputs = PhaseInputs(phase, model, tokenizer, data, path, encoder, callbacks)
            record = _train_phase(inputs)
        records.append(record)
    last = _open(phases[-1].folder)
    return _final_trainer(settings.training, last, tokenizer, data, records), records


def _pretrained_encoder(
    run: RunArguments, config: PretrainedConfig
) -> tuple[str, str | None] | None:
    # A trained hybrid-mtl model was saved without the language-model head of its encoder.
    return None if isinstance(config, HybridMTLConfig) else (model_path(run), run.model_revision)


def _train_phase(inputs: PhaseInputs) -> PhaseRecord:
    """Train one phase; save its model and its record."""
    record = OBJECTIVES[inputs.phase.objective](inputs)
    _save(inputs, record)
    return record


def _description(phase: Phase) -> str:
    return f"{phase.name} ({phase.objective}: {', '.join(phase.tasks)})"


def _open(folder: Path) -> HybridMTLModel:
    return open_model(str(folder.absolute()))


def _final_trainer(
    args: HybridMTLTrainingArguments,
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    records: list[PhaseRecord],
) -> HybridMTLTrainer:
    """Return a trainer that evaluates the last phase's model, with the log of all phases."""
    trainer = HybridMTLTrainer(
        model,
        args.for_evaluation(model.config.tasks),
        eval_dataset=data.validation,
        processing_class=tokenizer,
    )
    trainer.state = TrainerState(
        epoch=sum(record.epochs for record in records),
        global_step=sum(record.steps for record in records),
        log_history=merge_histories(records, set(data.validation) - set(args.unscored_tasks)),
    )
    return trainer


def _check_all_are_trained(
    phases: Iterable[Phase], tasks: Iterable[str], trained: Iterable[str]
) -> None:
    """Check that each task is trained by a phase or has a trained head."""
    trained = {
        *trained,
        *(t for phase in phases if phase.objective == "tasks" for t in phase.tasks),
    }
    for task in tasks:
        if task not in trained:
            raise InputError(
                f"phases: none trains task '{task}', whose head is a new one; leave the task out, "
                f"or name it in a phase"
            )


def _train_tasks(inputs: PhaseInputs) -> PhaseRecord:
    phase, data = inputs.phase, inputs.data
    trainer = HybridMTLTrainer(
        inputs.model,
        phase.training,
        train_dataset={task: data.train[task] for task in phase.tasks},
        eval_dataset={task: data.validation[task] for task in phase.tasks},
        processing_class=inputs.tokenizer,
        callbacks=inputs.callbacks,
    )
    trainer.progress.name = phase.name
    trainer.train(resume_from_checkpoint=inputs.checkpoint)
    state = trainer.state
    return PhaseRecord.of(
        phase.name, state.global_step, state.epoch or 0.0, state.log_history, trainer.sessions
    )


def _train_language_model(inputs: PhaseInputs) -> PhaseRecord:
    phase, args, data = inputs.phase, inputs.phase.training, inputs.data
    start_from, revision = inputs.encoder or (None, None)
    sessions: list[Session] = []
    history = pretrain(
        inputs.model,
        collect_texts({task: data.train[task] for task in phase.tasks}, args.seed),
        inputs.tokenizer,
        args,
        start_from=start_from,
        revision=revision,
        checkpoint=inputs.checkpoint,
        validation=collect_texts({task: data.validation[task] for task in phase.tasks}, args.seed),
        mask_share=phase.mask_share,
        callbacks=inputs.callbacks,
        sessions=sessions,
    )
    last = history[-1]
    return PhaseRecord.of(phase.name, int(last["step"]), last["epoch"], history, sessions)


def _save(inputs: PhaseInputs, record: PhaseRecord) -> None:
    """Write the phase's model folder and record; all processes wait until they are there."""
    phase = inputs.phase
    if phase.training.process_index == 0:
        write_model(inputs.model, inputs.tokenizer, phase.folder)
        write_record(record, phase.folder)
    PartialState().wait_for_everyone()


OBJECTIVES = {"tasks": _train_tasks, "masked_language_modeling": _train_language_model}
