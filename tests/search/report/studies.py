"""Studies with given results."""

from trainer.evaluation.overall import ScorePart
from trainer.search.methods import METHODS
from trainer.search.report.content import study_content
from trainer.search.report.measures import Measures
from trainer.search.report.runs import collect_runs
from trainer.search.space import read_space
from trainer.search.study import Study
from trainer.search.trials import Result, Segment

PARTS = {"mood": ScorePart("accuracy"), "near": ScorePart("pearson")}
MEASURES = Measures("eval_overall", PARTS)


def metrics(mood, near):
    return {"eval_mood_accuracy": mood, "eval_near_pearson": near, "eval_loss": 1.0}


def make_study(folder, space=None, **settings):
    return Study("s", {}, str(folder), space=read_space(space), **{"seeds": [1, 2, 3], **settings})


def search(study, score):
    """Return the trials of a study, and the results that a function of them gives."""
    trials = METHODS[study.method](study).trials
    results = []
    for trial in trials:
        found = score(trial)
        if isinstance(found, str):
            result = Result(None, error=found, seconds=1.0)
        else:
            result = Result(found.get("eval_overall", 0.5), found, seconds=10.0)
        results.append((Segment(trial.number), result))
    return trials, results


def content_of(study, score, measures=MEASURES, done=True):
    trials, results = search(study, score)
    runs = collect_runs(trials, results, measures)
    return study_content(study, measures, runs, len(trials), done)
