"""Audit a model, log its answers, and watch: the texts change, and an alert says how."""

import json
from importlib.resources import files
from pathlib import Path

from trainer.cli.main import main

FOLDER = "runs/watched"
train = f"train demo --max_steps 40 --output_dir {FOLDER} --overwrite_output_dir true"
assert main(train.split()) == 0

# Words for people exchanged; with labeled rows and their groups, errors by group, too:
# --data labeled.csv --groups region
assert main(["audit", FOLDER, "--tasks", "sentiment", "--axes", "age,first_name"]) == 0

# Answers to reviews like those of training, and then to much longer ones.
sample = files("trainer.data") / "sample/sst5/train.jsonl"
texts = [json.loads(line)["text"] for line in sample.read_text(encoding="utf-8").splitlines()][:240]
log = Path("answers.jsonl")
log.unlink(missing_ok=True)
for name, rows in (("usual", texts), ("longer", [f"{text} {text} {text}" for text in texts])):
    lines = [json.dumps({"text": text}) for text in rows]
    Path(f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    predict = f"predict {FOLDER} {name}.jsonl --output {name}_predicted.jsonl --task sentiment"
    assert main([*predict.split(), "--log", str(log), "--overwrite"]) == 0
status = main(["monitor", FOLDER, str(log), "--window", "120rows", "--output_dir", "watch"])
summary = json.loads(Path("watch/alerts.json").read_text(encoding="utf-8"))["summary"]
print("exit status", status, "-", summary)
