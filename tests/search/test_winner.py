"""The file with which the winner of a population is trained again."""

import pytest

from tests.search.methods.driving import Executor, MovingOptimum, drive, make_study
from trainer.search.methods import make_method
from trainer.search.run import Search
from trainer.search.study_file import read_study
from trainer.search.trials import Result
from trainer.search.winner import write_schedule

SETTINGS = {"trials": 4, "cycles": MovingOptimum.cycles, "interval": 50}


def run(folder, train=None, **settings):
    study = make_study(folder / "study", **{**SETTINGS, **settings})
    search = Search(study, lambda trial, segment: segment)
    search.run(Executor(train or MovingOptimum(search.method)))
    return search


@pytest.mark.parametrize("name", ["pbt", "gpbt"])
def test_the_file_trains_the_winner_again(tmp_path, name):
    search = run(tmp_path, method=name)
    extension = tmp_path / f"{tmp_path.name}.py"  # a module's name can be loaded once
    extension.write_text("")
    search.study.options |= {"max_length": 9, "extensions": [extension.name]}
    path = write_schedule(search, tmp_path)
    assert path == tmp_path / "study" / "schedule.yaml"
    study = read_study(path)
    assert study.options == {"max_length": 9, "extensions": [str(extension)]}
    assert study.folder != search.study.folder
    again = make_method(study)
    score = drive(again, MovingOptimum(again))[-1][1].score
    assert score == max(result.score for segment, result in search.results if not segment.until)


def test_the_winner_of_a_loss_is_the_lowest_that_did_not_fail(tmp_path):
    def train(segment):
        failed = segment.trial == 2 and segment.until is None
        return Result(None, error="NaN") if failed else Result(float(segment.trial))

    settings = {"study_metric": "eval_loss", "method_options": {"quantile": 0.0}}
    search = run(tmp_path, train, method="pbt", **settings)
    assert "trial 1, the best" in write_schedule(search, tmp_path).read_text()


def test_nothing_is_written_if_no_member_is_trained_to_its_end(tmp_path):
    search = run(tmp_path, lambda segment: Result(None, error="NaN"), method="pbt")
    assert write_schedule(search, tmp_path) is None


def test_nothing_is_written_for_methods_without_population(tmp_path):
    search = run(tmp_path, method="random", cycles=None, interval=None)
    assert write_schedule(search, tmp_path) is None
    assert not (tmp_path / "study" / "schedule.yaml").exists()
