"""A trained model as the page asks it: every task of one or two texts, and sentence vectors."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from transformers import pipeline
from transformers.pipelines import PIPELINE_REGISTRY

from .errors import UserError
from .model_check import check_model

# Nobody's tokenizer has to look at more than this.
MAX_CHARACTERS = 20_000
BATCH_SIZE = 32


class ModelSession:
    """A model that answers one caller at a time.

    Attributes:
        tasks: task name -> its entry in the model's configuration, in the model's order.
        title: what the page calls the model.
        revision: the commit, or a fingerprint of the weights of a local folder.
        max_tokens: how many tokens the model reads.
    """

    def __init__(self, pipe: Any, title: str, revision: str):
        self._pipe = pipe
        self._lock = Lock()
        self.tasks: dict[str, dict[str, Any]] = pipe.model.config.tasks
        # In which form each task answers: class, tags or score.
        self.answers = {name: pipe.model.heads[name].output_type for name in self.tasks}
        self.title = title
        self.revision = revision
        positions = getattr(pipe.model.config.backbone_config, "max_position_embeddings", None)
        self.max_tokens = min(pipe.tokenizer.model_max_length, positions or MAX_CHARACTERS)

    def task_names(self, kind: str) -> list[str]:
        """The tasks that read one text (`single`) or two (`pair`)."""
        return [name for name, entry in self.tasks.items() if entry["input"] == kind]

    def predict(self, text: str, text_pair: str | None = None) -> dict[str, Any]:
        """Every task's answer to a text or a pair, from as few passes of the encoder as can be.

        Returns:
            Task name -> what the pipeline answers; for classification all classes, best first.

        Raises:
            UserError: if a text is empty or longer than what the model reads.
        """
        # The tokenizer is another one's, too: what it cuts off is set for each call.
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
            if any(
                self.tasks[name]["pair_encoding"] == "cross" for name in self.task_names("pair")
            ):
                self._check_length("The two texts together", text, text_pair)
        return self._pipe(row, top_k=None)

    def too_long(self, texts: Sequence[str]) -> int:
        """How many of the texts are longer than what the model reads."""
        with self._lock:
            return sum(
                len(self._pipe.tokenizer(text, verbose=False).input_ids) > self.max_tokens
                for text in texts
            )

    def embed(
        self, texts: Sequence[str], done: Callable[[int], Any] = lambda count: None
    ) -> Tensor:
        """Sentence vectors (N, H), float32 on the CPU; what is too long is read from its beginning.

        Args:
            texts: N texts.
            done: called after each batch with the number of texts read.
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
            done(start + len(batch))
        place = torch.empty(len(order), dtype=torch.long)
        place[order] = torch.arange(len(order))
        return torch.cat(vectors)[place]

    def _check_text(self, text: Any, name: str) -> None:
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{name} is empty. Write something first.")
        if len(text) > MAX_CHARACTERS:
            raise UserError(
                f"{name} is too long: {len(text):,} characters; at most {MAX_CHARACTERS:,} can be "
                f"sent. Shorten it."
            )
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise UserError(f"{name} holds half a character (a lone surrogate). Type it again.")
        self._check_length(name, text)

    def _check_length(self, name: str, *texts: str) -> None:
        # Not verbose: the tokenizer warns of what is refused here.
        tokens = len(self._pipe.tokenizer(*texts, verbose=False).input_ids)
        if tokens > self.max_tokens:
            raise UserError(
                f"{name}: too long for this model, which reads {self.max_tokens} tokens (words or "
                f"parts of words) at most; this makes {tokens}. Shorten it."
            )


def open_model(
    name: str,
    revision: str | None = None,
    title: str | None = None,
    trust_remote_code: bool = False,
) -> ModelSession:
    """Load a model from its folder or Hub repository.

    Args:
        name: of the folder or repository.
        revision: the repository's branch, tag or commit.
        title: the model's name for readers.
        trust_remote_code: run the Python code that lies with the model, as must be where this
            project is not installed; else `modeling_hybrid_mtl` opens it, which the caller has
            imported.

    Raises:
        UserError: if there is no such model, or it is not one of this kind.
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
    except Exception as error:  # a configuration of anyone's makes transformers raise anything
        raise UserError(f"cannot load a model from '{name}': {_reason(error)}") from error
    # No path of this machine is shown, or stored with feedback.
    title = title or (Path(name).resolve().name if local else name)
    return ModelSession(
        pipe, title, _fingerprint(Path(name)) if local else pipe.model.config._commit_hash
    )


def _reason(error: Exception) -> str:
    """What is wrong; `pipeline` tells it at the end of tracebacks."""
    text = str(error).strip()
    return text.splitlines()[-1] if "Traceback" in text else text


def _installed_pipeline() -> Any:
    """The pipeline that importing `modeling_hybrid_mtl` has registered."""
    # Not imported here: a Space has this package alone, and the code that lies with the model.
    return PIPELINE_REGISTRY.check_task("hybrid-mtl")[1]["impl"]


def _fingerprint(folder: Path) -> str:
    """The beginning of the SHA-256 of the weights."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return f"sha256:{digest.hexdigest()[:16]}"
