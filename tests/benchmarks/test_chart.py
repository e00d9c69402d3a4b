from matplotlib.figure import Figure

from benchmarks.speed.arithmetic import Spread
from benchmarks.speed.chart import INFERENCE, PREDICTION, draw, groups
from benchmarks.speed.findings import Findings
from benchmarks.speed.inference import OURS, OWN_WAYS, PEERS
from trainer.evaluation.figure_files import AMBER, BLUE, GRAY

SPEED = Spread(2.0, 1.0, 3.0)


def test_a_contender_s_two_bars_are_side_by_side_in_the_words_of_a_reader():
    names = ["hybrid-mtl", "tasknet", "other", "tasknet, oneDNN", "other, oneDNN"]
    series = dict.fromkeys(names, SPEED)
    ((title, unit, bars),) = groups("training, 8 rows a batch (real tokens/s)", series)
    assert (title, unit) == ("Training, 8 rows a batch", "real tokens per second")
    assert [(label, color) for label, color, _ in bars] == [
        ("hybrid-mtl", BLUE),
        ("tasknet", GRAY),
        ("tasknet with oneDNN", AMBER),
        ("other", GRAY),
        ("other with oneDNN", AMBER),
    ]


def test_ways_of_inference_are_compared_with_those_that_do_the_same():
    ways = [f"{OURS}: {way}" for way in OWN_WAYS]
    ways += [f"{n}: {way}" for n, (_, _, its) in PEERS.items() for way in its if "call" not in way]
    series = dict.fromkeys(ways, SPEED)
    panels = list(groups(PREDICTION, series))
    assert [title for title, _, _ in panels] == list(INFERENCE)
    shown = [name for labels in INFERENCE.values() for name in labels]
    # One head of ours is the model of the last group, timed beside three heads.
    assert set(series) - set(shown) == {"hybrid-mtl: one head"} and set(shown) <= set(series)


def test_groups_without_a_contender_are_left_out():
    (panel,) = groups(PREDICTION, {"hybrid-mtl: embed": SPEED})
    assert panel[0] == "Sentence vectors"


def test_bars_begin_at_zero_and_have_their_numbers(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    monkeypatch.setattr("trainer.saving.files.os.replace", lambda *_: None)
    findings = Findings(series={"serving (requests/s)": {"hybrid-mtl": SPEED, "other": SPEED}})
    draw(findings, tmp_path / "chart.png")
    (axes,) = figures[0].axes
    assert axes.get_xlim()[0] == 0 and [text.get_text() for text in axes.texts] == ["2", "2"]
    assert axes.get_title(loc="left") == "Serving: requests per second, more is better"
