"""Calibrate a trained model on its validation rows: option `calibrate`."""

from collections.abc import Iterator, Mapping

from modeling_hybrid_mtl import TaskConfig
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
            for line in _describe(name, trainer.tasks[name], found):
                print(line, flush=True)
        if found is not None:
            model.set_calibration(name, **found.values)
            trainer.tasks[name] = model.config.task(name)
            done[name] = found
    return done


def _describe(name: str, task: TaskConfig, found: Calibration | None) -> Iterator[str]:
    """Yield lines for the terminal, none for a task without probabilities."""
    if found is None:
        if task.output_type in PROBABILITIES:
            yield (
                f"calibrate: task '{name}' has fewer than {MIN_ROWS} validation rows and is not "
                "calibrated"
            )
        return
    report = found.report
    temperature = report.get("temperature", task.temperature)
    if temperature is None:
        yield (
            f"calibration of {name}: no temperature, which would increase the expected calibration "
            f"error of {report['ece_before']:.3f} on other rows (cross-fitted)"
        )
    else:
        yield (
            f"calibration of {name}: temperature {temperature:.3f}; expected calibration error "
            f"{report['ece_before']:.3f} before, {report['ece']:.3f} after (cross-fitted)"
        )
    if "min_score" in report:
        kept = report["without_review"]
        of_these = f", {kept['accuracy']:.1%} of which are right" if kept["coverage"] else ""
        yield (
            f"calibration of {name}: min_score {report['min_score']:.3f}; {kept['coverage']:.1%} "
            f"of the rows need no review{of_these} (cross-fitted)"
        )
