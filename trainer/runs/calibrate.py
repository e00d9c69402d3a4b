"""Calibrate a trained model on its validation rows: option `calibrate`."""

from collections.abc import Mapping

from trainer.evaluation.calibration import MIN_ROWS, Calibration, calibrate
from trainer.evaluation.predictions import TaskPredictions
from trainer.evaluation.reliability import PROBABILITIES
from trainer.training.hybrid_trainer import HybridMTLTrainer


def calibrate_model(
    trainer: HybridMTLTrainer,
    predictions: Mapping[str, TaskPredictions],
    target_accuracy: float | None,
) -> dict[str, Calibration]:
    """Fit the calibration of each task with probabilities, and set it in the trainer's model.

    Args:
        trainer: after training.
        predictions: for the labeled validation rows.
        target_accuracy: see `calibrate`.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    done = {}
    for name, result in predictions.items():
        found = calibrate(trainer.tasks[name], result, target_accuracy)
        if trainer.is_world_process_zero():
            _report(trainer, name, found)
        if found is not None:
            model.set_calibration(name, **found.values)
            trainer.tasks[name] = model.config.task(name)
            done[name] = found
    return done


def _report(trainer: HybridMTLTrainer, name: str, found: Calibration | None) -> None:
    task = trainer.tasks[name]
    if found is not None:
        report = found.report
        temperature = report.get("temperature", task.temperature)
        print(
            f"calibration of {name}: temperature {temperature:.3f}; expected calibration error "
            f"{report['ece_before']:.3f} before, {report['ece']:.3f} after (cross-fitted)",
            flush=True,
        )
    elif task.output_type in PROBABILITIES:
        print(
            f"calibrate: task '{name}' has fewer than {MIN_ROWS} validation rows and is not "
            "calibrated",
            flush=True,
        )
