"""Ask a trained model three questions: `ask.py FOLDER_OR_REPOSITORY`."""

import sys

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


def main(model: str) -> None:
    """Load the model as anyone would, from its folder or repository, and print its answers."""
    try:
        pipe = pipeline("hybrid-mtl", model=model, trust_remote_code=True)
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
