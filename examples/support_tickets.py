"""Support tickets: one table with two label columns becomes one model with two tasks.

Some tickets have no urgency; they train the topic alone. The probabilities are calibrated on
validation rows, and answers that would often be wrong are marked for a person.
"""

import csv
import random
from pathlib import Path

from transformers import pipeline

from trainer.cli.main import main

TEXTS = {
    "delivery": ["The parcel came {} days late.", "The courier left it in the rain, {} times now."],
    "price": ["You raised the fee by {} euros.", "I was charged {} euros twice."],
    "quality": ["The handle broke after {} days.", "The color fades after {} washes."],
}
ENDINGS = {"low": "Just so you know.", "normal": "Please have a look.", "high": "I need it today!"}

random.seed(1)
rows = []
for number in range(240):
    topic = random.choice(list(TEXTS))
    urgency = random.choice(list(ENDINGS))
    text = f"{random.choice(TEXTS[topic]).format(2 + number % 9)} {ENDINGS[urgency]}"
    rows.append({"message": text, "topic": topic, "urgency": urgency if number % 5 else ""})
with Path("tickets.csv").open("w", encoding="utf-8", newline="") as file:
    table = csv.DictWriter(file, ["message", "topic", "urgency"])
    table.writeheader()
    table.writerows(rows)

Path("tickets.yaml").write_text(
    """\
model_name_or_path: minilm
output_dir: runs/tickets
language: en
num_train_epochs: 4
per_device_train_batch_size: 16
learning_rate: 1.0e-4
calibrate: true
target_accuracy: 0.95          # answers below this are marked needs_review
report_to: none
seed: 1
tasks:
  topic:
    kind: classification
    labels: auto
    train_file: tickets.csv
    validation_split: 0.25
    columns: {text: message, label: topic}
    learning_rate: 1.0e-3
  urgency:
    kind: ordinal
    labels: [low, normal, high]
    train_file: tickets.csv
    validation_split: 0.25
    columns: {text: message, label: urgency}
    bad_rows: drop             # the tickets without an urgency
    learning_rate: 1.0e-3
""",
    encoding="utf-8",
)
status = main(["train", "tickets.yaml", "--overwrite_output_dir", "true"])
assert status == 0
answer = pipeline("hybrid-mtl", model="runs/tickets", trust_remote_code=True)
for text in ("It came three days late. I need it today!", "Hello?"):
    print(text, answer(text))
