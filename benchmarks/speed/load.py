"""Servers in processes of their own, and clients that send them requests."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.processes import ROOT, AbsentError, environment

STARTING = 180.0
# Threads that spin after a pass would slow down the next contender, and the server itself.
NO_SPINNING = {"OMP_WAIT_POLICY": "passive"}


@dataclass(frozen=True)
class Load:
    """The result of some requests.

    Attributes:
        seconds: from the first to the last.
        latencies: seconds of each, sorted.
    """

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Return the seconds within which this share of the requests was answered."""
        return self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


class Server:
    """A server process.

    Args:
        name: of its log.
        command: with `{port}` for the port.
        folder: of its log.
        threads: of its model.

    Raises:
        AbsentError: if it ends, or does not listen in time.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, threads: int):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._log = folder / f"{name}.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [part.replace("{port}", str(self.port)) for part in command],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=environment(threads, **NO_SPINNING),
            )
        until = time.monotonic() + STARTING
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > until:
                self.close()
                lines = self._log.read_text(errors="replace").strip().splitlines()
                raise AbsentError(f"{lines[-1] if lines else 'it ended'} (more in {self._log})")
            time.sleep(0.2)

    def _listens(self) -> bool:
        """Whether the server answers: one that listens before its model is loaded does not."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.settimeout(1)
                connection.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return connection.recv(4) == b"HTTP"
        except OSError:
            return False

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def request(path: str, body: bytes) -> bytes:
    """Return an HTTP request."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> bytes:
    """Send a request on a connection and return the body of the response.

    Raises:
        RuntimeError: if the status is not 200.
    """
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lines = (line.partition(":")[::2] for line in head[1:])
    headers: Mapping[str, str] = {name.lower(): value.strip() for name, value in lines}
    body = await reader.readexactly(int(headers["content-length"]))
    if " 200 " not in head[0]:
        raise RuntimeError(f"{head[0]}: {body.decode()[:200]}")
    return body


def run_load(port: int, requests: Sequence[bytes], clients: int) -> Load:
    """Send requests from several clients, each with one connection and one request at a time."""

    async def run() -> Load:
        left, latencies = iter(requests), []

        async def client() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for sent in left:
                start = time.perf_counter()
                await answer(reader, writer, sent)
                latencies.append(time.perf_counter() - start)
            writer.close()

        start = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        return Load(time.perf_counter() - start, sorted(latencies))

    return asyncio.run(run())
