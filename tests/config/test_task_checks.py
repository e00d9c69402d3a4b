import pytest

from modeling_hybrid_mtl import TaskConfig
from trainer.config.task_checks import check_best_metric
from trainer.errors import InputError


def test_the_best_checkpoint_has_the_lowest_error():
    tasks = {"grade": TaskConfig("ordinal", labels=["low", "high"])}
    check_best_metric("grade_mae", tasks, greater_is_better=False)
    with pytest.raises(InputError, match="= True: lower values of eval_grade_mae are"):
        check_best_metric("grade_mae", tasks, greater_is_better=True)
    with pytest.raises(InputError, match="= False: higher values of eval_overall are"):
        check_best_metric("eval_overall", tasks, greater_is_better=False)
