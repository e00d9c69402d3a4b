"""The canvas, the colors and the file format of all figures.

Matplotlib is imported on first use, and never through pyplot, which keeps global state and may
look for a display. The colors are from the Okabe-Ito palette, which suits color-blind readers.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.saving.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "#666666"
PURPLE, SKY, AMBER, BLACK = "#CC79A7", "#56B4E9", "#E69F00", "#000000"
# Of several lines in one panel, in this order.
LINES = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, GRAY, BLACK)
# Values from -1 to 1; red and blue differ to color-blind readers, too, and zero is white.
DIVERGING = "RdBu"
_DPI = 120
_MAX_LABEL_LENGTH = 30


def new_figure(width: float, height: float) -> "Figure":
    """Return a figure of this size, in inches, on an Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: "Figure", path: str | Path) -> None:
    """Write a PNG file atomically."""
    with atomic_file(Path(path)) as unfinished:
        figure.savefig(unfinished, format="png")


def shorten_label(name: str) -> str:
    """Return a label on one line, truncated to fit beside an axis."""
    line = "".join(c if c.isprintable() else " " for c in name)
    return line if len(line) <= _MAX_LABEL_LENGTH else f"{line[: _MAX_LABEL_LENGTH - 1]}…"
