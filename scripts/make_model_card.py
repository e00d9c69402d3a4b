"""Write the top-level model_card.md of a trained folder: `make_model_card.py FOLDER NAME`."""

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from trainer.cards import facts_from_json, write_card  # noqa: E402
from trainer.config.extensions import load_extensions  # noqa: E402
from trainer.errors import InputError  # noqa: E402
from trainer.loading.trained_model import check_whole_models  # noqa: E402

FIGURES = Path("docs") / "figures"


def main(folder: Path, name: str, root: Path = ROOT) -> None:
    """Render the folder's recorded facts again, with copies of its figures in docs/figures."""
    path = folder / "card_facts.json"
    if not folder.is_dir():
        raise InputError(f"there is no folder '{folder}'; pass the folder of a finished run")
    if not path.is_file():
        raise InputError(f"'{folder}' has no card_facts.json, which training writes at its end")
    check_whole_models(folder)
    facts = facts_from_json(path)

    def copied(path: str) -> str:
        # Figures of the test split are in a folder of their own, under the same names.
        target = FIGURES.joinpath(*Path(path).parts[1:])
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / path, root / target)
        return str(target)

    figures = [(caption, copied(path)) for caption, path in facts.figures]
    parts = facts.architecture
    if parts is not None and parts.figure is not None:
        parts = replace(parts, figure=copied(parts.figure))
    audit = facts.audit
    if audit is not None:
        drawn = [(caption, copied(path)) for caption, path in audit.figures]
        audit = replace(audit, figures=drawn)
    changed = replace(facts, model_name=name, figures=figures, architecture=parts, audit=audit)
    write_card(changed, root / "model_card.md")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="make_model_card.py",
        description="Write the top-level model_card.md of a trained folder.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("name", metavar="NAME", help="the model's name on the card")
    parser.add_argument(
        "--extensions", nargs="+", help="files or modules that register the model's kinds of tasks"
    )
    given = parser.parse_args()
    try:
        load_extensions(given.extensions)
        main(given.folder, given.name)
    except (OSError, ValueError) as error:
        sys.exit(f"make_model_card.py: {error}")
