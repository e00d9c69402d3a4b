import pytest

from trainer.app.model_title import folder_title

CARD = "---\n# a comment\nlanguage: en\n---\n\n# Films of the year\n\n# Another\n"


@pytest.mark.parametrize(
    ("card", "title"),
    [
        (CARD, "Films of the year"),
        ("# No metadata\n", "No metadata"),
        ("# A\\_B \\[c\\] &lt;d&gt; &amp; e\n", "A_B [c] <d> & e"),
        ("no heading\n## Lower\n", "mood, near"),
        ("# " + "x" * 200, "x" * 99 + "…"),
    ],
)
def test_the_title_is_the_first_heading_of_the_card(tmp_path, card, title):
    (tmp_path / "README.md").write_text(card)
    assert folder_title(tmp_path, ["mood", "near"]) == title


def test_without_a_readable_card_the_tasks_are_the_title(tmp_path):
    assert folder_title(tmp_path, ["mood", "near"]) == "mood, near"
    (tmp_path / "README.md").write_bytes(b"\xff\xfe\x00")
    assert folder_title(tmp_path, ["mood"]) == "mood"
