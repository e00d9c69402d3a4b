"""Request handler of an Inference Endpoint.

A request is `{"inputs": ..., "parameters": {...}}`.

    inputs      a text, a pair `{"text": ..., "text_pair": ...}`, or a list of these
    parameters  optional: `task`, `batch_size`, `top_k` and the other arguments of the pipeline in
        `PARAMETERS`

The response is the output of `pipeline("hybrid-mtl", ...)`: the predictions of a task, or `{task:
predictions}` without one, and for a list a list in the same order. The response to an invalid
request is `{"error": message}`.

With the environment variable `HYBRID_MTL_LOG`, a line per answer is appended to this file, or
written to standard output if it is `-`, without texts, in the format that the project's
`scripts/monitor.py` reads. Responses to requests with parameters that change what is predicted are
not logged, and their number is in the attribute `not_logged`.
"""

import hashlib
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transformers import pipeline

LOG = "HYBRID_MTL_LOG"
# The other parameters change what is predicted.
NEUTRAL = ("task", "batch_size", "truncation", "max_length", "padding")

PARAMETERS = (
    "task",
    "batch_size",
    "truncation",
    "max_length",
    "padding",
    "function_to_apply",
    "calibrated",
    "top_k",
    "return_all_scores",
    "aggregation_strategy",
    "ignore_labels",
)


class EndpointHandler:
    """A handler that loads a model's folder once.

    Args:
        path: the folder, which contains the model's code.
    """

    def __init__(self, path: str = ""):
        self.pipeline = pipeline("hybrid-mtl", model=str(path or "."), trust_remote_code=True)
        self.not_logged = 0
        self._log = os.environ.get(LOG)
        self._version = _fingerprint(Path(path or ".")) if self._log else ""

    def __call__(self, data: Any) -> Any:
        """Return the response to a request; see the module."""
        try:
            inputs, parameters = self._parse(data)
            outputs = self.pipeline(inputs, **parameters)
        except ValueError as error:
            return {"error": str(error)}
        if self._log:
            self._log_outputs(inputs, outputs, parameters)
        return outputs

    def _parse(self, data: Any) -> tuple[Any, dict[str, Any]]:
        """Return the inputs and parameters of a request.

        Raises:
            ValueError: if the request or a parameter is invalid.
        """
        if not isinstance(data, dict) or "inputs" not in data:
            raise ValueError(
                'a request is {"inputs": a text, {"text": ..., "text_pair": ...} or a list of '
                'these, "parameters": {"task": ...}}'
            )
        unknown = sorted(set(data) - {"inputs", "parameters"})
        if unknown:
            raise ValueError(f"unknown field '{unknown[0]}': must be one of inputs, parameters")
        parameters = data.get("parameters")
        parameters = {} if parameters is None else parameters
        if not isinstance(parameters, dict):
            raise ValueError('parameters: must be an object, such as {"task": ...}')
        for name in parameters:
            if name not in PARAMETERS:
                raise ValueError(
                    f"unknown parameter '{name}': must be one of {', '.join(PARAMETERS)}"
                )
        size = parameters.get("batch_size", 1)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"batch_size = {size!r}: must be a positive integer")
        task, tasks = parameters.get("task"), self.pipeline.model.config.tasks
        if task is not None and (not isinstance(task, str) or task not in tasks):
            raise ValueError(f"no task {task!r} in this model; its tasks: {', '.join(tasks)}")
        return data["inputs"], parameters

    def _log_outputs(self, inputs: Any, outputs: Any, parameters: dict[str, Any]) -> None:
        """Append a line for each task of each input; a line that cannot be written is counted."""
        several = isinstance(inputs, list)
        rows = list(zip(inputs, outputs, strict=True)) if several else [(inputs, outputs)]
        if set(parameters) - set(NEUTRAL):
            self.not_logged += len(rows)
            return
        task = parameters.get("task")
        lines = [
            json.dumps(record)
            for row, output in rows
            for record in self._records(row, {task: output} if task else output, parameters)
        ]
        text = "".join(f"{line}\n" for line in lines)
        try:
            if self._log == "-":
                print(text, end="", file=sys.stdout, flush=True)
                return
            # One write, so that the lines of several processes do not mix.
            descriptor = os.open(str(self._log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            self.not_logged += len(rows)
            print(f"{self._log}: {error}; {self.not_logged} not logged", file=sys.stderr)

    def _records(
        self, row: Any, outputs: dict[str, Any], parameters: dict[str, Any]
    ) -> list[dict[str, Any]]:
        if isinstance(row, dict):
            texts = [row[side] for side in ("text", "text_pair") if row.get(side) is not None]
        else:
            texts = [row] if isinstance(row, str) else list(row)
        common = {
            "event": "answer",
            "id": uuid.uuid4().hex,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "version": self._version,
        }
        records = []
        for name, output in outputs.items():
            entry = self.pipeline.model.config.tasks[name]
            is_siamese = entry["input"] == "pair" and entry["pair_encoding"] == "siamese"
            measured = self._measure(texts, is_siamese, parameters.get("max_length"))
            records.append({**common, "task": name, **_result(output), **measured})
        return records

    def _measure(self, texts: list[str], is_siamese: bool, limit: Any) -> dict[str, Any]:
        tokenizer = self.pipeline.tokenizer
        limit = min(limit or tokenizer.model_max_length, tokenizer.model_max_length)
        sequences = [[text] for text in texts] if is_siamese else [texts]
        encoded = [tokenizer(*sequence, verbose=False).input_ids for sequence in sequences]
        read = [token for ids in encoded for token in ids[:limit]]
        unknown, special = tokenizer.unk_token_id, set(tokenizer.all_special_ids)
        content = [token for token in read if token == unknown or token not in special]
        return {
            "tokens": len(read),
            "truncated": any(len(ids) > limit for ids in encoded),
            "unknown": round(content.count(unknown) / len(content), 4) if content else 0.0,
        }


def _result(output: Any) -> dict[str, Any]:
    """Return the label or labels, the score and the confidence of an output."""
    if isinstance(output, dict):
        score = round(float(output["score"]), 6)
        label = output.get("label")
        return {"label": label, "score": score, "confidence": None if label is None else score}
    labels = [entry.get("label", entry.get("entity")) for entry in output]
    lowest = min((round(float(entry["score"]), 6) for entry in output), default=None)
    return {"label": labels, "score": None, "confidence": lowest}


def _fingerprint(folder: Path) -> str:
    """Return the version of a folder's weights, as the project's logs name it."""
    digest = hashlib.sha256()
    for pattern in ("*.safetensors", "*.onnx", "*.onnx.data"):
        for path in sorted(folder.glob(pattern)):
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return f"sha256:{digest.hexdigest()[:16]}"
