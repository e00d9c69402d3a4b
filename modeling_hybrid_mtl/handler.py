"""What an Inference Endpoint answers requests with.

A request is `{"inputs": ..., "parameters": {...}}`.

    inputs      a text, a pair `{"text": ..., "text_pair": ...}`, or a list of these
    parameters  may be left out: `task`, `batch_size`, `top_k` and the others of `PARAMETERS`, as
                the pipeline takes them

The answer is what `pipeline("hybrid-mtl", ...)` gives: with a task its answer, without one
`{task: answer}`, and for a list a list in the same order. A request that cannot be answered gets
`{"error": what is wrong}`.
"""

from typing import Any

from transformers import pipeline

PARAMETERS = (
    "task",
    "batch_size",
    "truncation",
    "max_length",
    "padding",
    "function_to_apply",
    "top_k",
    "return_all_scores",
    "aggregation_strategy",
    "ignore_labels",
)


class EndpointHandler:
    """Opens a model's folder once, and answers requests from then on.

    Args:
        path: the folder, with the model's code in it.
    """

    def __init__(self, path: str = ""):
        self.pipeline = pipeline("hybrid-mtl", model=str(path or "."), trust_remote_code=True)

    def __call__(self, data: Any) -> Any:
        """Answer one request; see the module."""
        try:
            inputs, parameters = self._read(data)
            return self.pipeline(inputs, **parameters)
        except ValueError as error:
            return {"error": str(error)}

    def _read(self, data: Any) -> tuple[Any, dict[str, Any]]:
        """The inputs and parameters of a request.

        Raises:
            ValueError: saying what a request looks like, or which parameter is wrong.
        """
        if not isinstance(data, dict) or "inputs" not in data:
            raise ValueError(
                'a request is {"inputs": a text, {"text": ..., "text_pair": ...} or a list of '
                'these, "parameters": {"task": ...}}'
            )
        unknown = sorted(set(data) - {"inputs", "parameters"})
        if unknown:
            raise ValueError(f"unknown field '{unknown[0]}': a request has inputs and parameters")
        parameters = data.get("parameters")
        parameters = {} if parameters is None else parameters
        if not isinstance(parameters, dict):
            raise ValueError('parameters: must be an object, such as {"task": ...}')
        for name in parameters:
            if name not in PARAMETERS:
                raise ValueError(f"unknown parameter '{name}': known are {', '.join(PARAMETERS)}")
        size = parameters.get("batch_size", 1)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"batch_size = {size!r}: must be a positive whole number")
        task, tasks = parameters.get("task"), self.pipeline.model.config.tasks
        if task is not None and (not isinstance(task, str) or task not in tasks):
            raise ValueError(f"no task {task!r}: this model's are {', '.join(tasks)}")
        return data["inputs"], parameters
