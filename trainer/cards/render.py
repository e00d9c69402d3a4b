"""Rendering of a run's facts into the model card.

A card is public, and the Hub refuses invalid metadata: every text is escaped, independently of the
template, and local paths are removed.
"""

import html
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trainer.cards.audit_facts import AuditFacts
from trainer.cards.citations import bibtex
from trainer.cards.examples import example_inputs, example_output
from trainer.cards.facts import CardFacts, TaskFacts, hub_id, one_line, public
from trainer.cards.metadata import metadata
from trainer.prediction.describe import describe_prediction
from trainer.saving.files import write_text

# In examples without a known repository.
SOME_REPO = 'repo = "path/or/id"  # the folder of this card, or its repository on the Hub'
# The figure of the gradients' cosines, without its suffix.
COSINES = "gradient_cosines"
# Settings that are omitted at these values.
HIDE_AT_DEFAULT: dict[str, Any] = {
    "loss_weight": 1.0,
    "score_weight": 1.0,
    "gradient_accumulation_steps": 1,
    "warmup_steps": 0,
    "cosine_range": [0.0, 1.0],
    "pair_features": ["u", "v", "difference", "product"],
}


def render_card(facts: CardFacts) -> str:
    """Render the model card: YAML metadata, then Markdown."""
    facts = public(facts)
    trained = (*facts.tasks, *facts.auxiliary_tasks)
    inputs = example_inputs(facts.tasks)
    repo = facts.model_name if "/" in facts.model_name and hub_id(facts.model_name) else None
    body = (
        _environment()
        .get_template("card_template.md.jinja")
        .render(
            facts=facts,
            repo=repo,
            inputs=inputs,
            calls=_calls(facts.tasks, inputs),
            max_length=facts.shared_hyperparameters.get("max_length"),
            repo_line=Markup(f"repo = {json.dumps(repo)}" if repo else SOME_REPO),
            has_cosines=any(Path(path).stem == COSINES for _, path in facts.figures),
            has_before=facts.overall_before is not None
            or any(task.metrics_before for task in facts.tasks),
            has_intervals=facts.overall_interval is not None
            or any(task.intervals for task in facts.tasks),
            groups={
                "shared": _informative(facts.shared_hyperparameters),
                **{f"{task.name} head": _informative(task.hyperparameters) for task in trained},
            },
            run=_run_rows(facts),
            formula=_overall_formula([task for task in facts.tasks if not task.auxiliary]),
            bibtex=Markup(bibtex(facts.citations, _version(facts))),
        )
    )
    return f"---\n{metadata(facts).to_yaml()}\n---\n\n{body}"


def _calls(tasks: list[TaskFacts], inputs: dict[str, list[Any]]) -> list[tuple[Markup, Markup]]:
    """Return the calls of the pipeline for each task, single texts first, with their outputs."""
    calls = []
    for task in sorted(tasks, key=lambda task: task.input == "pair"):
        name, shown = "text", {"text": inputs["texts"][0]}
        if task.input == "pair":
            name, shown = "pair", inputs["pairs"][0]
            rows = [{key: row[key] for key in ("text", "text_pair")} for row in task.examples]
            if rows and shown not in rows:
                name, shown = json.dumps(rows[0], ensure_ascii=False), rows[0]
        call = f"pipe({name}, task={json.dumps(task.name, ensure_ascii=False)})"
        output = example_output(task, shown)
        calls.append((Markup(call), Markup("" if output is None else f"  # {output}")))
    return calls


def render_audit(audit: AuditFacts) -> str:
    """Render the section of a card about an audit alone, for cards that are not rendered."""
    return _environment().get_template("audit_section.md.jinja").render(audit=audit)


def write_card(facts: CardFacts, path: str | os.PathLike[str]) -> None:
    """Render the card and write it to `path` atomically."""
    write_text(Path(path), render_card(facts))


@cache  # which keeps the compiled templates: to compile takes longer than to render
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Escapes every {{ expression }} of the template.
        finalize=lambda value: value if isinstance(value, Markup) else in_markdown(value),
    )
    environment.filters["python"] = lambda value: Markup(json.dumps(value, ensure_ascii=False))
    environment.filters["prediction"] = describe_prediction
    environment.filters["url"] = lambda value: Markup(quote(value))
    environment.filters["metric_title"] = _metric_title
    environment.filters["metric"] = lambda value: None if value is None else f"{value:.4f}"
    environment.filters["interval"] = _interval
    environment.filters["p_value"] = lambda value: f"{value:.2g}"
    environment.filters["share"] = lambda value: f"{value:.1%}"
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["duration"] = format_duration
    environment.filters["settings"] = _settings
    return environment


def in_markdown(value: Any) -> str:
    """Format a value on one line, with Markdown and HTML escaped."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(in_markdown, value))
    text = html.escape(one_line(value), quote=False).replace("\\", "&#92;")
    # Underscores inside a word, as in learning_rate, need no escape.
    return re.sub(r"[`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)


def _interval(ends: list[float] | None) -> str | None:
    return None if ends is None else f"{ends[0]:.4f} to {ends[1]:.4f}"


def format_duration(seconds: float) -> str:
    """Format a time: 45 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _settings(settings: dict[str, Any]) -> str:
    """Format settings for a cell of a table."""
    parts = []
    for name, value in settings.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        parts.append(f"{name}: {text}")
    return "; ".join(parts)


def _informative(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without empty ones, defaults and those without effect."""
    without_effect = "dropout_where" if settings.get("dropout") is None else None
    return {
        name: value
        for name, value in settings.items()
        if value not in (None, [], {}, "") and name != without_effect
        if name not in HIDE_AT_DEFAULT or value != HIDE_AT_DEFAULT[name]
    }


def _run_rows(facts: CardFacts) -> dict[str, Any]:
    """Return the rows about the run, without those of the section Compute."""
    compute_rows = ("seconds", "hardware", "processes") if facts.compute else ()
    return {name: value for name, value in facts.run.items() if name not in compute_rows}


def _version(facts: CardFacts) -> str | None:
    """Return the project's version, if a valid one was recorded."""
    versions = facts.run.get("versions")
    version = versions.get("hybrid-mtl") if isinstance(versions, dict) else None
    return version if version and re.fullmatch(r"\w[\w.+-]*", str(version), re.ASCII) else None


def _overall_formula(tasks: list[TaskFacts]) -> str | None:
    """Return the formula of the overall score, if every main metric has a known term."""
    from trainer.evaluation.metrics import formula_of, main_metric  # imports torch

    scored = [task for task in tasks if task.score_weight]
    terms = []
    for task in scored:
        term = formula_of(task.main_metric or main_metric(task.kind), task.name)
        if term is None:
            return None
        factor = "" if task.score_weight == 1 else f"{task.score_weight:g} * "
        terms.append(f"{factor}{term}")
    return f"({' + '.join(terms)}) / {sum(task.score_weight for task in scored):g}"


def _metric_title(metric: str) -> str:
    from trainer.evaluation.metrics import title_of_metric
    from trainer.registry import METRICS

    return title_of_metric(metric) if metric in METRICS else metric
