"""Writing of an audit: its report, its figures, and the section of the model card."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainer.audit.figures import draw_groups, draw_terms
from trainer.audit.options import AuditOptions
from trainer.audit.report import audit_facts, audit_report, summary
from trainer.audit.run import Audit
from trainer.cards import (
    AuditFacts,
    facts_from_json,
    facts_to_json,
    render_audit,
    render_card,
    write_card,
)
from trainer.saving.files import write_json, write_text

REPORT, SECTION = "bias_audit.json", "bias_audit.md"
CARD, FACTS = "README.md", "card_facts.json"
# Prefix of the names of figures.
FIGURES = "figures/audit_"


def write_audit(found: Audit, options: AuditOptions, model: str, folder: Path) -> list[str]:
    """Write `bias_audit.json`, figures, and a section of the folder's model card.

    The card is rendered again from its facts. A card that was edited is left alone, as is a folder
    without one: the section is written to `bias_audit.md`.

    Args:
        found: the results.
        options: of the audit.
        model: the model's name.
        folder: of the files.

    Returns:
        Lines with the findings and the written files.
    """
    report = audit_report(found, options, model)
    lost = sorted(_audited(folder) - _tasks_of(report))
    write_json(folder / REPORT, report)
    facts = audit_facts(found, options, _draw(found, folder))
    target = _write_section(facts, folder)
    written = f"written: {REPORT}, figures and {target} in '{folder}'"
    if lost:
        written += f"; they replace an earlier audit, also of {', '.join(lost)}"
    return [*summary(found, report), written]


def _audited(folder: Path) -> set[str]:
    """Return the tasks of an earlier audit in a folder."""
    try:
        return _tasks_of(json.loads((folder / REPORT).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return set()


def _tasks_of(report: Any) -> set[str]:
    return set(report["tasks"])


def _draw(found: Audit, folder: Path) -> list[tuple[str, str]]:
    """Draw all figures; return their captions and paths from the folder."""
    for path in folder.glob(f"{FIGURES}*.png"):  # of an earlier audit
        path.unlink()
    figures = []
    for task in found.tasks:
        if any(each.difference is not None for each in task.comparisons):
            name = f"{FIGURES}{task.name}_groups.png"
            caption = f"{task.name}: each group minus all other rows, with 95% intervals"
            draw_groups(task.comparisons, caption, folder / name)
            figures.append((caption, name))
        if task.axes:
            name = f"{FIGURES}{task.name}_terms.png"
            caption = f"{task.name}: one word for people replaced by another, with 95% intervals"
            draw_terms(task.axes, caption, folder / name)
            figures.append((caption, name))
    return figures


def _write_section(audit: AuditFacts, folder: Path) -> str:
    """Write the section into the card, or beside it; return the name of the file."""
    try:
        facts = facts_from_json(folder / FACTS)
        is_rendered = (folder / CARD).read_text(encoding="utf-8") == render_card(facts)
    except (OSError, ValueError):
        is_rendered = False
    if not is_rendered:
        write_text(folder / SECTION, render_audit(audit))
        return SECTION
    audited = replace(facts, audit=audit)
    # The card first: if the next write fails, it counts as edited, and nothing is lost.
    write_card(audited, folder / CARD)
    facts_to_json(audited, folder / FACTS)
    (folder / SECTION).unlink(missing_ok=True)
    return CARD
