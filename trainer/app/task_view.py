"""The components that show a task's predictions and take corrections."""

import math
from typing import Any, Protocol

import gradio as gr

from .errors import UserError


class TaskView(Protocol):
    """The components of a task on the page.

    `render` and `initial_value` return the values of `result()` and `correction()` for a prediction
    of the pipeline; `validate` returns the text, the label and the prediction of a training row.
    """

    def result(self) -> Any: ...
    def render(self, text: str, prediction: Any) -> Any: ...
    def correction(self) -> Any: ...
    def initial_value(self, prediction: Any) -> Any: ...
    def validate(self, text: str, prediction: Any, given: Any) -> dict[str, Any]: ...


class Classes:
    """A bar for each class."""

    def __init__(self, name: str, entry: dict[str, Any]):
        self.name, self.labels = name, entry["labels"]

    def result(self) -> gr.Label:
        return gr.Label(label=title_of(self.name), elem_id=f"prediction-{self.name}")

    def render(self, text: str, prediction: list[dict[str, Any]]) -> dict[str, float]:
        return {entry["label"]: entry["score"] for entry in prediction}

    def correction(self) -> gr.Radio:
        return gr.Radio(self.labels, label="Correct label", elem_id=f"corrected-{self.name}")

    def initial_value(self, prediction: Any) -> None:
        return None

    def validate(self, text: str, prediction: list[dict[str, Any]], given: Any) -> dict[str, Any]:
        if given not in self.labels:
            raise UserError("Choose the correct label first.")
        _check_differs(given, prediction[0]["label"])
        return {"text": text, "label": given, "prediction": prediction[0]["label"]}


class Labels:
    """A bar for each class, and a mark for those that are predicted."""

    def __init__(self, name: str, entry: dict[str, Any]):
        self.name, self.labels = name, entry["labels"]
        thresholds = entry.get("thresholds") or [0.5] * len(self.labels)
        self.thresholds = dict(zip(self.labels, thresholds, strict=True))

    def result(self) -> gr.Label:
        # A heading would be the most probable class even if none is predicted.
        return gr.Label(
            label=title_of(self.name), show_heading=False, elem_id=f"prediction-{self.name}"
        )

    def render(self, text: str, prediction: list[dict[str, Any]]) -> dict[str, float]:
        chosen = self._chosen(prediction)
        marks = {label: f"✓ {label}" for label in chosen}
        return {marks.get(e["label"], e["label"]): e["score"] for e in prediction}

    def correction(self) -> gr.CheckboxGroup:
        return gr.CheckboxGroup(
            self.labels, label="Correct labels", elem_id=f"corrected-{self.name}"
        )

    def initial_value(self, prediction: list[dict[str, Any]]) -> list[str]:
        return self._chosen(prediction)

    def validate(self, text: str, prediction: list[dict[str, Any]], given: Any) -> dict[str, Any]:
        chosen = [label for label in self.labels if label in (given or [])]
        unknown = sorted(set(map(str, given or [])) - set(self.labels))
        if unknown:
            raise UserError(f"'{unknown[0]}' is not a label; use some of {', '.join(self.labels)}.")
        predicted = self._chosen(prediction)
        _check_differs(chosen, predicted)
        return {"text": text, "label": chosen, "prediction": predicted}

    def _chosen(self, prediction: list[dict[str, Any]]) -> list[str]:
        """Return the labels that reach their thresholds, in the model's order."""
        scores = {entry["label"]: entry["score"] for entry in prediction}
        return [label for label in self.labels if scores[label] >= self.thresholds[label]]


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
            elem_id=f"prediction-{self.name}",
        )

    def render(self, text: str, prediction: dict[str, float]) -> str:
        score = prediction["score"]
        share = min(max((score - self.low) / (self.high - self.low), 0.0), 1.0)
        return (
            f'<div class="score"><strong>{score:.2f}</strong> '
            f"<span>on a scale from {self.low:g} to {self.high:g}</span>"
            f'<div class="scale"><div style="width:{share:.1%}"></div></div></div>'
        )

    def correction(self) -> gr.Number:
        return gr.Number(
            value=None,
            label=f"Correct score, from {self.low:g} to {self.high:g}",
            elem_id=f"corrected-{self.name}",
        )

    def initial_value(self, prediction: Any) -> None:
        return None

    def validate(self, text: str, prediction: dict[str, float], given: Any) -> dict[str, Any]:
        is_number = isinstance(given, (int, float)) and math.isfinite(given)
        if not is_number or not self.low <= given <= self.high:
            raise UserError(
                f"The correct score must be a number from {self.low:g} to {self.high:g}."
            )
        return {"text": text, "label": float(given), "prediction": prediction["score"]}


class Tags:
    """A tag for each word."""

    def __init__(self, name: str, entry: dict[str, Any]):
        self.name, self.labels = name, entry["labels"]

    def result(self) -> gr.HighlightedText:
        return gr.HighlightedText(label=title_of(self.name), elem_id=f"prediction-{self.name}")

    def render(self, text: str, prediction: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
        parts: list[tuple[str, str | None]] = []
        end = 0
        for word in prediction:
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
            label=f"Correct tags: {', '.join(self.labels)}",
            elem_id=f"corrected-{self.name}",
        )

    def initial_value(self, prediction: list[dict[str, Any]]) -> list[list[str]]:
        return [[word["word"], word["entity"]] for word in prediction]

    def validate(self, text: str, prediction: list[dict[str, Any]], given: Any) -> dict[str, Any]:
        words = [word["word"] for word in prediction]
        if [row[0] for row in given or []] != words:
            raise UserError("Change only the tags; keep the words and their order.")
        tags = [str(row[1]).strip() for row in given]
        unknown = sorted(set(tags) - set(self.labels))
        if unknown:
            raise UserError(f"'{unknown[0]}' is not a tag; use one of {', '.join(self.labels)}.")
        predicted = [word["entity"] for word in prediction]
        _check_differs(tags, predicted)
        return {"text": words, "label": tags, "prediction": predicted}


def create_view(name: str, entry: dict[str, Any], output_type: str) -> TaskView:
    """Return the components of a task by its output type: `class`, `labels`, `tags` or `score`."""
    views: dict[str, Any] = {"class": Classes, "labels": Labels, "tags": Tags, "score": Score}
    return views[output_type](name, entry)


def title_of(name: str) -> str:
    """Return a task's display name."""
    return name.replace("_", " ").capitalize()


def _check_differs(given: Any, prediction: Any) -> None:
    if given == prediction:
        raise UserError("The correction equals the prediction. Choose another one.")
