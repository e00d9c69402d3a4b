"""Creation of nltk's WordNet folder from the files of Debian's packages, without a network."""

import shutil
from pathlib import Path

from trainer.errors import InputError

FILES = (
    "cntlist.rev",
    "index.sense",
    *(f"{kind}.{part}" for kind in ("index", "data") for part in ("adj", "adv", "noun", "verb")),
    *(f"{part}.exc" for part in ("adj", "adv", "noun", "verb")),
)
# The lexicographer files of WordNet 3.0 in the order of their numbers: required by nltk, but not
# part of Debian's packages.
_LEXNAMES = """
adj.all adj.pert adv.all
noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition
noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive
noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process noun.quantity
noun.relation noun.shape noun.state noun.substance noun.time
verb.body verb.change verb.cognition verb.communication verb.competition verb.consumption
verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social
verb.stative verb.weather
adj.ppl
"""
LEXNAMES = _LEXNAMES.split()
CATEGORIES = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}


def make_wordnet(source: Path, nltk_data: Path) -> Path:
    """Write `nltk_data/corpora/wordnet`.

    Args:
        source: the folder of Debian's packages wordnet-base and wordnet-sense-index.
        nltk_data: a folder in nltk's search path, created if missing.

    Returns:
        The folder of the WordNet files.

    Raises:
        InputError: if files are missing in `source`.
    """
    missing = [name for name in FILES if not (source / name).is_file()]
    if missing:
        raise InputError(
            f"{source} lacks {', '.join(missing)}: apt install wordnet-base wordnet-sense-index"
        )
    folder = nltk_data / "corpora" / "wordnet"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(source / name, folder / name)
    lines = (
        f"{number:02d}\t{name}\t{CATEGORIES[name.partition('.')[0]]}\n"
        for number, name in enumerate(LEXNAMES)
    )
    (folder / "lexnames").write_text("".join(lines))
    return folder
