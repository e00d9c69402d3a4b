"""Examples on a card: recorded rows, or neutral texts, and the scores of each class."""

from dataclasses import replace

from huggingface_hub import ModelCard

from tests.cards.toy_cards import NASTY, PARAPHRASE, SENTIMENT, SIMILARITY, card, cells, section
from trainer.cards.examples import TEXTS
from trainer.prediction.describe import describe_prediction

TEXT = {"text": "It came late.", "label": "negative"}
TEXT["prediction"] = {"label": "positive", "score": 0.613}
PAIR = {"text": "a", "text_pair": "b", "label": 2.5, "prediction": {"score": 3.14159}}


def test_recorded_rows_are_shown_used_in_the_code_and_in_the_widget():
    text = card(replace(SENTIMENT, examples=[TEXT]), replace(SIMILARITY, examples=[PAIR]))
    assert cells(section(text, "Examples"))[2:] == [
        ["sentiment", "It came late.", "–", "positive (0.61)", "negative"],
        ["similarity", "a", "b", "3.14", "2.5"],
    ]
    assert 'text = "It came late."' in text
    assert 'pair = {"text": "a", "text_pair": "b"}' in text
    assert 'pipe(text, task="sentiment")  # {"label": "positive", "score": 0.61}\n' in text
    assert 'pipe(pair, task="similarity")  # {"score": 3.14}\n' in text
    assert ModelCard(text).data.to_dict()["widget"] == [{"text": "It came late."}]
    both = card(*(replace(SENTIMENT, name=name, examples=[TEXT]) for name in ("a", "b")))
    assert ModelCard(both).data.to_dict()["widget"] == [{"text": "It came late."}]
    pairs = ModelCard(card(replace(SIMILARITY, examples=[PAIR]))).data.to_dict()["widget"]
    assert pairs == [{"source_sentence": "a", "sentences": ["b"]}]


def test_texts_are_neutral_without_recorded_rows():
    text = card(SENTIMENT, PARAPHRASE, SIMILARITY)
    assert f'text = "{TEXTS[0]}"' in text and "widget" not in text
    assert "film" not in text and "guitar" not in text
    assert "## Examples" not in text and "## Each class" not in text


def test_outputs_have_the_form_of_the_task_without_recorded_rows():
    flags = replace(SENTIMENT, name="flags", kind="multi_label")
    text = card(SENTIMENT, flags, SIMILARITY)
    assert 'task="sentiment")  # such as {"label": "positive", "score": 0.8}\n' in text
    assert 'task="flags")  # such as [{"label": "positive", "score": 0.8}], maybe empty\n' in text
    assert 'task="similarity")  # such as {"score": 3.0}\n' in text
    assert '": ...' not in text


def test_each_task_of_pairs_has_a_pair_of_its_own():
    other = {**PAIR, "text": "c", "prediction": {"label": "yes", "score": 0.9}}
    same = replace(PARAPHRASE, examples=[other])
    text = card(same, replace(SIMILARITY, examples=[PAIR]))
    assert 'pipe(pair, task="paraphrase")  # {"label": "yes", "score": 0.9}\n' in text
    call = 'pipe({"text": "a", "text_pair": "b"}, task="similarity")  # {"score": 3.14}\n'
    assert call in text


def test_of_many_tags_the_first_are_shown():
    tags = [{"word": f"w{i}", "entity": "O"} for i in range(9)]
    row = {"text": "w0 w1", "label": ["O"] * 9, "prediction": tags}
    text = card(replace(SENTIMENT, kind="token_classification", examples=[row]))
    assert '{"word": "w2", "entity": "O"}, ...]\n' in text and "w3" not in text.split("## Ex")[0]


def test_texts_of_rows_are_escaped_and_without_local_paths():
    row = {**TEXT, "text": f"{NASTY} see /home/me/notes.txt"}
    text = card(replace(SENTIMENT, examples=[row]))
    assert "/home/me" not in text and "<img" not in section(text, "Examples")
    assert len(cells(section(text, "Examples"))[2]) == 5


def test_each_class_has_its_scores():
    scores = {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 1200}
    task = replace(SENTIMENT, per_class=[scores, {**scores, "support": 7}])
    assert cells(section(card(task), "Each class"))[2:] == [
        ["sentiment", "negative", "0.5000", "1.0000", "0.6667", "1,200"],
        ["sentiment", "positive", "0.5000", "1.0000", "0.6667", "7"],
    ]


def test_tags_are_beside_their_words():
    words = [{"word": "Acme", "entity": "B-ORG"}, {"word": "won", "entity": "O"}]
    uncertain = {"label": "good", "score": 0.4567, "needs_review": True}
    assert describe_prediction(uncertain) == "good (0.46, needs review)"
    assert describe_prediction({**uncertain, "needs_review": False}) == "good (0.46)"
    assert describe_prediction(words) == "Acme/B-ORG won/O"
