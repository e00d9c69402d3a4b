"""The page of a study, its `README.md`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trainer.cards.render import in_markdown
from trainer.search.report import formats
from trainer.search.report.rows import format_values
from trainer.search.report.tables import ordered

_CHOICE_NOTES = """\
It is the best of {count}, and so a little better by chance; other seeds tell by how much."""
_NOTES = """\
± is half of the 95% interval of the mean over seeds (Student's t): how much training varies with
the seed, not how much the metric would vary with other validation rows."""
_COMPARISON_NOTES = """\
Differences are those to {baseline}, paired by seed, with their 95% interval. Where the interval
contains 0, the runs show no difference; that is no proof that there is none. p is that of the
paired t-test, corrected for the {count} of this table (Holm 1979)."""
_TASK_NOTES = """\
Paired by seed, with 95% intervals that are not corrected for their number: of twenty, one excludes
0 by chance."""
_IMPORTANCE_NOTES = """\
By how much a random forest's R² falls when the option's values are permuted, over {runs} runs. The
forest's R² on runs that it was not fitted to is {r2:.2f}; near or below 0, they mean nothing.
What the seed explains is chance."""


def study_page(content: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        content: of `study_content`.
        figures: path -> title of the figures in the study's folder.
    """
    parts = [f"# {in_markdown(content['name'])}", _protocol(content), _best(content)]
    parts += [_test(content)] if content.get("test") else []
    if content["rows"]:
        parts += ["## Results", _results(content), *_notes(content)]
    if any(row["task_differences"] for row in content["rows"]):
        parts += ["### Differences per task", _by_task(content), _TASK_NOTES]
    failed = [run for run in content["runs"] if run["error"]]
    if failed:
        head = ["Trial, with its log in logs/", "Variant", "Values", "Seed", "Reason"]
        parts += ["## Failed runs", _table(head, map(_failed, failed))]
    if content.get("importance"):
        parts += ["## Importance of the options", _importance(content["importance"])]
    if figures:
        parts += ["## Figures"]
        parts += [f"![{in_markdown(title)}]({path})" for path, title in figures.items()]
    return "\n\n".join(filter(None, parts)) + "\n"


def _failed(run: Mapping[str, Any]) -> list[Any]:
    values = format_values(run["values"])
    return [f"trial-{run['trial']:04}", run["variant"], values, run["seed"], run["error"]]


def _protocol(content: Mapping[str, Any]) -> str:
    ended = len(content["runs"])
    failed = sum(bool(run["error"]) for run in content["runs"])
    budget = [formats.count(content["cycles"], "cycle")] if content["cycles"] else []
    budget += [f"at most {content['minutes']:g} minutes"] if content["minutes"] else []
    lines = [
        f"- Method: {content['method']}; seeds: {', '.join(map(str, content['seeds']))}",
        f"- Budget of a run: {', '.join(budget) or 'as in the configuration'}; "
        f"{formats.count(content['threads'], 'thread')}",
        f"- Compared by: {in_markdown(content['metric'])}, "
        f"{'higher' if content['greater_is_better'] else 'lower'} is better, on validation rows",
        f"- Runs: {ended} of {content['trials']}, of which {failed} failed; "
        f"{formats.duration(content['seconds'])} in all",
    ]
    if not content["done"]:
        lines.append("- **Unfinished**: the same command goes on.")
    return "\n".join(lines)


def _best(content: Mapping[str, Any]) -> str:
    if content["best"] is None:
        return ""
    chosen = content["rows"][content["best_row"]]
    found = chosen["metrics"][content["metric"]]
    trains = (
        "the values are those of its first interval; with `hybrid-mtl search`, `schedule.yaml` "
        "trains what the weights of the best member went through"
        if chosen["scheduled"]
        else "`best.yaml` trains it"
    )
    best = (
        f"Best: {in_markdown(content['best'])}, {formats.mean(found)} in "
        f"{formats.count(found['runs'], 'run')} ({trains})."
    )
    able = sum(content["metric"] in row["metrics"] for row in content["rows"])
    return best if able == 1 else f"{best} {_CHOICE_NOTES.format(count=able)}"


def _test(content: Mapping[str, Any]) -> str:
    test = content["test"]
    run = next(r for r in content["runs"] if f"trial-{r['trial']:04}" == test["trial"])
    values = format_values(run["values"])
    what = ", ".join(filter(None, (run["variant"], values, f"seed {run['seed']}")))
    chosen = f"The best single run is {test['trial']} ({in_markdown(what)})"
    if not test["metrics"]:
        return f"{chosen}{in_markdown(test['error'])}."
    found = ", ".join(f"{in_markdown(name)} {value:.4f}" for name, value in test["metrics"].items())
    return f"{chosen}. Its model alone was measured on the test split, once: {found}."


def _results(content: Mapping[str, Any]) -> str:
    compares = content["baseline"] is not None
    names = [name.removeprefix("eval_") for name in content["shown"]]
    head = ["Runs of", "Runs", *names, *(["Difference", "p", "Shown"] if compares else []), "Time"]
    cells = []
    for row in ordered(content):
        gap = row["difference"]
        main = row["metrics"].get(content["metric"])
        means = [formats.mean(row["metrics"].get(name)) for name in content["shown"]]
        shown = gap["verdict"] if gap else formats.MISSING
        compared = [formats.difference(gap), formats.p_value(gap), shown] if compares else []
        name = row["name"]
        if row["combines"]:
            name += f" ({' + '.join(row['combines'])})"
        count = str(main["runs"] if main else 0)
        for state in ("failed", "paused"):
            count += f", {row[state]} {state}" if row[state] else ""
        cells.append([name, count, *means, *compared, formats.duration(row["seconds"])])
    return _table(head, cells)


def _by_task(content: Mapping[str, Any]) -> str:
    metrics = [name for name in content["shown"] if name != content["metric"]]
    cells = [
        [row["name"], *(formats.difference(row["task_differences"].get(name)) for name in metrics)]
        for row in content["rows"]
        if row["task_differences"]
    ]
    return _table(["Runs of", *(name.removeprefix("eval_") for name in metrics)], cells)


def _notes(content: Mapping[str, Any]) -> list[str]:
    notes = [_NOTES]
    gaps = [row["difference"] for row in content["rows"] if row["difference"]]
    count = sum(gap["p_corrected"] is not None for gap in gaps)
    if count:
        baseline = in_markdown(content["baseline"])
        if content["space"]:
            baseline += " with the same values"
        notes.append(
            _COMPARISON_NOTES.format(baseline=baseline, count=formats.count(count, "comparison"))
        )
    return notes


def _importance(found: Mapping[str, Any]) -> str:
    cells = [[name, f"{value:.3f}"] for name, value in found["options"].items()]
    notes = _IMPORTANCE_NOTES.format(runs=found["runs"], r2=found["r2"])
    return f"{_table(['Option', 'Importance'], cells)}\n\n{notes}"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [list(map(in_markdown, head)), ["---"] * len(head)]
    lines += [list(map(in_markdown, row)) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
