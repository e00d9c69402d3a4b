"""What every figure has in common: its canvas, its colours and how it is written.

Matplotlib is imported on first use and never through pyplot, which keeps global state and may
look for a display. Colours are of the Okabe-Ito palette, told apart by colour-blind readers.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.saving.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
PURPLE = "#CC79A7"
_DPI = 120


def new_figure(width: float, height: float) -> "Figure":
    """A figure of this size in inches on an Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: "Figure", path: str | Path) -> None:
    """Write a PNG that is there whole or not at all."""
    with atomic_file(Path(path)) as unfinished:
        figure.savefig(unfinished, format="png")
