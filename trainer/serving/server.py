"""The process of the server: its socket, and its end."""

import socket
import sys
import time
from types import FrameType

import uvicorn

from trainer.errors import InputError
from trainer.serving.app import create_app
from trainer.serving.gate import Gate
from trainer.serving.model import ServedModel
from trainer.serving.options import ServingOptions

# Further connections get 503 from uvicorn.
MAX_CONNECTIONS = 1000
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(model: ServedModel, options: ServingOptions) -> None:
    """Serve a model until SIGTERM or SIGINT, then answer what was accepted.

    Raises:
        InputError: if the address cannot be used, or the log cannot be written.
    """
    sock = _listen(options.host, options.port)
    with sock:
        gate = create_app(model, options)
        config = uvicorn.Config(
            gate,
            # Its parser bounds the headers, at 64 KiB.
            http="h11",
            # With uvloop, which saves a tenth of a single request, a stop under load took 30 s.
            loop="asyncio",
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=int(options.timeout) + 5,
        )
        host, port = sock.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        print(f"{model.name} is at http://{shown}:{port}; stop it with Ctrl+C.", flush=True)
        if options.host not in _LOOPBACK and options.api_key is None:
            print(
                "hybrid-mtl serve: everyone who reaches this address can use the model; require a "
                "key with --api_key_file",
                file=sys.stderr,
            )
        _Server(config, gate, options.timeout).run([sock])


class _Server(uvicorn.Server):
    """A server that, when it is told to stop, refuses requests until it has answered all others."""

    def __init__(self, config: uvicorn.Config, gate: Gate, patience: float):
        super().__init__(config)
        self._gate, self._patience = gate, patience
        self._until = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to drain; a second signal ends the process at once."""
        if self._gate.draining:
            self.should_exit = self.force_exit = True
        self._gate.draining = True
        self._until = time.monotonic() + self._patience

    async def on_tick(self, counter: int) -> bool:
        if self._gate.draining and (not self._gate.active or time.monotonic() > self._until):
            self.should_exit = True
        return await super().on_tick(counter)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)
    except OSError as error:
        raise InputError(f"cannot listen at {host}, port {port}: {error.strerror}") from error
    return sock
