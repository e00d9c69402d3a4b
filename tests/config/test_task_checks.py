import pytest

from modeling_hybrid_mtl import TaskConfig
from trainer.config.task_checks import check_best_metric, check_enough, check_weighted
from trainer.config.tasks import read_tasks
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError


def test_the_best_checkpoint_has_the_lowest_error():
    tasks = {"grade": TaskConfig("ordinal", labels=["low", "high"])}
    check_best_metric("grade_mae", tasks, greater_is_better=False)
    with pytest.raises(InputError, match="= True: lower values of eval_grade_mae are"):
        check_best_metric("grade_mae", tasks, greater_is_better=True)
    with pytest.raises(InputError, match="= False: higher values of eval_overall are"):
        check_best_metric("eval_overall", tasks, greater_is_better=False)


PAIR = {"input": "pair", "train_file": "x.csv", "validation_file": "y.csv"}


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "ranking"},
        {"kind": "similarity", "score_range": [0, 1], "loss": "cosent"},
        {"kind": "similarity", "score_range": [0, 1], "loss": "correlation"},
    ],
)
def test_rows_of_a_loss_of_batches_have_no_weights(fields):
    tasks = read_tasks({"pairs": {**PAIR, **fields, "columns": {"weight": "w"}}})
    with pytest.raises(InputError, match="task 'pairs': columns: weight: loss '.*' has one value"):
        check_weighted(tasks)
    tasks["pairs"].source.columns = {}
    check_weighted(tasks)


def test_losses_after_a_step_need_the_same_negatives(tmp_path):
    args = HybridMTLTrainingArguments(output_dir=str(tmp_path), loss_weights="famo", use_cpu=True)
    fields = {"kind": "ranking", "input": "pair"}
    tasks = {"faq": TaskConfig.from_entry("faq", {**fields, "head_options": {"negatives": 8}})}
    with pytest.raises(InputError, match="loss_weights = 'famo': .* task 'faq'"):
        check_enough(args, tasks)
    check_enough(args, {"faq": TaskConfig.from_entry("faq", fields)})
