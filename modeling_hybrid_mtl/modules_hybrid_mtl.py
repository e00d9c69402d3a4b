"""Registration of dynamically loaded modules in their package."""

import sys


def attach_modules(name: str) -> None:
    """Set a module and its siblings as attributes of their package, as an import does.

    transformers omits this for code that is loaded with a model. Picklers that look up classes by
    name (dill, and so the fingerprints of `datasets`) would then pickle the class with all that it
    refers to, which takes half a minute or does not end.

    Args:
        name: a module whose package has been imported.
    """
    package = name.rpartition(".")[0]
    for module_name, module in list(sys.modules.items()):
        parent, _, attribute = module_name.rpartition(".")
        if parent == package and not hasattr(sys.modules[package], attribute):
            setattr(sys.modules[package], attribute, module)
