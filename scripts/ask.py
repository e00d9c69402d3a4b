"""Ask a trained model three questions: `ask.py FOLDER_OR_REPOSITORY`.

The folder of an ONNX export does as well.
"""

import sys
from pathlib import Path
from typing import Any

from transformers import pipeline

QUESTIONS = (
    ("sentiment", "A gorgeous, witty film that never overstays its welcome."),
    (
        "paraphrase",
        {
            "text": "How can I learn to cook well at home?",
            "text_pair": "What is a good way to teach myself cooking?",
        },
    ),
    (
        "similarity",
        {"text": "A plane is taking off.", "text_pair": "An aeroplane leaves the runway."},
    ),
)


def load(model: str) -> Any:
    """The pipeline of a model, loaded as anyone would, or of an export."""
    if not (Path(model) / "export.json").is_file():
        return pipeline("hybrid-mtl", model=model, trust_remote_code=True)
    # Run from a checkout, too, without having been installed.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from trainer.export import onnx_pipeline

    return onnx_pipeline(model)


def main(model: str) -> None:
    """Print the answers of the model in a folder or repository."""
    try:
        pipe = load(model)
    except (OSError, ValueError) as error:
        sys.exit(f"ask.py: cannot load a model from '{model}': {error}")
    questions = [
        (task, question) for task, question in QUESTIONS if task in pipe.model.config.tasks
    ]
    if not questions:
        sys.exit(f"ask.py: no question for its tasks: {', '.join(pipe.model.config.tasks)}")
    for task, question in questions:
        shown = question if isinstance(question, str) else " | ".join(question.values())
        print(f"{task}: {shown}\n    {pipe(question, task=task)}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: ask.py FOLDER_OR_REPOSITORY")
    main(sys.argv[1])
