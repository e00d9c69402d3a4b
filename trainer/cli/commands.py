"""The commands of `hybrid-mtl`: their names, modules and purposes. Imports nothing slow."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        module: the module of `trainer.cli` whose `main(arguments, prog)` runs it.
        purpose: one line for the overview.
    """

    module: str
    purpose: str

    def load(self) -> Any:
        """Import the module."""
        return import_module(f"trainer.cli.{self.module}")


GROUPS: dict[str, dict[str, Command]] = {
    "train": {
        "train": Command("train", "train a model; train demo needs no data and no network"),
        "evaluate": Command("evaluate", "measure a trained model on a split"),
        "search": Command("search", "run a study: variants, grids and other searches"),
        "config": Command("config", "list the configurations that come with it, or print one"),
        "preview-augmentation": Command("preview_augmentation", "show what augmentation does"),
        "make-wordnet": Command("make_wordnet", "install WordNet's files from Debian's packages"),
    },
    "use a model": {
        "ask": Command("ask", "print predictions for a text or a pair"),
        "predict": Command("predict", "predict files of any size"),
        "serve": Command("serve", "answer over HTTP"),
        "app": Command("app", "open a page in the browser"),
        "export": Command("export", "write it for sentence-transformers or onnxruntime"),
        "average": Command("average", "average the weights of models with the same tasks"),
        "push": Command("push", "publish it on the Hugging Face Hub"),
    },
    "watch a model": {
        "audit": Command("audit", "measure its errors by group, words and typing errors"),
        "monitor": Command("monitor", "compare its logged answers with its reference"),
        "make-reference": Command("make_reference", "make a reference of labeled rows"),
        "collect-feedback": Command("collect_feedback", "turn feedback into rows for training"),
    },
    "this command": {
        "completion": Command("completion", "print a script that completes it in your shell"),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}
