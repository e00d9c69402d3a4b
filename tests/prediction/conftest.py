import pytest

WORDS = ["a", "good", "film", "was", "very", "dull", "in", "paris"]


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    lines = [f"{i},{' '.join(WORDS[: 1 + i * 5 % 8])}" for i in range(50)]
    path.write_text("\n".join(["id,text", *lines]) + "\n")
    return path
