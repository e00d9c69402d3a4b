"""The hybrid multitask model: one encoder, one head per task."""

import copy
import inspect
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils import ModelOutput, logging

from .adapters_hybrid_mtl import WithAdapters
from .configuration_hybrid_mtl import HybridMTLConfig, TaskConfig
from .dropout_hybrid_mtl import use_fast_dropout
from .heads_hybrid_mtl import HEADS
from .packing_hybrid_mtl import can_pack, let_pack, pays, read_packed
from .products_hybrid_mtl import fast_products
from .texts_hybrid_mtl import Encoded, pool, sides, stack_texts
from .weights_hybrid_mtl import PLACES, check_weights

logger = logging.get_logger(__name__)

# What the Hub calls each kind of task: its page proposes `pipeline(NAME, model=...)`, which works.
HUB_NAMES = {
    "classification": "text-classification",
    "regression": "sentence-similarity",
    "similarity": "sentence-similarity",
    "token_classification": "token-classification",
}


@dataclass
class HybridMTLOutput(ModelOutput):
    """What `HybridMTLModel.forward` returns.

    Attributes:
        loss: scalar, times the task's `loss_weight`; with labels only.
        logits: (B, C) for classification, (B, L, C) for token classification, (B,) in units of the
            score range for regression and similarity; with a task only.
        embeddings: sentence vectors, (B, H); (B, 2, H) when a pair's two texts are given apart.
        last_hidden_state: token vectors, (B, L, H); (2B, L, H), all first texts and then all second
            ones, when the two texts of a pair are given apart.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    embeddings: Tensor | None = None
    last_hidden_state: Tensor | None = None


class HybridMTLModel(WithAdapters):
    """A shared encoder with one head per task.

    Called with a `task`, it gives that task's logits (and loss, with labels); without one, it is a
    sentence encoder. A task that has an adapter reads the encoder with its low-rank additions; all
    others, and no task, read the encoder as it is.

    Raises:
        ValueError: if the pooling asks for a pooler that the backbone does not have, or an adapter
            for layers that it does not have.
    """

    config_class = HybridMTLConfig
    base_model_prefix = "backbone"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    # The loss is a batch mean: the trainer must divide it when it accumulates gradients.
    accepts_loss_kwargs = False
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: HybridMTLConfig):
        super().__init__(config)
        # A configuration may name code of its own for the encoder, from any repository.
        self.backbone = AutoModel.from_config(config.backbone_config, trust_remote_code=False)
        has_pooler = getattr(self.backbone, "pooler", None) is not None
        if config.pooling == "pooler" and not has_pooler:
            kind = config.backbone_config.model_type
            raise ValueError(f"pooling = 'pooler': a {kind} backbone has none; use 'mean' or 'cls'")
        if config.pooling != "pooler" and has_pooler:
            # A pooler nobody reads would be run, stored and (under DDP) waited for.
            self.backbone.pooler = None
        self._takes_token_types = (
            "token_type_ids" in inspect.signature(self.backbone.forward).parameters
        )
        let_pack(self.backbone)
        use_fast_dropout(self.backbone)
        # Whether the encoder may leave the padding out; nothing but the time depends on it.
        self.packing = True
        self.build_adapters()
        self.pooled_dropout = nn.Dropout(config.pooled_dropout)
        self.heads: Any = nn.ModuleDict(
            {
                name: HEADS[config.task(name).kind](config.hidden_size, config.task(name))
                for name in config.tasks
            }
        )
        self.post_init()

    @classmethod
    def from_backbone(
        cls,
        name_or_path: str,
        tasks: dict[str, dict[str, Any] | TaskConfig],
        *,
        pooling: str = "mean",
        pooled_dropout: float = 0.0,
        backbone_dropout: float | None = None,
        **kwargs,
    ) -> "HybridMTLModel":
        """Start from a pretrained encoder with newly initialised heads.

        No code of the encoder's repository is run, and no pickle is read.

        Args:
            name_or_path: a Hub repository or a folder that `AutoModel` opens.
            tasks: task name -> fields of `TaskConfig`.
            pooling: see `HybridMTLConfig`.
            pooled_dropout: see `HybridMTLConfig`.
            backbone_dropout: if given, replaces every dropout probability inside the encoder.
            **kwargs: passed to `from_pretrained` (`dtype`, `device_map`, `revision`, ...). Without
                a `dtype` the weights are float32, whatever the encoder's file holds: in half
                precision most of a training's small steps would be lost.

        Raises:
            ValueError: naming the task and field, or the option, that is wrong.
        """
        hub = {name: kwargs.pop(name) for name in PLACES if name in kwargs}
        check_weights(name_or_path, **hub)
        hub["trust_remote_code"] = False
        backbone_config = AutoConfig.from_pretrained(name_or_path, **hub)
        if backbone_dropout is not None:
            set_encoder_dropout(backbone_config, backbone_dropout)
        config = HybridMTLConfig(backbone_config, tasks, pooling, pooled_dropout)
        # Checkpoints of a BERT with a language model head store the encoder under names of their
        # own; AutoModel knows them all.
        encoder = AutoModel.from_pretrained(
            name_or_path,
            config=backbone_config,
            dtype=kwargs.get("dtype", "auto"),
            use_safetensors=True,
            **hub,
        )
        if "dtype" not in kwargs:
            kwargs["dtype"] = torch.promote_types(encoder.dtype, torch.float32)
            if encoder.dtype != kwargs["dtype"]:
                logger.warning(
                    "The weights of '%s' are in %s, and the model's, which are to be trained, in "
                    "%s.",
                    *(name_or_path, encoder.dtype, kwargs["dtype"]),
                )
        weights = {f"backbone.{name}": weight for name, weight in encoder.state_dict().items()}
        model = cls.from_pretrained(None, config=config, state_dict=weights, **kwargs)
        model.name_or_path = model.config.name_or_path = str(name_or_path)
        model.config.backbone_config.dtype = model.dtype
        return model

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> Any:
        """As every model's, from safetensors alone: a pickle is not even looked at.

        Raises:
            ValueError: if an index of weights names other files.
        """
        kwargs["use_safetensors"] = True
        if pretrained_model_name_or_path is not None:
            hub = {name: kwargs[name] for name in PLACES if name in kwargs}
            check_weights(pretrained_model_name_or_path, **hub)
        return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            deviation = getattr(self.config.backbone_config, "initializer_range", 0.02)
            nn.init.normal_(module.weight, mean=0.0, std=deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def get_input_embeddings(self) -> nn.Module:
        return self.backbone.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.backbone.set_input_embeddings(value)

    def encode(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        task: str | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Sentence vectors (B, H) and token vectors (B, L, H) of token ids (B, L), for a task."""
        self.switch_adapters(task)
        tables: dict[str, Tensor] = {"input_ids": input_ids}
        if self._takes_token_types and token_type_ids is not None:
            tables["token_type_ids"] = token_type_ids
        if self._packs(input_ids) and (attention_mask is None or attention_mask.any()):
            mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            hidden = read_packed(self.backbone, mask, **tables)
        else:
            output = self.backbone(attention_mask=attention_mask, **tables)
            hidden = output.last_hidden_state
            if self.config.pooling == "pooler":
                return self.pooled_dropout(output.pooler_output), hidden
        return self.pooled_dropout(pool(hidden, attention_mask, self.config.pooling)), hidden

    @property
    def reads_packed(self) -> bool:
        """Whether texts are read without padding where that pays, on a CPU."""
        # A pooler reads the first column of what the encoder saw.
        return self.packing and self.config.pooling != "pooler" and can_pack(self.backbone)

    def _packs(self, input_ids: Tensor) -> bool:
        return self.reads_packed and pays(input_ids)

    def encode_pair(
        self,
        first: Encoded,
        second: Encoded,
        task: str | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode both texts of pairs in one call of the backbone.

        Args:
            first: token ids (B, L1), attention mask and token types of the first texts.
            second: the same of the second texts, (B, L2).
            task: the task that reads the vectors.

        Returns:
            Sentence vectors (B, H) of the first and of the second texts, token vectors (2B, L, H).
        """
        vectors, hidden = self.encode(*stack_texts([first, second], self._padding), task)
        u, v = vectors.chunk(2)
        return u, v, hidden

    @property
    def _padding(self) -> int:
        return getattr(self.config.backbone_config, "pad_token_id", None) or 0

    def logits_of(
        self, task: str, u: Tensor, v: Tensor | None = None, hidden: Tensor | None = None
    ) -> Tensor:
        """One head's logits from sentence vectors (B, H), or from token vectors (B, L, H)."""
        reads_tokens = self.config.task(task).kind == "token_classification"
        # As in the encoder: a setting of the process, which no other thread shall turn over.
        with fast_products if self._packs(u) else nullcontext():
            return self.heads[task](hidden if reads_tokens else u, v)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        *,
        pair_input_ids: Tensor | None = None,
        pair_attention_mask: Tensor | None = None,
        pair_token_type_ids: Tensor | None = None,
        task: str | None = None,
        labels: Tensor | None = None,
    ) -> HybridMTLOutput:
        """Encode texts and, with a task, run its head.

        Args:
            input_ids: token ids, (B, L).
            attention_mask: 1 for tokens to read, 0 for padding, (B, L).
            token_type_ids: (B, L); dropped if the backbone knows none.
            pair_input_ids: token ids of the second texts, (B, L2), when they are encoded apart.
            pair_attention_mask: (B, L2).
            pair_token_type_ids: (B, L2).
            task: the task whose head answers; without it there are no logits.
            labels: class indices (B,), token classes (B, L) with -100 for ignored ones, or scores
                (B,) in units of the score range.

        Raises:
            ValueError: for an unknown task, labels without a task, or a siamese task without
                `pair_input_ids` (and the other way round).
        """
        self._check_call(task, pair_input_ids, labels)
        v = None
        if pair_input_ids is None:
            u, hidden = self.encode(input_ids, attention_mask, token_type_ids, task)
        else:
            u, v, hidden = self.encode_pair(
                (input_ids, attention_mask, token_type_ids),
                (pair_input_ids, pair_attention_mask, pair_token_type_ids),
                task,
            )
        return self._output(task, u, v, hidden, labels)

    def _output(
        self, task: str | None, u: Tensor, v: Tensor | None, hidden: Tensor, labels: Tensor | None
    ) -> HybridMTLOutput:
        loss = logits = None
        if task is not None:
            logits = self.logits_of(task, u, v, hidden)
            if labels is not None:
                head: Any = self.heads[task]
                loss = self.config.tasks[task]["loss_weight"] * head.loss(logits, labels)
        embeddings = u if v is None else torch.stack([u, v], dim=1)
        return HybridMTLOutput(loss, logits, embeddings, hidden)

    def forward_tasks(self, batches: dict[str, dict[str, Tensor]]) -> dict[str, HybridMTLOutput]:
        """Answer a batch of each of several tasks, in one pass of the encoder if it can be.

        One large pass takes less time than several small ones; `passes` says which tasks share one.

        Args:
            batches: task -> the arguments of `forward` but for `task`.

        Returns:
            task -> what `forward` returns, to the last digits. Dropout draws other masks.

        Raises:
            ValueError: as `forward` does.
        """
        for task, batch in batches.items():
            self._check_call(task, batch.get("pair_input_ids"), batch.get("labels"))
        outputs: dict[str, HybridMTLOutput] = {}
        for tasks in self.passes(batches):
            outputs.update(self._one_pass({task: batches[task] for task in tasks}))
        return {task: outputs[task] for task in batches}

    def passes(self, batches: dict[str, dict[str, Tensor]]) -> list[list[str]]:
        """The tasks of some batches by the pass of the encoder that `forward_tasks` gives them.

        Tasks that read the encoder through adapters of their own take a pass of their own, and so
        does every task if the encoder cannot leave out padding: texts of others would make it more.
        """
        passes: dict[Any, list[str]] = {}
        for task, batch in batches.items():
            packs = self._packs(batch["input_ids"])
            passes.setdefault(self.config.adapters_of(task) if packs else task, []).append(task)
        return list(passes.values())

    def _one_pass(self, batches: dict[str, dict[str, Tensor]]) -> dict[str, HybridMTLOutput]:
        texts = {task: sides(batch) for task, batch in batches.items()}
        stacked = stack_texts([side for own in texts.values() for side in own], self._padding)
        sizes = [sum(len(ids) for ids, *_ in own) for own in texts.values()]
        vectors, hidden = self.encode(*stacked, next(iter(batches)))
        outputs = {}
        for task, u, tokens in zip(batches, vectors.split(sizes), hidden.split(sizes), strict=True):
            length = max(ids.shape[1] for ids, *_ in texts[task])
            u, v = u.chunk(2) if len(texts[task]) == 2 else (u, None)
            labels = batches[task].get("labels")
            outputs[task] = self._output(task, u, v, tokens[:, :length], labels)
        return outputs

    def _check_call(self, task: str | None, pair_ids: Tensor | None, labels: Any) -> None:
        if task is None:
            if labels is not None:
                raise ValueError("labels were given without a task to score them")
            return
        siamese = self.config.task(task).is_siamese
        if siamese and pair_ids is None:
            raise ValueError(f"task '{task}' encodes two texts apart: pass pair_input_ids")
        if not siamese and pair_ids is not None:
            raise ValueError(f"task '{task}' reads one sequence: it takes no pair_input_ids")

    def without_tasks(self, names: Collection[str]) -> "HybridMTLModel":
        """A copy of this model without the heads and adapters of some tasks.

        Raises:
            ValueError: if the model has no task of that name.
        """
        for name in names:
            self.config.task(name)
        config = copy.deepcopy(self.config)
        config.tasks = {n: task for n, task in config.tasks.items() if n not in names}
        config.adapters = {n: entry for n, entry in config.adapters.items() if n not in names}
        beginnings = tuple(f"heads.{name}." for name in names)
        inside = [f".lora_{side}.{name}." for side in "AB" for name in names]
        weights = {
            key: weight.clone()
            for key, weight in self.state_dict().items()
            if not key.startswith(beginnings) and not any(part in key for part in inside)
        }
        other = type(self).from_pretrained(
            None, config=config, state_dict=weights, dtype=self.dtype
        )
        return other.to(self.device)

    def save_pretrained(self, save_directory: Any, is_main_process: bool = True, **kwargs) -> None:
        """Save weights, configuration and all code that a process without this project needs."""
        # A relative import is what makes a file travel along, wherever this one is copied to.
        from .handler import EndpointHandler  # noqa: F401
        from .pipeline_hybrid_mtl import HybridMTLPipeline

        names = [HUB_NAMES[entry["kind"]] for entry in self.config.tasks.values()]
        self.config.custom_pipelines = {
            name: {
                "impl": f"pipeline_hybrid_mtl.{HybridMTLPipeline.__name__}",
                "pt": ["AutoModel"],
                "type": "text",
            }
            for name in ("hybrid-mtl", *names)
        }
        super().save_pretrained(save_directory, is_main_process=is_main_process, **kwargs)


def set_encoder_dropout(config: Any, probability: float) -> None:
    """Set every dropout probability of an encoder's configuration, whatever its names for them.

    Raises:
        ValueError: if the configuration has no field that is a dropout probability.
    """
    fields = [
        name
        for name, value in config.to_dict().items()
        if ("dropout" in name or name == "attention_probs_dropout_prob")
        and "classifier" not in name
        and name != "seq_classif_dropout"
        and isinstance(value, (int, float))
    ]
    if not fields:
        raise ValueError(f"a {config.model_type} configuration has no dropout to set")
    for name in fields:
        setattr(config, name, probability)
