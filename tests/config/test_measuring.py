from tests.toys import toy_trainer


def test_what_only_training_reads_is_left_out(tmp_path):
    args = toy_trainer(
        tmp_path,
        aggregator="mtrec",
        auxiliary_scale=0.5,
        task_order=["same", "near", "mood"],
        smart_steps=2,
        task_args={
            "mood": {"learning_rate": 1e-3},
            "same": {"auxiliary": True, "smart_weight": 1.0},
        },
    ).args
    own = args.for_evaluation(["mood", "near"])
    assert (own.aggregator, own.task_order, own.smart_steps) == ("sum", None, 1)
    assert own.task_args == {"mood": {"learning_rate": 1e-3}}
    assert own.unscored_tasks == []
    assert own.per_device_eval_batch_size == args.per_device_eval_batch_size
    assert args.unscored_tasks == ["same"] and args.aggregator == "mtrec", "the run's were changed"


def test_what_is_measured_is_not_published(tmp_path):
    args = toy_trainer(tmp_path).args
    args.push_to_hub, args.hub_model_id = True, "me/run"
    assert not args.for_evaluation(["mood"]).push_to_hub
    assert args.push_to_hub, "the run's were changed"
