"""Searches with a function in place of training."""

import json

import pytest

from tests.search.targets import killed, quality
from trainer.errors import InputError
from trainer.search.executor import ProcessExecutor
from trainer.search.run import Search
from trainer.search.space import read_space
from trainer.search.study import Study
from trainer.search.trials import Result

SPACE = read_space({"learning_rate": [1e-5, 2e-5], "weight_decay": [0.0, 0.1]})


def study(folder, **settings):
    return Study("s", {}, str(folder), **{"seeds": [1], "space": SPACE, **settings})


def request(trial, segment):
    return trial.seed, dict(trial.values)


@pytest.fixture
def executors():
    made = []

    def make(target):
        made.append(ProcessExecutor(target, preload=()))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


class Breaking:
    """Executes in this process, and fails after so many segments."""

    def __init__(self, count):
        self.count, self.queue = count, []

    def submit(self, key, request):
        self.queue.append((key, request))

    def wait(self):
        if self.count == 0:
            raise RuntimeError("power is lost")
        self.count -= 1
        key, request = self.queue.pop(0)
        return key, quality(request)


def table(search):
    return sorted((segment.trial, result.score) for segment, result in search.results)


def test_a_grid_is_searched_and_found_finished(tmp_path, executors):
    search = Search(study(tmp_path, parallel=2), request)
    search.run(executors(quality))
    assert table(search) == [(1, 1.00001), (2, 1.00001), (3, 1.00002), (4, 1.00002)]
    again = Search(study(tmp_path, parallel=2), request)
    assert again.method.done and table(again) == table(search)


def test_a_killed_worker_is_a_failed_trial_and_the_others_go_on(tmp_path, executors):
    search = Search(study(tmp_path), request)
    search.run(executors(killed))
    assert [result.score is None for _, result in search.results] == [False, False, True, True]
    assert "killed by SIGKILL" in search.results[2][1].error


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("parallel", [1, 2])
def test_a_search_goes_on_where_it_broke_off(tmp_path, count, parallel):
    with pytest.raises(RuntimeError, match="power is lost"):
        Search(study(tmp_path, parallel=parallel), request).run(Breaking(count))
    journal = tmp_path / "journal.jsonl"
    with journal.open("a") as file:
        file.write('{"ask": {"tri')  # cut off
    search = Search(study(tmp_path, parallel=parallel), request)
    assert len(search.results) == count
    rest = Breaking(99)
    search.run(rest)
    assert 99 - rest.count == 4 - count
    assert table(search) == [(1, 1.00001), (2, 1.00001), (3, 1.00002), (4, 1.00002)]


def test_a_study_with_other_settings_is_refused(tmp_path):
    Search(study(tmp_path), request)
    Search(study(tmp_path, parallel=7), request)
    with pytest.raises(InputError, match="holds a study with other settings"):
        Search(study(tmp_path, cycles=7), request)


def test_further_seeds_add_trials_to_a_finished_study(tmp_path):
    first = Search(study(tmp_path, seeds=[1]), request)
    first.run(Breaking(99))
    more = Search(study(tmp_path, seeds=[1, 2]), request)
    assert [s.trial for s, _ in more.results] == [1, 2, 3, 4]
    rest = Breaking(99)
    more.run(rest)
    assert rest.count == 95
    assert [t.seed for t in more.method.trials] == [1, 1, 1, 1, 2, 2, 2, 2]
    with pytest.raises(InputError, match="written with other variants or values"):
        Search(study(tmp_path, seeds=[2, 1]), request)


def test_seeds_of_a_method_that_compares_while_it_runs_are_fixed(tmp_path):
    space = read_space({"learning_rate": {"low": 1e-5, "high": 1e-3}})
    drawn = {"method": "tpe", "trials": 2, "space": space}
    Search(study(tmp_path, seeds=[1], **drawn), request)
    with pytest.raises(InputError, match="other settings"):
        Search(study(tmp_path, seeds=[1, 2], **drawn), request)


def test_a_damaged_line_is_named(tmp_path):
    Search(study(tmp_path), request).run(Breaking(99))
    journal = tmp_path / "journal.jsonl"
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([lines[0], lines[1][:9], *lines[2:]]) + "\n")
    with pytest.raises(InputError, match=r"journal.jsonl, line 2: is damaged"):
        Search(study(tmp_path), request)


def test_a_journal_of_another_order_is_refused(tmp_path):
    Search(study(tmp_path), request).run(Breaking(99))
    journal = tmp_path / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    lines[1]["ask"]["trial"] = 2
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match="another version of the search method 'grid'"):
        Search(study(tmp_path), request)


class Listed(Breaking):
    """Gives one result after the other."""

    def __init__(self, results):
        super().__init__(len(results))
        self.results = iter(results)

    def wait(self):
        return self.queue.pop(0)[0], next(self.results)


def test_results_stay_with_their_variants(tmp_path):
    variants = {"a": {}, "b": {"weight_decay": 0.1}}
    Search(study(tmp_path, variants=variants, space={}), request).run(
        Listed([Result(0.1), Result(0.9)])
    )
    turned = dict(reversed(variants.items()))
    with pytest.raises(InputError, match="other settings"):
        Search(study(tmp_path, variants=turned, space={}), request)
    journal = tmp_path / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"variant": "b"', '"variant": "c"'))
    with pytest.raises(InputError, match="written with other variants or values"):
        Search(study(tmp_path, variants=variants, space={}), request)


def test_a_worker_that_dies_once_costs_no_trial(tmp_path):
    died = Result(None, error="the process was killed by SIGKILL", died=True)
    executor = Listed([died, Result(0.5), died, died, Result(0.7)])
    search = Search(study(tmp_path, seeds=[1, 2, 3], space={}), request)
    search.run(executor)
    assert [result.score for _, result in search.results] == [0.5, None, 0.7]


@pytest.mark.parametrize("line", ["null", "[]", "{}", '{"tell": {"trial": 1, "until": null}}'])
def test_a_line_that_is_no_entry_is_named(tmp_path, line):
    Search(study(tmp_path), request).run(Breaking(99))
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match="line 10: is damaged"):
        Search(study(tmp_path), request)
