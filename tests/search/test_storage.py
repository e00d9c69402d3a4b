"""What stays on the disk of a study, with empty files in place of models."""

import pytest

from trainer.search.storage import Storage
from trainer.search.study import Study
from trainer.search.trials import Result, Segment, Trial

TRIALS = [Trial(number, 1) for number in (1, 2, 3)]


class Disk:
    def __init__(self, folder, copies=True, **settings):
        self.study = Study("s", {}, str(folder), **settings)
        self.storage = Storage(self.study, copies)
        self.left = len(TRIALS)

    def end(self, number, until=None, score=0.5, start=0):
        trial = TRIALS[number - 1]
        folder = self.study.folder_of(trial)
        files = [f"checkpoint-{until or 9}/optimizer.pt"]
        if until is None:
            self.left -= 1
            files += ["metrics.json", "model.safetensors", "phases/1-a/checkpoint-3/optimizer.pt"]
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        if until is not None:
            self.storage.kept(trial, until).mkdir(parents=True)
        result = Result(score, error=None if score is not None else "failed")
        segment = Segment(number, until, start)
        self.storage.tidy(TRIALS, segment, result, done=self.left == 0)

    def models(self):
        return [t.number for t in TRIALS if (self.folder(t) / "model.safetensors").exists()]

    def folder(self, trial):
        return self.study.folder_of(trial)

    def kept(self):
        paths = (self.study.folder / "checkpoints").glob("*/*")
        return sorted((int(p.parent.name[-4:]), int(p.name.split("-")[1])) for p in paths)


@pytest.mark.parametrize(
    ("metric", "scores", "best"),
    [
        ("eval_overall", [0.5, 0.7, 0.6], 2),
        ("eval_overall", [None, 0.7, 0.7], 2),
        ("eval_loss", [0.5, 0.7, 0.6], 1),
        ("eval_mood_mae", [0.5, 0.7, 0.1], 3),
    ],
)
def test_only_the_best_model_stays(tmp_path, metric, scores, best):
    disk = Disk(tmp_path, study_metric=metric)
    for number, score in enumerate(scores, start=1):
        disk.end(number, score=score)
    assert disk.models() == [best] and disk.storage.best == TRIALS[best - 1]
    assert not list(tmp_path.rglob("checkpoint-*"))
    assert len(list(tmp_path.rglob("metrics.json"))) == 3


def test_all_models_stay_on_request(tmp_path):
    disk = Disk(tmp_path, keep="all")
    for number in (1, 2, 3):
        disk.end(number)
    assert disk.models() == [1, 2, 3] and not list(tmp_path.rglob("optimizer.pt"))


def test_checkpoints_are_kept_until_every_trial_is_past_them(tmp_path):
    disk = Disk(tmp_path)
    for number in (1, 2, 3):
        disk.end(number, until=4)
    disk.end(1, until=8, start=4)
    disk.end(2, until=8, start=4, score=None)
    assert disk.kept() == [(1, 4), (1, 8), (2, 4), (2, 8), (3, 4)]  # 3 may begin from any of step 4
    disk.end(3, until=8, start=4)
    assert disk.kept() == [(1, 8), (2, 8), (3, 8)]
    for number in (1, 2, 3):
        disk.end(number, start=8)
    assert disk.kept() == []


def test_trials_that_were_never_finished_lose_their_checkpoints_at_the_end(tmp_path):
    disk = Disk(tmp_path)
    disk.left = 1
    disk.end(1, until=4)
    disk.end(2, until=4)
    disk.end(3)
    assert not list(tmp_path.rglob("checkpoint-*"))


def test_without_copies_a_trial_keeps_its_last_checkpoint_alone(tmp_path):
    disk = Disk(tmp_path, copies=False)
    disk.end(1, until=4)
    disk.end(2, until=4)
    disk.end(1, until=8, start=4)
    assert disk.kept() == [(1, 8), (2, 4)]  # 3 has not begun; 2 may be continued later


def test_the_donor_of_a_failed_member_stays_until_its_copy_has_ended(tmp_path):
    disk = Disk(tmp_path)
    for number, score in ((1, 0.5), (2, None), (3, 0.7)):
        disk.end(number, until=2, score=score)
    disk.end(1, until=4)
    disk.end(3, until=4)
    assert (3, 2) in disk.kept()
    disk.end(2, until=4)
    assert (3, 2) not in disk.kept()


def test_models_are_compared_by_the_score_of_the_report(tmp_path):
    disk = Disk(tmp_path)
    disk.storage.score = lambda result: None if result.score == 0.9 else result.score
    for number, score in enumerate((0.5, 0.9, 0.4), start=1):
        disk.end(number, score=score)
    assert disk.models() == [1]
