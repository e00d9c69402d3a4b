"""Time our predictions: pipelines of torch and onnxruntime, and sentence vectors."""

from collections.abc import Callable
from functools import partial
from typing import Any

import onnxruntime
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.peers.protocol import Line, Message, read_job, seconds_of
from benchmarks.speed.workers.trainers import be_quiet
from modeling_hybrid_mtl import HybridMTLModel, HybridMTLPipeline
from trainer.evaluation import ScorePart, compute_task_metrics, overall_score
from trainer.export import onnx_pipeline

HEADS = ("first", "second", "third")
LABELS = ["a", "b", "c", "d", "e"]


def single_text_pipeline(job: dict[str, Any], heads: tuple[str, ...]) -> HybridMTLPipeline:
    """Return a pipeline of a model with tasks of one text."""
    tasks: dict[str, Any] = {name: {"kind": "classification", "labels": LABELS} for name in heads}
    model = HybridMTLModel.from_backbone(job["weights"], tasks)
    return HybridMTLPipeline(model=model, tokenizer=open_tokenizer(job), device="cpu")


def open_tokenizer(job: dict[str, Any]) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(job["weights"])
    tokenizer.model_max_length = job["max_length"]
    return tokenizer


@torch.inference_mode()
def embed(model: Any, tokenizer: Any, texts: list[str], size: int) -> torch.Tensor:
    """Return sentence vectors (N, H) as in the README; texts of similar length share a batch."""
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    found = []
    for start in range(0, len(order), size):
        chosen = [texts[i] for i in order[start : start + size]]
        inputs = tokenizer(chosen, padding=True, truncation=True, return_tensors="pt")
        found.append(model(**inputs).embeddings)
    vectors = torch.cat(found)
    return vectors[torch.tensor(order).argsort()]


def score(pipe: HybridMTLPipeline, tasks: dict[str, Any], size: int) -> float:
    """Return the overall score on some rows, in points from 0 to 100."""
    metrics = {}
    for name, task in tasks.items():
        rows = [{key: v for key, v in row.items() if key != "label"} for row in task["rows"]]
        answers = pipe(rows, task=name, batch_size=size)
        values = [answer["score"] for answer in answers]
        if task["labels"]:
            labels = pipe.model.config.task(name).labels
            values = [labels.index(answer["label"]) for answer in answers]
        true = [row["label"] for row in task["rows"]]
        for metric, value in compute_task_metrics(task["kind"], values, true).items():
            metrics[f"eval_{name}_{metric}"] = value
    return 100 * overall_score(
        metrics, {name: ScorePart.of_kind(task["kind"]) for name, task in tasks.items()}
    )


def torch_ways(job: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return the timed calls of our own pipelines."""
    texts, single, pairs = job["texts"], job["single_texts"], job["pairs"]
    size = job["batch_size"]
    three = single_text_pipeline(job, HEADS)
    alone = [single_text_pipeline(job, (head,)) for head in HEADS]
    model = HybridMTLModel.from_pretrained(job["model"]).eval()
    trained = HybridMTLPipeline(model=model, tokenizer=open_tokenizer(job), device="cpu")
    vectors = AutoModel.from_pretrained(job["model"], trust_remote_code=True).eval()
    tokenizer = open_tokenizer(job)
    firsts = [pair["text"] for pair in pairs]
    return {
        "one head": lambda: three(texts, task=HEADS[0], batch_size=size),
        "three heads": lambda: three(texts, batch_size=size),
        "three models of ours": lambda: [pipe(texts, batch_size=size) for pipe in alone],
        "default tasks": lambda: (
            trained(pairs, batch_size=size),
            trained(firsts, batch_size=size),
        ),
        "one call": lambda: [three(text, task=HEADS[0]) for text in single],
        "one call, three heads": lambda: [three(text) for text in single],
        "embed": lambda: embed(vectors, tokenizer, texts, size),
        "embed one call": lambda: [embed(vectors, tokenizer, [text], 1) for text in single],
        "torch": lambda: trained(texts, task=job["single_task"], batch_size=size),
    }


def onnx_ways(
    job: dict[str, Any], pipes: dict[str, HybridMTLPipeline]
) -> dict[str, Callable[[], Any]]:
    ways: dict[str, Callable[[], Any]] = {}
    task, size = job["single_task"], job["batch_size"]
    for precision, pipe in pipes.items():
        ways[precision] = partial(pipe, job["texts"], task=task, batch_size=size)
        ways[f"{precision}, one call"] = partial(_one_by_one, pipe, job["single_texts"], task)
    return ways


def _one_by_one(pipe: HybridMTLPipeline, texts: list[str], task: str) -> list[Any]:
    return [pipe(text, task=task) for text in texts]


def open_onnx(job: dict[str, Any], precision: str) -> HybridMTLPipeline:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    # Threads that spin between two calls would slow down the next contender.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnx_pipeline(job["onnx"], precision, sess_options=options)


def main() -> None:
    job, line = read_job(), Line()
    be_quiet()
    pipes = {precision: open_onnx(job, precision) for precision in ("float", "int8")}
    ways = {**torch_ways(job), **onnx_ways(job, pipes)}

    def answer(request: Message) -> Message:
        if "score" in request:
            return {"score": score(pipes[request["score"]], job["tasks"], job["batch_size"])}
        return {"seconds": seconds_of(ways[request["way"]])}

    line.serve(answer)


if __name__ == "__main__":
    main()
