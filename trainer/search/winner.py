"""The schedule of the winner of a population, as a study that trains it again."""

from pathlib import Path

from trainer.config.extensions import load_extensions
from trainer.config.yaml_text import to_yaml
from trainer.saving.files import write_text
from trainer.search.methods.candidates import quality
from trainer.search.methods.population import PopulationMethod
from trainer.search.methods.schedule import schedule_of
from trainer.search.run import Search

SCHEDULE = "schedule.yaml"


def write_schedule(search: Search, folder: Path) -> Path | None:
    """Write what the best member of a population lived through, for `hybrid-mtl search`.

    Args:
        search: which is done.
        folder: in which the configuration's extensions may lie, besides the current folder.

    Returns:
        The file, in the study's folder; None if the method has no population, or no member was
        trained to its end.
    """
    study, method = search.study, search.method
    if not isinstance(method, PopulationMethod):
        return None
    ended = [
        (value, -segment.trial)
        for segment, result in search.results
        if segment.until is None and (value := quality(study, result)) is not None
    ]
    if not ended:
        return None
    winner = -max(ended)[1]
    content = schedule_of(method, winner)
    if extensions := content["options"].get("extensions"):
        content["options"]["extensions"] = load_extensions(extensions, folder)
    path = study.folder / SCHEDULE
    head = (
        f"# What the weights of trial {winner}, the best of the study {study.name}, went through.\n"
        "# The lists of the space have a value for each interval.\n"
        "# Train it with hybrid-mtl search.\n"
    )
    write_text(path, head + to_yaml(content))
    return path
