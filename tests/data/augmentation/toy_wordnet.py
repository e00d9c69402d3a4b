"""A WordNet of a few words, with the part of nltk's reader that is used."""

import io
from dataclasses import dataclass

SENSES = [
    ("n", {"film": 9, "movie": 5, "flick": 0, "motion_picture": 2}),
    ("n", {"film": 1, "coating": 1}),
    ("n", {"aeroplane": 2, "plane": 7, "craft": 1, "rocket": 1}),
    ("n", {"spy": 4, "agent": 3}),
    ("n", {"fall": 2, "autumn": 3}),
    ("v", {"fall": 9, "drop": 8}),
    ("v", {"begin": 9, "start": 8, "commence": 2, "open": 1}),
    ("s", {"quick": 3, "rapid": 2}),
    ("n", {"mouse": 2, "rodent": 2}),
    ("n", {"men": 1, "workforce": 1}),
    ("v", {"smoke": 4, "fume": 1}),
    ("n", {"smoking": 4, "puffing": 1}),
]
FILES = {
    "noun.exc": "mice mouse\nmen man\n",
    "verb.exc": "began begin\nbegun begin\nfell fall\n",
    "cntlist.rev": "".join(
        f"{name}%{number} 1 {count}\n"
        for number, (_, lemmas) in enumerate(SENSES)
        for name, count in lemmas.items()
        if count
    ),
}
BASES = {
    "films": "film",
    "spies": "spy",
    "planes": "plane",
    "begins": "begin",
    "starts": "start",
    "started": "start",
    "starting": "start",
    "mice": "mouse",
}


@dataclass(frozen=True)
class Lemma:
    word: str
    sense: int

    def name(self):
        return self.word

    def key(self):
        return f"{self.word}%{self.sense}"


@dataclass(frozen=True)
class Synset:
    sense: int

    def pos(self):
        return SENSES[self.sense][0]

    def lemmas(self):
        return [Lemma(word, self.sense) for word in SENSES[self.sense][1]]


class ToyWordNet:
    def morphy(self, word, part):
        if word == "smoking" and part == "v":
            return "smoke"
        base = BASES.get(word, word)
        known = any(base in lemmas for pos, lemmas in SENSES if pos.replace("s", "a") == part)
        return base if known else None

    def synsets(self, word):
        bases = {word, BASES.get(word, word)}
        return [Synset(n) for n, (_, lemmas) in enumerate(SENSES) if bases & lemmas.keys()]

    def open(self, name):
        return io.StringIO(FILES[name])
