import pytest

from trainer.config.task_checks import check_best_metric
from trainer.errors import InputError


def test_the_best_checkpoint_has_the_lowest_error():
    kinds = {"grade": "ordinal"}
    check_best_metric("grade_mae", kinds, greater_is_better=False)
    with pytest.raises(InputError, match="= True: lower values of eval_grade_mae are"):
        check_best_metric("grade_mae", kinds, greater_is_better=True)
    with pytest.raises(InputError, match="= False: higher values of eval_overall are"):
        check_best_metric("eval_overall", kinds, greater_is_better=False)
