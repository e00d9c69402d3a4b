"""Request handler of an Inference Endpoint.

A request is `{"inputs": ..., "parameters": {...}}`.

    inputs      a text, a pair `{"text": ..., "text_pair": ...}`, or a list of these
    parameters  optional: `task`, `batch_size`, `top_k` and the other arguments of the pipeline in
        `PARAMETERS`

The response is the output of `pipeline("hybrid-mtl", ...)`: the predictions of a task, or `{task:
predictions}` without one, and for a list a list in the same order. The response to an invalid
request is `{"error": message}`.
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

    def __call__(self, data: Any) -> Any:
        """Return the response to a request; see the module."""
        try:
            inputs, parameters = self._parse(data)
            return self.pipeline(inputs, **parameters)
        except ValueError as error:
            return {"error": str(error)}

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
