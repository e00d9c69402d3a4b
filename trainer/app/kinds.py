"""For each kind of task: how its answer is shown, and how a right answer is given and checked."""

import math
from typing import Any, Protocol

import gradio as gr

from .errors import UserError


class Kind(Protocol):
    """One task on the page.

    `render` and `initial_value` give the values of `result()` and `correction()` for a new answer
    of the pipeline; `checked` gives the texts and the label of a row of training data, and what the
    model said in the same form.
    """

    def result(self) -> Any: ...
    def render(self, text: str, answer: Any) -> Any: ...
    def correction(self) -> Any: ...
    def initial_value(self, answer: Any) -> Any: ...
    def validate(self, text: str, answer: Any, given: Any) -> dict[str, Any]: ...


class Classes:
    """A bar for each class."""

    def __init__(self, name: str, entry: dict[str, Any]):
        self.name, self.labels = name, entry["labels"]

    def result(self) -> gr.Label:
        return gr.Label(label=title_of(self.name), elem_id=f"answer-{self.name}")

    def render(self, text: str, answer: list[dict[str, Any]]) -> dict[str, float]:
        return {entry["label"]: entry["score"] for entry in answer}

    def correction(self) -> gr.Radio:
        return gr.Radio(self.labels, label="The right answer", elem_id=f"right-{self.name}")

    def initial_value(self, answer: Any) -> None:
        return None

    def validate(self, text: str, answer: list[dict[str, Any]], given: Any) -> dict[str, Any]:
        if given not in self.labels:
            raise UserError("Choose the right answer first.")
        _differs(given, answer[0]["label"])
        return {"text": text, "label": given, "answer": answer[0]["label"]}


class Score:
    """A number on the task's own scale."""

    def __init__(self, name: str, entry: dict[str, Any]):
        self.name = name
        self.low, self.high = entry["score_range"]

    def result(self) -> gr.HTML:
        return gr.HTML(
            label=title_of(self.name),
            show_label=True,
            container=True,
            padding=True,
            elem_id=f"answer-{self.name}",
        )

    def render(self, text: str, answer: dict[str, float]) -> str:
        score = answer["score"]
        share = min(max((score - self.low) / (self.high - self.low), 0.0), 1.0)
        return (
            f'<div class="score"><strong>{score:.2f}</strong> '
            f"<span>on a scale from {self.low:g} to {self.high:g}</span>"
            f'<div class="scale"><div style="width:{share:.1%}"></div></div></div>'
        )

    def correction(self) -> gr.Number:
        return gr.Number(
            value=None,
            label=f"The right answer, from {self.low:g} to {self.high:g}",
            elem_id=f"right-{self.name}",
        )

    def initial_value(self, answer: Any) -> None:
        return None

    def validate(self, text: str, answer: dict[str, float], given: Any) -> dict[str, Any]:
        is_number = isinstance(given, (int, float)) and math.isfinite(given)
        if not is_number or not self.low <= given <= self.high:
            raise UserError(
                f"The right answer must be a number from {self.low:g} to {self.high:g}."
            )
        return {"text": text, "label": float(given), "answer": answer["score"]}


class Tags:
    """A tag for each word."""

    def __init__(self, name: str, entry: dict[str, Any]):
        self.name, self.labels = name, entry["labels"]

    def result(self) -> gr.HighlightedText:
        return gr.HighlightedText(label=title_of(self.name), elem_id=f"answer-{self.name}")

    def render(self, text: str, answer: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
        parts: list[tuple[str, str | None]] = []
        end = 0
        for word in answer:
            parts += [(text[end : word["start"]], None), (word["word"], word["entity"])]
            end = word["end"]
        return [part for part in (*parts, (text[end:], None)) if part[0]]

    def correction(self) -> gr.Dataframe:
        return gr.Dataframe(
            headers=["word", "tag"],
            column_count=2,
            type="array",
            static_columns=[0],
            interactive=True,
            label=f"The right tags: {', '.join(self.labels)}",
            elem_id=f"right-{self.name}",
        )

    def initial_value(self, answer: list[dict[str, Any]]) -> list[list[str]]:
        return [[word["word"], word["entity"]] for word in answer]

    def validate(self, text: str, answer: list[dict[str, Any]], given: Any) -> dict[str, Any]:
        words = [word["word"] for word in answer]
        if [row[0] for row in given or []] != words:
            raise UserError("Keep the words and their order; change their tags only.")
        tags = [str(row[1]).strip() for row in given]
        unknown = sorted(set(tags) - set(self.labels))
        if unknown:
            raise UserError(f"'{unknown[0]}' is no tag; take one of {', '.join(self.labels)}.")
        said = [word["entity"] for word in answer]
        _differs(tags, said)
        return {"text": words, "label": tags, "answer": said}


def kind_of(name: str, entry: dict[str, Any], answer: str) -> Kind:
    """How the page treats a task whose answers are of this form: `class`, `tags` or `score`."""
    kinds: dict[str, Any] = {"class": Classes, "tags": Tags, "score": Score}
    return kinds[answer](name, entry)


def title_of(name: str) -> str:
    """A task's name for readers."""
    return name.replace("_", " ").capitalize()


def _differs(given: Any, answer: Any) -> None:
    if given == answer:
        raise UserError("That is what the model said. Choose another answer, if it is wrong.")
