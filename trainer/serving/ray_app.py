"""The server's application on Ray Serve: `serve run trainer.serving.ray_app:build model=FOLDER`.

Each replica has the model, the queue and the metrics of one `hybrid-mtl serve`.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from trainer.extras import import_extra
from trainer.serving.gate import Gate
from trainer.serving.options import ServingOptions, read_key

# The address is Ray Serve's; arguments are shown in its dashboard, so that the key is none.
_NOT_ARGUMENTS = ("host", "port", "api_key")
# Seconds in which the responses of a replica that stops reach their callers.
_GRACE = 5


class _ModelArguments(BaseModel):
    """The arguments of `build` beside the options of the server."""

    model_config = ConfigDict(extra="forbid")

    model: str
    revision: str | None = None
    precision: str | None = None
    name: str | None = None
    threads: int = Field(1, ge=1)
    num_replicas: int = Field(1, ge=1)
    api_key_file: Path | None = None


_OPTIONS: dict[str, Any] = {
    field.name: (field.type, field.default)
    for field in fields(ServingOptions)
    if field.name not in _NOT_ARGUMENTS
}
RayArguments = create_model("RayArguments", __base__=_ModelArguments, **_OPTIONS)


def build(arguments: RayArguments) -> Any:  # type: ignore[valid-type]
    """Return the application of a model for Ray Serve.

    Args:
        arguments: the options of `hybrid-mtl serve`, except for the address, which is Ray Serve's;
            a key for callers is read here, and sent to the replicas.

    Raises:
        InputError: if an option is wrong, or the key cannot be read.
    """
    serve = import_extra("ray.serve", "ray-serve", "trainer.serving.ray_app")
    given: Any = arguments
    named = {name: getattr(given, name) for name in _OPTIONS}
    options = ServingOptions(**named, api_key=read_key(given.api_key_file))
    of_model = {
        "name": given.model,
        "revision": given.revision,
        "precision": given.precision,
        "served_name": given.name,
        "threads": given.threads,
    }
    deployment = serve.deployment(
        serve.ingress(_replica(of_model, options))(),
        name="hybrid-mtl",
        num_replicas=given.num_replicas,
        ray_actor_options={
            "num_cpus": given.threads,
            # As in trainer/cli/serve.py: threads that spin take the core of the requests.
            "runtime_env": {"env_vars": {"OMP_WAIT_POLICY": "PASSIVE"}},
        },
        # The queue of the server bounds the waiting rows: a replica takes 5 requests by default.
        max_ongoing_requests=options.max_queue,
        graceful_shutdown_timeout_s=options.timeout + _GRACE,
        logging_config={"enable_access_log": False},
    )
    return deployment.bind()


def _replica(of_model: dict[str, Any], options: ServingOptions) -> Callable[[], Gate]:
    def create() -> Gate:
        # Imported in the replica, since these imports take seconds.
        from ray.serve import get_replica_context
        from transformers.utils.logging import disable_progress_bar

        from trainer.serving.app import create_app
        from trainer.serving.model import open_served

        disable_progress_bar()  # of the weights
        own = own_log(options, get_replica_context().replica_tag)
        return create_app(open_served(**of_model), own)

    return create


def own_log(options: ServingOptions, replica: str) -> ServingOptions:
    """Return options whose log is of one replica alone: several machines cannot append to one."""
    if options.log is None:
        return options
    path = options.log
    return replace(options, log=path.with_name(f"{path.stem}-{replica}{path.suffix}"))
