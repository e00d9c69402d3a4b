"""Small model folders like those of a finished run."""

import json
from pathlib import Path

import modeling_hybrid_mtl
from tests.toys import toy_model, toy_tokenizer
from trainer.saving.model_folder import write_model

# The Python files that travel with every model.
CODE = {p.name for p in Path(modeling_hybrid_mtl.__file__).parent.glob("*.py")} - {"__init__.py"}
CARD = "---\ntags: [hybrid-mtl]\n---\n\n# A model\n"


def model_folder(folder: Path, *, seed: int = 0, adapters: tuple[str, ...] = ()) -> Path:
    """Write a complete model with card, metrics and a figure, and unpublished files."""
    model = toy_model(seed=seed)
    if adapters:
        model.attach_task_adapters(adapters, rank=2, alpha=4, dropout=0.0, target_modules=["query"])
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.data.normal_()
    write_model(model.eval(), toy_tokenizer(), folder)
    (folder / "README.md").write_text(CARD)
    (folder / "metrics.json").write_text(json.dumps({"eval_overall": 0.5}))
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "mood.png").write_bytes(b"\x89PNG")
    (folder / "run_config.yaml").write_text("data_dir: /home/somebody/data\n")
    for name in ("training_args.bin", "optimizer.pt", "checkpoint-3/optimizer.pt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"pickle")
    return folder
