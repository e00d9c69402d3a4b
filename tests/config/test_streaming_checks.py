"""Options that cannot work with streamed training rows are refused before anything is read."""

import pytest
import yaml

from trainer.config.parser import parse
from trainer.errors import InputError

TASK = {
    "kind": "classification",
    "labels": ["bad", "good"],
    "train_file": "train.csv",
    "validation_file": "check.csv",
    "streaming": True,
}


def parsed(folder, fields=(), tasks=None, **options):
    path = folder / "run.yaml"
    entries = {"mood": {**TASK, **dict(fields)}, **(tasks or {})}
    settings = {"output_dir": str(folder), "cycles_per_epoch": 5, "use_cpu": True, **options}
    path.write_text(yaml.safe_dump({**settings, "tasks": entries}))
    return parse([str(path)])


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {}),
        ({}, {"task_sampling": "uniform", "step_every": "batch"}),
        ({"train_rows": 100}, {"task_sampling": "annealed", "step_every": "batch"}),
        ({"train_rows": 100}, {"cycles_per_epoch": None}),
        ({"shuffle_buffer": 100}, {"max_steps": 10}),
        ({"class_weights": {"good": 3}}, {}),
    ],
)
def test_streaming_is_accepted(tmp_path, fields, options):
    assert parsed(tmp_path, fields, **options).tasks["mood"].source.streaming


@pytest.mark.parametrize(
    ("fields", "options", "error"),
    [
        ({}, {"cycles_per_epoch": None}, "length of an epoch is unknown"),
        ({}, {"cycles_per_epoch": None, "max_steps": 9}, "length of an epoch is unknown"),
        (
            {},
            {"task_sampling": "proportional", "step_every": "batch"},
            "task_sampling = 'proportional': needs the number of rows of task 'mood'",
        ),
        ({}, {"dataloader_num_workers": 2}, "dataloader_num_workers = 2"),
        ({}, {"folds": 3}, "task 'mood': streaming: folds = 3: needs all"),
        (
            {"validation_split": 0.1, "validation_file": None},
            {},
            "task 'mood': streaming: validation_split = 0.1: needs all",
        ),
        ({"augmentation": "deletion"}, {}, "task 'mood': streaming: augmentation: needs all"),
        ({"class_weights": "balanced"}, {}, "streaming: class_weights = balanced: needs all"),
        ({"columns": {"weight": "w"}}, {}, "task 'mood': streaming: columns: weight: needs all"),
        ({"labels": "auto"}, {}, "task 'mood': labels: auto: reads all training rows"),
        (
            {"kind": "multi_label", "labels": ["a", "b"]},
            {},
            "task 'mood': streaming: two labels in one column",
        ),
        (
            {},
            {
                "phases": [
                    {"name": "words", "objective": "masked_language_modeling", "tasks": ["mood"]},
                    {"name": "tasks", "tasks": ["mood"]},
                ]
            },
            "task 'mood': streaming: phase 'words'",
        ),
        ({"streaming": False, "train_rows": 9}, {}, "field 'train_rows' = 9: has no effect"),
        ({"streaming": False, "shuffle_buffer": 9}, {}, "field 'shuffle_buffer' = 9: has no eff"),
        ({"shuffle_buffer": 0}, {}, "field 'shuffle_buffer' = 0: must be 1 or more"),
    ],
)
def test_what_needs_all_rows_is_refused(tmp_path, fields, options, error):
    with pytest.raises(InputError, match=error):
        parsed(tmp_path, fields, **options)


def test_labels_cannot_be_generated_from_streamed_texts(tmp_path):
    tags = {"label_generator": "part_of_speech", "source_tasks": ["mood"]}
    with pytest.raises(InputError, match="streaming: label_generator of task 'tags'"):
        parsed(tmp_path, tasks={"tags": tags})
