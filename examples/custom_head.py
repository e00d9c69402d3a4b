"""A head of one's own: registered in a file, trained, saved with the model, loaded without it.

The head classifies by the distance to a learned point for each class (prototypes).
"""

import subprocess
import sys
from pathlib import Path

from trainer.cli.main import main

Path("prototype_head.py").write_text(
    '''\
"""Classes as points: the logit of a class is the negative squared distance to its point."""

import torch
from modeling_hybrid_mtl.heads_hybrid_mtl import ClassificationHead
from modeling_hybrid_mtl.registry_hybrid_mtl import HEADS
from torch import nn


@HEADS.register("prototypes")
class PrototypeHead(ClassificationHead):
    """Compare a text's vector with a learned point of each class."""

    def __init__(self, width, task):
        super().__init__(width, task)
        self.points = nn.Parameter(torch.randn(len(task.labels), width) * 0.1)

    def forward(self, u, v=None):  # v: the second text's vectors, of tasks of pairs
        return -torch.cdist(u, self.points).square()
''',
    encoding="utf-8",
)
Path("prototypes.yaml").write_text(
    """\
model_name_or_path: minilm
data_dir: sample
output_dir: runs/prototypes
extensions: [prototype_head.py]
num_train_epochs: 1
cycles_per_epoch: 30
learning_rate: 1.0e-4
report_to: none
tasks:
  sentiment:
    kind: prototypes
    labels: [very negative, negative, neutral, positive, very positive]
    learning_rate: 1.0e-2
  similarity: {}
""",
    encoding="utf-8",
)
status = main(["train", "prototypes.yaml", "--overwrite_output_dir", "true"])
assert status == 0
# Another process, which has not seen the file: the head's code is in the model's folder.
Path("prototype_head.py").unlink()
code = (
    "from transformers import pipeline\n"
    "pipe = pipeline('hybrid-mtl', model='runs/prototypes', trust_remote_code=True)\n"
    "print(type(pipe.model.heads['sentiment']).__name__, pipe('a witty film', task='sentiment'))"
)
subprocess.run([sys.executable, "-c", code], check=True)
