"""Make the top-level model_card.md of a trained folder: `make_model_card.py FOLDER NAME`."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from trainer.hub import facts_from_json, write_card  # noqa: E402

FIGURES = Path("docs") / "figures"


def main(folder: Path, name: str) -> None:
    """Render the folder's recorded facts again, with copies of its figures in docs/figures."""
    facts = facts_from_json(folder / "card_facts.json")
    (ROOT / FIGURES).mkdir(parents=True, exist_ok=True)
    figures = []
    for caption, path in facts.figures:
        shutil.copyfile(folder / path, ROOT / FIGURES / Path(path).name)
        figures.append((caption, str(FIGURES / Path(path).name)))
    write_card(replace(facts, model_name=name, figures=figures), ROOT / "model_card.md")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: make_model_card.py FOLDER NAME")
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    except (OSError, ValueError) as error:
        sys.exit(f"make_model_card.py: {error}")
