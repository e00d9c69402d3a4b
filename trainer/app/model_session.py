"""A trained model for the page: predictions of all tasks, and sentence vectors."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from transformers import pipeline
from transformers.pipelines import PIPELINE_REGISTRY

from .errors import UserError
from .model_check import check_model
from .model_title import folder_title
from .recorded_examples import Texts, read_examples

# Longer texts are refused without tokenizing them.
MAX_CHARACTERS = 20_000
BATCH_SIZE = 32


class ModelSession:
    """A model that handles one request at a time.

    Attributes:
        tasks: task name -> its entry in the model's configuration, in the model's order.
        output_types: task name -> `class`, `labels`, `tags` or `score`.
        title: the model's display name.
        revision: the commit, or a fingerprint of the weights of a local folder.
        max_tokens: the maximum number of tokens of an input.
        examples: task name -> texts, or pairs, that training recorded.
        tokenizer, config: of the model.
    """

    def __init__(
        self,
        pipe: Any,
        title: str,
        revision: str,
        examples: Mapping[str, Sequence[Texts]] | None = None,
    ):
        self._pipe = pipe
        self._lock = Lock()
        self.tokenizer, self.config = pipe.tokenizer, pipe.model.config
        self.tasks: dict[str, dict[str, Any]] = self.config.tasks
        self.output_types = {name: pipe.model.heads[name].output_type for name in self.tasks}
        self.title = title
        self.revision = revision
        self.examples = {
            name: rows for name, rows in (examples or {}).items() if name in self.tasks
        }
        positions = getattr(pipe.model.config.backbone_config, "max_position_embeddings", None)
        self.max_tokens = min(pipe.tokenizer.model_max_length, positions or MAX_CHARACTERS)

    def task_names(self, kind: str) -> list[str]:
        """Return the tasks of one text (`single`) or two texts (`pair`)."""
        return [name for name, entry in self.tasks.items() if entry["input"] == kind]

    def examples_of(self, kind: str) -> list[Texts]:
        """Return the examples of the tasks of one text (`single`) or two texts (`pair`)."""
        count = 2 if kind == "pair" else 1
        rows = [row for name in self.task_names(kind) for row in self.examples.get(name, [])]
        return list(dict.fromkeys(row for row in rows if len(row) == count))

    def predict(self, text: str, text_pair: str | None = None) -> dict[str, Any]:
        """Predict all tasks of a text or a pair, with as few encoder passes as possible.

        Returns:
            Task name -> output of the pipeline; for classes all of them, best first.

        Raises:
            UserError: if a text is empty or too long for the model.
        """
        # The tokenizer is shared, and truncation is part of its state.
        with self._lock:
            return self._predict(text, text_pair)

    def _predict(self, text: str, text_pair: str | None) -> dict[str, Any]:
        if text_pair is None:
            self._check_text(text, "The text")
            row = {"text": text}
        else:
            self._check_text(text, "The first text")
            self._check_text(text_pair, "The second text")
            row = {"text": text, "text_pair": text_pair}
            pair_tasks = [self.tasks[name] for name in self.task_names("pair")]
            if any(task["pair_encoding"] == "cross" for task in pair_tasks):
                self._check_length("The two texts together", text, text_pair)
        return self._pipe(row, top_k=None)

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return the number of texts that exceed `max_tokens`."""
        with self._lock:
            return sum(
                len(self._pipe.tokenizer(text, verbose=False).input_ids) > self.max_tokens
                for text in texts
            )

    def embed(
        self, texts: Sequence[str], on_batch: Callable[[int], Any] = lambda count: None
    ) -> Tensor:
        """Return sentence vectors (N, H), float32 on the CPU, of the truncated texts.

        Args:
            texts: N texts.
            on_batch: called after each batch with the number of encoded texts.
        """
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors: list[Tensor] = []
        for start in range(0, len(order), BATCH_SIZE):
            batch = [texts[i] for i in order[start : start + BATCH_SIZE]]
            with self._lock, torch.inference_mode():
                inputs = self._pipe.tokenizer(
                    batch,
                    padding=True,
                    truncation=True,
                    max_length=self.max_tokens,
                    return_tensors="pt",
                ).to(self._pipe.model.device)
                vectors.append(self._pipe.model(**inputs).embeddings.float().cpu())
            on_batch(start + len(batch))
        position = torch.empty(len(order), dtype=torch.long)
        position[order] = torch.arange(len(order))
        return torch.cat(vectors)[position]

    def _check_text(self, text: Any, name: str) -> None:
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{name} is empty. Enter a text.")
        if len(text) > MAX_CHARACTERS:
            raise UserError(
                f"{name} is too long: {len(text):,} characters; the maximum is {MAX_CHARACTERS:,}. "
                f"Shorten it."
            )
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise UserError(
                f"{name} contains an invalid character (a lone surrogate). Type it again."
            )
        self._check_length(name, text)

    def _check_length(self, name: str, *texts: str) -> None:
        # Not verbose: the tokenizer would also warn of the length.
        tokens = len(self._pipe.tokenizer(*texts, verbose=False).input_ids)
        if tokens > self.max_tokens:
            raise UserError(
                f"{name}: too long for this model: {tokens} tokens (words or parts of words); the "
                f"maximum is {self.max_tokens}. Shorten it."
            )


def open_model(
    name: str,
    revision: str | None = None,
    title: str | None = None,
    trust_remote_code: bool = False,
) -> ModelSession:
    """Load a model from its folder or Hub repository.

    Args:
        name: the folder or repository.
        revision: the repository's branch, tag or commit.
        title: the model's display name; that of its card or repository if None.
        trust_remote_code: run the model's own Python code, required where this project is not
            installed; otherwise `modeling_hybrid_mtl`, imported by the caller, loads it.

    Raises:
        UserError: if there is no such model, or it is of another type.
    """
    check_model(name, revision)
    local = Path(name).is_dir()
    try:
        pipe = pipeline(
            "hybrid-mtl",
            model=name,
            revision=revision,
            trust_remote_code=trust_remote_code,
            pipeline_class=None if trust_remote_code else _installed_pipeline(),
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:  # with invalid configurations transformers may raise anything
        raise UserError(f"cannot load a model from '{name}': {_reason(error)}") from error
    # The title, which feedback stores, must not contain a path of this machine.
    title = title or (folder_title(Path(name), pipe.model.config.tasks) if local else name)
    commit = _fingerprint(Path(name)) if local else pipe.model.config._commit_hash
    return ModelSession(pipe, title, commit, read_examples(name, revision))


def _reason(error: Exception) -> str:
    """Return the message, which `pipeline` may put at the end of tracebacks."""
    text = str(error).strip()
    return text.splitlines()[-1] if "Traceback" in text else text


def _installed_pipeline() -> Any:
    """Return the pipeline that importing `modeling_hybrid_mtl` registers."""
    # Not imported here: a Space contains only this package and the model's own code.
    return PIPELINE_REGISTRY.check_task("hybrid-mtl")[1]["impl"]


def _fingerprint(folder: Path) -> str:
    """Return the first 16 digits of the SHA-256 of the weights."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return f"sha256:{digest.hexdigest()[:16]}"
