from trainer.cards.titles import model_title


def test_a_title_names_tasks_and_encoder():
    names = ["mood", "same", "near", "topic", "stars"]
    assert model_title(names[:1]) == "mood"
    assert model_title(names[:2], "me/tiny") == "mood and same with tiny"
    assert model_title(names[:3]) == "mood, same and near"
    assert model_title(names[:4]) == "mood, same, near and 1 more task"
    assert model_title(names, "tiny") == "mood, same, near and 2 more tasks with tiny"
