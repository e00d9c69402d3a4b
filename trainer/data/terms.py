"""Terms for people that can replace each other, and sentences to replace them in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from trainer.errors import InputError, did_you_mean, truncated_repr

DEFAULT = Path(__file__).with_name("terms.yaml")
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa])\(n\) (?=(\w+))")
# Beginnings that are written with a vowel and spoken with a consonant, and the reverse.
_CONSONANT = re.compile(r"(eu|uni([^nm]|$)|us[aeiu]|one|ut[aeiou])", re.IGNORECASE)
_VOWEL = re.compile(r"([aeio]|u|heir|honest|hour)", re.IGNORECASE)

# Form -> words, of one term.
Forms = Mapping[str, str]


@dataclass(frozen=True)
class Terms:
    """The terms of all axes, and the sentences.

    Attributes:
        axes: axis -> term -> its forms; the terms of an axis have the same forms.
        neutral: words that stand for no term.
        templates: sentences with forms in braces.
        pair_templates: two of them each.
    """

    axes: Mapping[str, Mapping[str, Forms]]
    neutral: Forms
    templates: tuple[str, ...]
    pair_templates: tuple[tuple[str, str], ...]

    def select(self, axes: list[str] | None) -> "Terms":
        """Return these axes only, or all of them for None.

        Raises:
            InputError: if there is no such axis.
        """
        for name in axes or ():
            if name not in self.axes:
                raise InputError(
                    f"axes: there is no axis '{name}' ({', '.join(self.axes)})."
                    f"{did_you_mean(name, self.axes)}"
                )
        chosen = {name: self.axes[name] for name in axes or self.axes}
        return Terms(chosen, self.neutral, self.templates, self.pair_templates)

    def forms_of(self, axis: str) -> set[str]:
        """Return the names of the forms of an axis."""
        return set(next(iter(self.axes[axis].values())))


def slots(*templates: str) -> set[str]:
    """Return the names of the forms in templates."""
    return {name for template in templates for name in _SLOT.findall(template)}


def fill(template: str, forms: Forms) -> str:
    """Return a sentence with the words of a term."""
    text = " ".join(_SLOT.sub(lambda match: forms[match[1]], template).split())
    text = _ARTICLE.sub(lambda match: f"{match[1]}{article_ending(match[2])} ", text)
    return text[:1].upper() + text[1:]


def article_ending(word: str) -> str:
    """Return the letter that the indefinite article has before a word: `n`, or none."""
    return "n" if _VOWEL.match(word) and not _CONSONANT.match(word) else ""


@cache
def read_terms(path: str | None = None) -> Terms:
    """Read a file of terms; its missing keys are as in the default file.

    Args:
        path: the YAML file; the default terms if None.

    Raises:
        InputError: naming the file, and the key or value that is wrong.
    """
    content = _read_yaml(DEFAULT)
    if path is not None:
        own = _read_yaml(Path(path).expanduser())
        for key in own:
            if key not in content:
                raise InputError(
                    f"terms: '{path}': unknown key '{key}'; expected {', '.join(content)}"
                )
        neutral = {**content["neutral"], **(own.get("neutral") or {})}
        content = {**content, **own, "neutral": neutral}
    try:
        return _checked(content)
    except InputError as error:
        raise InputError(f"terms: '{path}': {error}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"terms: '{path}' could not be read: {reason}") from error
    if not isinstance(content, dict):
        raise InputError(f"terms: '{path}': expected a mapping, got {truncated_repr(content)}")
    return content


def _checked(content: Mapping[str, Any]) -> Terms:
    neutral, axes = _forms("neutral", content["neutral"]), content["axes"]
    if not isinstance(axes, dict) or not axes:
        raise InputError(f"axes: expected axis -> terms, got {truncated_repr(axes)}")
    checked = {str(name): _axis(str(name), terms, neutral) for name, terms in axes.items()}
    templates = tuple(_strings("templates", content["templates"]))
    pairs = content["pair_templates"]
    if not isinstance(pairs, list):
        raise InputError(f"pair_templates: expected a list, got {truncated_repr(pairs)}")
    pair_templates = [tuple(_strings("pair_templates", pair)) for pair in pairs]
    for pair in pair_templates:
        if len(pair) != 2:
            raise InputError(f"pair_templates: expected two texts, got {truncated_repr(pair)}")
    return Terms(checked, neutral, templates, tuple((a, b) for a, b in pair_templates))


def _axis(name: str, terms: Any, neutral: Forms) -> Mapping[str, Forms]:
    place = f"axes: {name}"
    if not isinstance(terms, dict) or len(terms) < 2:
        raise InputError(f"{place}: expected two or more terms, got {truncated_repr(terms)}")
    checked = {str(term): _forms(f"{place}: {term}", forms) for term, forms in terms.items()}
    first, *others = checked.items()
    for term, forms in others:
        if forms.keys() != first[1].keys():
            raise InputError(
                f"{place}: '{term}' has the forms {', '.join(forms)}, and '{first[0]}' has "
                f"{', '.join(first[1])}; give all terms the same forms"
            )
    for form in first[1]:
        if form not in neutral:
            raise InputError(f"{place}: form '{form}' is not in neutral; add its neutral words")
    return checked


def _forms(place: str, forms: Any) -> dict[str, str]:
    if not isinstance(forms, dict) or not forms:
        raise InputError(f"{place}: expected form -> words, got {truncated_repr(forms)}")
    for form, words in forms.items():
        if not isinstance(words, str) or not (words.strip() or place == "neutral"):
            raise InputError(f"{place}: {form}: expected text, got {truncated_repr(words)}")
    return {str(form): words for form, words in forms.items()}


def _strings(place: str, texts: Any) -> Iterator[str]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{place}: expected a list of texts, got {truncated_repr(texts)}")
    yield from texts
