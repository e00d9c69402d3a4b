"""The start of Ray on this machine, or the connection to a running cluster."""

import math
import os
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from trainer.errors import InputError
from trainer.extras import import_extra

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Read by Ray when it is imported or started.
_VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # by default 15: any other process would starve the workers
    # Printed by Ray on the console, though the error has it.
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^A worker died or was killed",
}
_OBJECT_STORE = 100 * 2**20  # bytes; what workers are sent and return is small


def import_ray(option: str) -> ModuleType:
    """Import Ray, without telemetry.

    Args:
        option: the one that needs it, for messages.

    Raises:
        InputError: if it is not installed, or would not start here.
    """
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    ray = import_extra("ray", "ray", option)
    # It would wait half a minute and fail.
    if find_spec("opentelemetry") and not find_spec("opentelemetry.metrics"):
        raise InputError(
            f"{option}: Ray does not start beside a part of OpenTelemetry without its API: "
            "pip install opentelemetry-api"
        )
    return ray


def check_address(address: str | None, option: str) -> None:
    """Check that a cluster answers: Ray itself would try for minutes.

    Args:
        address: `HOST:PORT`; `auto` and None are not checked.
        option: that of the address, for the message.

    Raises:
        InputError: if it does not, or the address is none.
    """
    if address in (None, "auto"):
        return
    host, _, port = str(address).rpartition(":")
    if not (host and port.isdecimal()):
        raise InputError(f"{option} = {address}: expected HOST:PORT of a Ray cluster, or auto")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:  # a port above 65535
        raise InputError(f"{option} = {address}: no Ray cluster answers: {error}") from error


def start_ray(
    ray: ModuleType, address: str | None, workers: int, threads: int, options: Mapping[str, str]
) -> None:
    """Start Ray on this machine, or connect to a cluster.

    Args:
        ray: from `import_ray`.
        address: of a running cluster, `HOST:PORT` or `auto`; None starts Ray on this machine.
        workers: processes at once.
        threads: of each.
        options: the names of the options `address`, `workers` and `threads`, for messages.

    Raises:
        InputError: if Ray is not found at the address, or has too few CPUs.
    """
    check_address(address, options["address"])
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    variables["TOKENIZERS_PARALLELISM"] = "false"
    # For a checkout that is not installed.
    paths = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH")]
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    needed = workers * threads
    here: dict[str, Any] = {
        "num_cpus": needed,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
    }
    try:
        ray.init(
            address or "local",
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": variables},
            **({} if address else here),
        )
    except Exception as error:  # of any class, also a bare one
        text = str(error).strip().partition("\n")[0]
        place = "Ray cannot be started here"
        if address:
            place = f"{options['address']} = {address}: Ray cannot be reached"
        raise InputError(f"{place}: {text}") from error
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if cpus < needed:
        ray.shutdown()
        raise InputError(
            f"{options['workers']} = {workers}, {options['threads']} = {threads}: need {needed} "
            f"CPUs, and the cluster has {cpus}; lower one of them"
        )


def gpu_share(ray: ModuleType, workers: int) -> float:
    """Return the GPUs of each worker if those of the cluster are divided among them; 0 without."""
    gpus = int(ray.cluster_resources().get("GPU", 0))
    # Ray knows four decimals; rounded up, the last worker would never start.
    return min(1.0, math.floor(1e4 / math.ceil(workers / gpus)) / 1e4) if gpus else 0


def last_line(error: Exception) -> str:
    """Return the reason of an error of Ray, which has many lines."""
    line = str(error).strip().splitlines()[-1]
    return line.rpartition("Worker exit detail: ")[2].partition(" Some common causes")[0][:500]
