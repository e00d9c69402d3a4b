"""The bodies of requests."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from trainer.serving.errors import RequestError

_TEXT = {"type": "string", "minLength": 1}
_PAIR = {
    "type": "object",
    "properties": {"text": _TEXT, "text_pair": _TEXT},
    "required": ["text"],
    "additionalProperties": False,
}
# Checked by the pipeline's own parser, whose messages name the input.
_Inputs = Annotated[
    Any,
    WithJsonSchema(
        {"anyOf": [_TEXT, _PAIR, {"type": "array", "items": {"anyOf": [_TEXT, _PAIR]}}]}
    ),
]
_Texts = Annotated[
    Any, WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]})
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PredictBody(_Body):
    """Texts or pairs to predict."""

    inputs: _Inputs = Field(
        description='a text, {"text": ..., "text_pair": ...}, or a list of these'
    )
    task: str | None = Field(None, description="the task; all that support the input by default")
    top_k: int | None = Field(
        None,
        ge=1,
        description="most classes, as a list, best first; null for all; without it the answer",
    )


class EmbedBody(_Body):
    """Texts to embed."""

    inputs: _Texts = Field(description="a text or a list of texts")
    normalize: bool = Field(False, description="scale the vectors to length 1")


class RerankBody(_Body):
    """A text to compare with others."""

    query: _Texts = Field(description="a text")
    texts: _Texts = Field(description="the texts to score")
    task: str | None = Field(
        None,
        description="a task of pairs; by default the first with a score, or else the cosine",
    )
    label: str | None = Field(
        None, description="of a classification, the class whose probability is the score"
    )
    top_n: int | None = Field(None, ge=1, description="most results; all by default")


class OpenAIEmbeddingsBody(_Body):
    """The request of OpenAI's embeddings API."""

    input: _Texts = Field(description="a text or a list of texts")
    model: str | None = Field(None, description="the name of the model, as GET /model has it")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(
        None, description="the size of the vectors; no other is possible"
    )
    user: str | None = Field(None, description="not used")


class FeedbackBody(_Body):
    """The right label of an answer."""

    id: str = Field(pattern="^[0-9a-f]{32}$", description="the id of the answer")
    task: str
    label: Any = Field(description="a class, a list of classes, or a score on the task's scale")


B = TypeVar("B", bound=_Body)


def parse_body(kind: type[B], body: bytes) -> B:
    """Return a request's body.

    Raises:
        RequestError: 400 if it is not JSON, 422 naming the first field that is wrong.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        raise RequestError(400, f"The body is not valid JSON: {_plain(first['msg'])}.")
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        fields = ", ".join(kind.model_fields)
        raise RequestError(422, f"There is no field '{_plain(place)}': it must be one of {fields}.")
    raise RequestError(422, f"{place or 'The body'}: {_plain(first['msg'])}.")


def _plain(text: str) -> str:
    """Return a part of a message in one line, without the parser's prefix."""
    return " ".join(text.removeprefix("Invalid JSON: ").split())[:200]
