"""A small grid: two learning rates, two dropouts, one seed; one table and one heat map.

Stopped at any moment, the same command goes on. `hybrid-mtl search study_grid` is the paper's grid.
"""

import json
from pathlib import Path

from trainer.cli.main import main

STUDY = """\
base: demo
output_dir: studies/small_grid
method: grid
seeds: [1]
cycles: 4
options: {eval_on_start: false, gradient_cosines: false, per_device_train_batch_size: 8}
space:
  learning_rate: [5.0e-5, 2.0e-4]
  backbone_dropout: [0.1, 0.3]
"""

# The runs are processes of their own, which import this file.
if __name__ == "__main__":
    Path("small_grid.yaml").write_text(STUDY, encoding="utf-8")
    status = main(["search", "small_grid.yaml"])
    assert status == 0
    report = Path("studies/small_grid")
    print((report / "README.md").read_text(encoding="utf-8"))
    print(*sorted(str(path) for path in (report / "figures").iterdir()), sep="\n")
    rows = json.loads((report / "study.json").read_text(encoding="utf-8"))
    print("study.json has", ", ".join(rows))
