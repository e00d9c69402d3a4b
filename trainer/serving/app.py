"""The ASGI application of the server."""

import json
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from trainer.prediction.answer_log import AnswerLog
from trainer.serving.batching import Batcher
from trainer.serving.errors import RequestError, error_body
from trainer.serving.gate import FAILURE, Gate
from trainer.serving.metrics import CONTENT_TYPE, Metrics
from trainer.serving.model import ServedModel, warm_up_rows
from trainer.serving.options import ServingOptions
from trainer.serving.page import api_page
from trainer.serving.passes import ModelPasses
from trainer.serving.recorder import Recorder
from trainer.serving.schemas import (
    EmbedBody,
    FeedbackBody,
    OpenAIEmbeddingsBody,
    PredictBody,
    RerankBody,
    parse_body,
)
from trainer.serving.service import Service

B = TypeVar("B")
# FastAPI would send these to an OpenTelemetry provider that the environment configures.
_NO_TELEMETRY: Any = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)


def create_app(model: ServedModel, options: ServingOptions) -> Gate:
    """Return the ASGI application of a model.

    Its lifespan answers what waits when it ends.

    Raises:
        InputError: if the log cannot be written.
    """
    tasks = {name: list(task.labels or [""]) for name, task in model.tasks.items()}
    metrics = Metrics(model.name, model.version, tasks)
    log = AnswerLog(options.log, texts=options.log_texts) if options.log else None
    batcher = _start_batcher(model, options, metrics)
    service = Service(model, batcher, Recorder(metrics, log, model.version), options)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        batcher.close()
        if log is not None:
            log.close()

    app = FastAPI(
        title=f"hybrid-mtl: {model.name}",
        version=model.version,
        # Their pages load scripts from another site.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        lifespan=lifespan,
    )
    app.state.service = service
    _add_answers(app, service)
    paths = _add_service(app, service, metrics)
    gate = Gate(app, options, metrics, paths)
    app.add_api_route("/ready", _ready(gate), methods=["GET"], summary="Whether it takes requests")
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _failure)
    return gate


def _start_batcher(model: ServedModel, options: ServingOptions, metrics: Metrics) -> Batcher:
    """Warm the model up, and return the queue of its rows."""
    passes = ModelPasses(model.pipe)
    for row in warm_up_rows(model):
        passes.run([row])

    def failed(error: Exception) -> None:
        metrics.count_model_error()
        traceback.print_exception(error, file=sys.stderr)

    batcher = Batcher(
        passes,
        batch_size=options.batch_size,
        max_wait=options.max_wait_ms / 1000,
        max_queue=options.max_queue,
        on_batch=metrics.count_batch,
        on_error=failed,
    )
    metrics.watch_queue(lambda: batcher.waiting)
    return batcher


def _add_answers(app: FastAPI, service: Service) -> None:
    """Add the endpoints that run the model, and feedback."""

    def add(path: str, kind: type[B], answer: Callable[[B], Awaitable[Any]], summary: str) -> None:
        async def endpoint(request: Request) -> Response:
            return _json(await answer(parse_body(kind, await request.body())))  # type: ignore[type-var]

        schema = kind.model_json_schema()  # type: ignore[attr-defined]
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        app.add_api_route(
            path, endpoint, methods=["POST"], summary=summary, openapi_extra={"requestBody": body}
        )

    async def feedback(body: FeedbackBody) -> dict[str, Any]:
        return service.feedback(body)

    add("/predict", PredictBody, service.predict, "Predict texts or pairs")
    add("/embed", EmbedBody, service.embed, "Embed texts")
    add("/rerank", RerankBody, service.rerank, "Score texts against one text")
    add(
        "/v1/embeddings",
        OpenAIEmbeddingsBody,
        service.openai_embeddings,
        "Embed texts, as OpenAI's API does",
    )
    add("/feedback", FeedbackBody, feedback, "Log the right label of an answer")


def _add_service(app: FastAPI, service: Service, metrics: Metrics) -> frozenset[str]:
    """Add the endpoints about the server; return the paths of all endpoints."""

    def add(path: str, answer: Callable[[], Response], summary: str) -> None:
        async def endpoint() -> Response:
            return answer()

        app.add_api_route(path, endpoint, methods=["GET"], summary=summary)

    add("/health", lambda: _json({"status": "alive"}), "Whether the process is alive")
    add("/v1/models", lambda: _json(service.list_models()), "The model, as OpenAI's API lists it")
    add("/model", lambda: _json(service.model.describe()), "The model and its tasks")
    add("/metrics", lambda: Response(metrics.text(), media_type=CONTENT_TYPE), "For Prometheus")
    add("/docs", lambda: HTMLResponse(api_page(app.openapi())), "This page")
    return frozenset(["/ready", *(getattr(route, "path", "") for route in app.routes)])


def _ready(gate: Gate) -> Callable[[], Awaitable[Response]]:
    # While it drains, the gate refuses this path, too.
    async def endpoint() -> Response:
        return _json({"status": "ready", "active": gate.active - 1})

    return endpoint


def _json(content: Any) -> Response:
    body = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(body, media_type="application/json")


async def _request_error(request: Request, error: Any) -> Response:
    body = error_body(error.status, error.message)
    return Response(body, error.status, error.headers, "application/json")


async def _http_error(request: Request, error: Any) -> Response:
    message = {
        404: "There is no such endpoint; GET /docs lists them.",
        405: "This endpoint does not have this method; GET /docs lists them.",
    }.get(error.status_code, str(error.detail))
    body = error_body(error.status_code, message)
    return Response(body, error.status_code, error.headers, "application/json")


async def _failure(request: Request, error: Any) -> Response:
    # The gate, which the error reaches afterwards, writes it to the log.
    return Response(error_body(500, FAILURE), 500, media_type="application/json")
