"""Token classification with part-of-speech tags from a tagger."""

import hashlib
import json
import re
from collections.abc import Sequence

from datasets import Dataset, Features, List, Value

from trainer.data.cache import cache_folder
from trainer.data.checked_split import CheckedSplit
from trainer.data.derived_labels.base import LabelGenerator, Texts
from trainer.data.tagger import require_tagger

CLASSES: dict[str, str] = {
    "NOUN": "NN NNS NNP NNPS",
    "VERB": "VB VBD VBG VBN VBP VBZ MD",
    "ADJ": "JJ JJR JJS",
    "ADV": "RB RBR RBS WRB",
    "PRON": "PRP PRP$ WP WP$",
    "DET": "DT PDT WDT EX",
    "ADP": "IN",
    "NUM": "CD",
    "CONJ": "CC",
    "PRT": "RP TO POS",
    "PUNCT": ". , : ; ? ! ... ( ) -LRB- -RRB- `` '' \" $ # HYPH NFP",
    "X": "FW LS SYM UH",
}
"""Class -> its Penn Treebank tags; all other tags are X, too."""

_CLASS_OF = {tag: name for name, tags in CLASSES.items() for tag in tags.split()}
# Abbreviations; words with inner apostrophes and hyphens; numbers; each other mark.
_WORD = re.compile(r"(?:[A-Za-z]\.){2,}|\w+(?:['’-]\w+|[.,]\d+)*|[^\w\s]")


def split_words(text: str) -> list[str]:
    """Return the words and marks of a text."""
    return _WORD.findall(text)


def class_of(tag: str) -> str:
    """Return the class of a Penn Treebank tag."""
    return _CLASS_OF.get(tag, "X")


def _make(texts: Texts, labels: Sequence[str], desc: str) -> CheckedSplit:
    tagger = require_tagger()
    index = {name: i for i, name in enumerate(labels)}

    def tag_batch(batch: dict[str, list]) -> dict[str, list]:
        words = [split_words(text) for text in batch["text"]]
        words = [row for row in words if row]  # a text of white space has none
        return {
            "text": words,
            "label": [[index[class_of(tag)] for tag in tagger(row)] for row in words],
        }

    content = json.dumps([tagger.name, _WORD.pattern, _CLASS_OF, *labels, *texts])
    key = hashlib.sha256(content.encode()).hexdigest()[:32]
    rows = Dataset.from_dict({"text": list(texts)}).map(
        tag_batch,
        batched=True,
        features=Features({"text": List(Value("string")), "label": List(Value("int64"))}),
        cache_file_name=str(cache_folder() / f"{key}.arrow"),
        new_fingerprint=key,
        desc=f"tagging {desc}",
    )
    return CheckedSplit(rows, {})


PART_OF_SPEECH = LabelGenerator(
    "token_classification", lambda tasks: list(CLASSES), _make, check=require_tagger
)
