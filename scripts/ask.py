"""Run a trained model on three examples: `ask.py FOLDER_OR_REPOSITORY`.

The folder of an ONNX export works, too. This project's code opens the model, or, with
--trust_remote_code, the model's own Python code, as on machines without this project.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import pipeline

EXAMPLES = (
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
        {"text": "A plane is taking off.", "text_pair": "An airplane leaves the runway."},
    ),
)


def load(model: str, trust_remote_code: bool, extensions: Sequence[str] | None = None) -> Any:
    """Return the pipeline of a model, or of an export."""
    if trust_remote_code:
        return pipeline("hybrid-mtl", model=model, trust_remote_code=True)
    # For a checkout that is not installed.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from trainer.config.extensions import load_extensions

    load_extensions(extensions)
    if (Path(model) / "export.json").is_file():
        from trainer.export import onnx_pipeline

        return onnx_pipeline(model)
    from modeling_hybrid_mtl import HybridMTLPipeline
    from trainer.loading.trained_model import open_trained

    trained, tokenizer = open_trained(model)
    return HybridMTLPipeline(model=trained, tokenizer=tokenizer)


def main(
    model: str, trust_remote_code: bool = False, extensions: Sequence[str] | None = None
) -> None:
    """Print the predictions of the model in a folder or repository."""
    try:
        pipe = load(model, trust_remote_code, extensions)
    except (OSError, ValueError) as error:
        reason = str(error).strip()
        if "Traceback" in reason:  # `pipeline` puts the reason at its end
            reason = reason.splitlines()[-1]
        sys.exit(f"ask.py: cannot load a model from '{model}': {reason}")
    examples = [(task, example) for task, example in EXAMPLES if task in pipe.model.config.tasks]
    if not examples:
        sys.exit(f"ask.py: no example for its tasks: {', '.join(pipe.model.config.tasks)}")
    for task, example in examples:
        shown = example if isinstance(example, str) else " | ".join(example.values())
        print(f"{task}: {shown}\n    {pipe(example, task=task)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="ask.py", description="Run a trained model on three examples.", allow_abbrev=False
    )
    parser.add_argument("model", metavar="FOLDER_OR_REPOSITORY")
    parser.add_argument(
        "--trust_remote_code", action="store_true", help="run the model's own Python code"
    )
    parser.add_argument(
        "--extensions", nargs="+", help="files or modules that register the model's kinds of tasks"
    )
    main(**vars(parser.parse_args()))
