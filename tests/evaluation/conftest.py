import pytest
from matplotlib.figure import Figure


@pytest.fixture
def drawn(monkeypatch):
    """Return the figures saved during a test."""
    figures = []
    save = Figure.savefig

    def savefig(figure, *args, **kwargs):
        figures.append(figure)
        return save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return figures
