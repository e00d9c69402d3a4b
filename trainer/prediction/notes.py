"""Sentences on what is lost in a prediction."""

from collections.abc import Mapping


def describe_losses(
    rows: int,
    max_length: int,
    *,
    truncated: int,
    untagged: int,
    rejects: Mapping[str, int],
    left_out: bool,
) -> list[str]:
    """Return a sentence for each kind of loss, none without losses.

    Args:
        rows: the number of all rows.
        max_length: most tokens of a row that are read.
        truncated: number of rows with more.
        untagged: number of given words without a tag.
        rejects: reason -> number of rows without a prediction.
        left_out: whether these are not written.
    """
    notes = []
    if truncated:
        notes.append(
            f"{truncated} of {rows} rows have more than {max_length} tokens; the rest of their "
            f"texts is not read"
        )
    if untagged:
        notes.append(f"{untagged} words have no tag, as they were not read")
    verb = "are left out" if left_out else "have no prediction"
    return [*notes, *(f"{n} of {rows} rows {verb}: {reason}" for reason, n in rejects.items())]
