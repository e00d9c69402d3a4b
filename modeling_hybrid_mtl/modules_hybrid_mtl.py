"""Code that comes with a model, as importable as any other."""

import sys


def attach_modules(name: str) -> None:
    """Make a module, and those beside it, attributes of their package, as an import does.

    transformers does not, for code that comes with a model. A pickler that looks for a class by its
    name (dill, and so the fingerprints of `datasets`) then finds none, and pickles the class itself
    with all that it refers to, for half a minute and without end.

    Args:
        name: of a module whose package has been imported.
    """
    package = name.rpartition(".")[0]
    for other, module in list(sys.modules.items()):
        parent, _, own_name = other.rpartition(".")
        if parent == package and not hasattr(sys.modules[package], own_name):
            setattr(sys.modules[package], own_name, module)
