from types import SimpleNamespace

from tests.toys import toy_trainer
from trainer.search.curves import CurveWriter, common_curve, read_curve


def write(path, folder, history, step):
    state = SimpleNamespace(global_step=step, log_history=history, is_world_process_zero=True)
    CurveWriter(path).on_evaluate(SimpleNamespace(output_dir=folder), state, None)


def entry(step, score, **others):
    return {"step": step, "eval_overall": score, "epoch": 0.5, **others}


def test_evaluations_of_all_phases_are_on_one_axis(tmp_path):
    path = tmp_path / "logs" / "trial-0001.json"
    write(path, "together", [entry(0, 0.1), {"step": 5, "loss": 2.0}], 5)
    write(path, "together", [entry(0, 0.1), entry(10, 0.2), entry(10, 0.3)], 12)
    write(path, "apart", [entry(4, 0.4)], 4)
    curve = read_curve(path)
    assert {step: found["eval_overall"] for step, found in curve.items()} == {
        0: 0.1,
        10: 0.2,
        16: 0.4,
    }


def test_a_resumed_run_goes_on_with_its_curve(tmp_path):
    path = tmp_path / "trial-0001.json"
    write(path, "run", [entry(0, 0.1), entry(10, 0.2), entry(20, 0.3)], 20)
    write(path, "run", [entry(0, 0.1), entry(10, 0.2), entry(20, 0.35)], 20)
    assert [found["eval_overall"] for found in read_curve(path).values()] == [0.1, 0.2, 0.35]


def test_a_copy_keeps_the_evaluations_of_its_own(tmp_path):
    path = tmp_path / "trial-0004.json"
    write(path, "run", [entry(4, 0.1)], 4)
    writer = CurveWriter(path)
    arguments = SimpleNamespace(output_dir="run")
    state = SimpleNamespace(global_step=4, log_history=[entry(4, 0.5)], is_world_process_zero=True)
    writer.on_train_begin(arguments, state, None)  # from the checkpoint of another member
    state.global_step, state.log_history = 8, [entry(4, 0.5), entry(8, 0.6)]
    writer.on_evaluate(arguments, state, None)
    assert [found["eval_overall"] for found in read_curve(path).values()] == [0.1, 0.6]


def test_a_run_without_evaluations_has_no_curve(tmp_path):
    assert read_curve(tmp_path / "trial-0001.json") == {}


def test_runs_are_averaged_where_all_have_a_value():
    curves = [{0: entry(0, 0.1), 10: entry(10, 0.2)}, {0: entry(0, 0.3), 10: {"step": 10}}]
    assert common_curve(curves, "eval_overall") == {0: [0.1, 0.3]}
    assert common_curve([], "eval_overall") == {}


def test_a_trainer_writes_its_evaluations(tmp_path):
    path = tmp_path / "trial-0001.json"
    options = {"eval_strategy": "steps", "eval_steps": 1, "max_steps": 2, "eval_on_start": True}
    trainer = toy_trainer(tmp_path / "run", callbacks=[CurveWriter(path)], **options)
    trainer.train()
    curve = read_curve(path)
    assert list(curve) == [0, 1, 2]
    assert curve[2]["eval_overall"] == trainer.state.log_history[-2]["eval_overall"]
    assert "eval_same_accuracy" in curve[0] and "epoch" not in curve[0]
