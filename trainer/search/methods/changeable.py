"""The options whose values a search may change while training goes on."""

from trainer.errors import InputError, did_you_mean
from trainer.search.study import Study

# Option of the run -> where a new value takes effect when a checkpoint is continued with it.
OF_RUN = {
    "learning_rate": "in the optimizers' groups and schedules, which keep their position",
    "weight_decay": "in the optimizers' groups",
    "backbone_dropout": "in the modules, which save no dropout in a checkpoint",
    "shared_dropout": "in the modules",
    "sampling_temperature": "in the probabilities of the tasks of batches to come",
}
# The same for fields of tasks.
OF_TASK = {
    "learning_rate": "in the groups and the schedule of the head's optimizer",
    "weight_decay": "in the groups of the head's optimizer",
    "dropout": "in the modules of the head",
    "loss_weight": "in the factor of the losses of steps to come",
}


def check_changeable(study: Study) -> None:
    """Check that all options of a study's space may change while training goes on.

    Raises:
        InputError: naming the first that may not.
    """
    for option in study.space:
        field, known = option, OF_RUN
        if option.startswith("tasks."):
            field, known = option.rpartition(".")[2], OF_TASK
        if field not in known:
            possible = [*OF_RUN, *(f"tasks.NAME.{name}" for name in OF_TASK)]
            near = did_you_mean(field, known)
            raise InputError(
                f"space: {option}: cannot change while training goes on, as method: "
                f"{study.method} would do.{near} Possible are {', '.join(possible)}. Move it to "
                "options or variants"
            )
