import json


def test_a_run_s_card_tells_the_time_of_a_prediction(toy_trained):
    folder, _ = toy_trained
    latency = json.loads((folder / "card_facts.json").read_text())["latency_ms"]
    assert 0 < latency < 10_000
    assert (
        f"- Prediction: {latency:.1f} ms for one short input" in (folder / "README.md").read_text()
    )


def test_a_run_s_card_is_named_after_its_tasks_and_not_its_folder(toy_trained):
    folder, _ = toy_trained
    card = (folder / "README.md").read_text()
    assert "\n# sentiment, paraphrase and similarity\n" in card
    assert f"\n# {folder.name}\n" not in card
