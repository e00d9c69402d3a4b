"""The hybrid multitask model: one encoder, one head per task."""

import inspect
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils import ModelOutput, logging

from .attention_hybrid_mtl import to_device
from .configuration_hybrid_mtl import HybridMTLConfig, TaskConfig
from .dropout_hybrid_mtl import use_fast_dropout
from .fit_hybrid_mtl import check_ids, check_reads, explain
from .heads_hybrid_mtl import HEADS, TaskHead, initialize_head
from .modules_hybrid_mtl import attach_modules
from .onednn_hybrid_mtl import onednn_matmul
from .outputs_hybrid_mtl import HybridMTLOutput
from .pipeline_hybrid_mtl import HybridMTLPipeline
from .registration_hybrid_mtl import register_pipeline
from .standard_hybrid_mtl import STANDARDS
from .tasks_hybrid_mtl import WithTasks
from .texts_hybrid_mtl import Encoded, pool, sides, stack_texts
from .travel_hybrid_mtl import extension_files, write_extensions
from .unpadding_hybrid_mtl import (
    can_unpad,
    enable_unpadding,
    encode_unpadded,
    padding_mask,
    should_unpad,
)
from .vectors_hybrid_mtl import WithVectors
from .weights_hybrid_mtl import HUB_KWARGS, check_complete, check_shapes, check_weights, model_type

logger = logging.get_logger(__name__)

# What the encoder returns besides its last vectors, if asked to.
INNER = ("hidden_states", "attentions")


# Encoders that call their pooler without asking whether there is one.
POOLER_IS_CALLED = ("layoutlm", "squeezebert")

# Encoders whose texts have the token that stands for all of them at the end; it is read at the
# beginning.
CLS_IS_LAST = ("xlnet",)


class NoPooler(nn.Module):
    """Stands where a pooler was that nobody reads."""

    def forward(self, hidden: Tensor) -> None:
        """Do nothing."""


class HybridMTLModel(WithVectors, WithTasks):
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
        _check_embeddings(self.backbone)
        kind = config.backbone_config.model_type
        if config.pooling == "cls" and kind in CLS_IS_LAST:
            raise ValueError(f"pooling = 'cls': the texts of a {kind} end with it; use 'mean'")
        has_pooler = getattr(self.backbone, "pooler", None) is not None
        if config.pooling == "pooler" and not has_pooler:
            raise ValueError(f"pooling = 'pooler': a {kind} backbone has none; use 'mean' or 'cls'")
        if config.pooling != "pooler" and has_pooler:
            # A pooler nobody reads would be run, stored and (under DDP) waited for.
            self.backbone.pooler = NoPooler() if kind in POOLER_IS_CALLED else None
        taken = inspect.signature(self.backbone.forward).parameters
        self._takes_token_types = "token_type_ids" in taken
        self._takes_positions = "position_ids" in taken
        enable_unpadding(self.backbone)
        use_fast_dropout(self.backbone)
        # Whether the encoder may leave the padding out; nothing but the time depends on it.
        self.unpadding = True
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
        pooling: str | None = None,
        pooled_dropout: float | None = None,
        backbone_dropout: float | None = None,
        **kwargs,
    ) -> "HybridMTLModel":
        """Start from a pretrained encoder with newly initialised heads, or from a trained model.

        Of a trained model of this class the encoder is taken, with what adapters add to it for
        every task; the heads (and own adapters) of tasks that are asked for again in the same shape
        are kept. The log says which.

        No code of the encoder's repository is run, and no pickle is read.

        Args:
            name_or_path: a Hub repository or a folder that `AutoModel` opens.
            tasks: task name -> fields of `TaskConfig`.
            pooling: see `HybridMTLConfig`; a trained model's own, or `mean`, when left out.
            pooled_dropout: see `HybridMTLConfig`; a trained model's own, or 0, when left out.
            backbone_dropout: if given, replaces every dropout probability inside the encoder.
            **kwargs: passed to `from_pretrained` (`dtype`, `device_map`, `revision`, ...). Without
                a `dtype` the weights are float32, whatever the encoder's file holds: in half
                precision most of a training's small steps would be lost.

        Raises:
            ValueError: naming the task and field, or the option, that is wrong; if the encoder
                reads more than text; if a trained model is not whole.
        """
        hub = {name: kwargs.pop(name) for name in HUB_KWARGS if name in kwargs}
        check_weights(name_or_path, **hub)
        if model_type(name_or_path, **hub) == cls.config_class.model_type:
            trained = cls.from_pretrained(name_or_path, dtype=kwargs.get("dtype", "auto"), **hub)
            if backbone_dropout is not None:
                set_encoder_dropout(trained.config.backbone_config, backbone_dropout)
            return trained._restarted(tasks, pooling, pooled_dropout, **kwargs)
        hub["trust_remote_code"] = False
        backbone_config = AutoConfig.from_pretrained(name_or_path, **hub)
        if backbone_dropout is not None:
            set_encoder_dropout(backbone_config, backbone_dropout)
        config = HybridMTLConfig(backbone_config, tasks, pooling or "mean", pooled_dropout or 0.0)
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
        check_reads(model)
        model.lies_at(**hub)
        return model

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> Any:
        """As every model's, from safetensors alone: a pickle is not even looked at.

        A trained model that lacks weights is opened for those alone who ask which
        (`output_loading_info=True`): they are random numbers then.

        Raises:
            ValueError: if an index of weights names other files, or a trained model lacks weights
                or has some that are not finite or of another shape than its configuration says.
        """
        kwargs["use_safetensors"] = True
        name = pretrained_model_name_or_path
        if name is None:
            return super().from_pretrained(None, *args, **kwargs)
        hub = {place: kwargs[place] for place in HUB_KWARGS if place in kwargs}
        check_weights(name, **hub)
        is_trained = model_type(name, **hub) == cls.config_class.model_type
        if not is_trained or kwargs.get("output_loading_info"):
            return super().from_pretrained(name, *args, **kwargs)
        asked = kwargs.get("ignore_mismatched_sizes", False)
        # Told of in one sentence below, rather than in a report and a traceback.
        kwargs |= {"output_loading_info": True, "ignore_mismatched_sizes": True}
        model, loading = super().from_pretrained(name, *args, **kwargs)
        if not asked:
            check_shapes(name, loading["mismatched_keys"])
        check_complete(name, model, loading["missing_keys"])
        return model

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            deviation = getattr(self.config.backbone_config, "initializer_range", 0.02)
            nn.init.normal_(module.weight, mean=0.0, std=deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, TaskHead):
            initialize_head(module, self.config.hidden_size)

    def get_input_embeddings(self) -> nn.Module:
        return self.backbone.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.backbone.set_input_embeddings(value)

    def set_attn_implementation(self, *args, **kwargs) -> None:
        """As every model's; passes without padding come back with the attention they need."""
        super().set_attn_implementation(*args, **kwargs)
        enable_unpadding(self.backbone)

    def encode_tokens(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        task: str | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Sentence vectors (B, H) and token vectors (B, L, H) of token ids (B, L), for a task.

        An attention mask may stay on the CPU while the ids are on an accelerator: a pass without
        padding then finds out the texts' lengths without waiting for what the device still has to
        do.

        Raises:
            ValueError: if the encoder has no embeddings for what it is given. On an accelerator,
                that is found out of ids alone whose mask is there, too, and not in training.
        """
        self.switch_adapters(task)
        try:
            return self._encode_tokens(input_ids, attention_mask, token_type_ids)
        except (IndexError, RuntimeError):  # torch's, of a table that is too small
            explain(self, input_ids, token_type_ids)
            raise

    def _encode_tokens(
        self, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        tables: dict[str, Tensor] = {"input_ids": input_ids}
        if self._takes_token_types and token_type_ids is not None:
            tables["token_type_ids"] = token_type_ids
        if self._should_unpad(input_ids):
            hidden = self._encode_unpadded(attention_mask, tables)
            if hidden is not None:
                return self._pooled(hidden, attention_mask), hidden
        vectors, output = self._padded_pass(attention_mask, **tables)
        return vectors, output.last_hidden_state

    def _padded_pass(
        self, attention_mask: Tensor | None, **inputs: Any
    ) -> tuple[Tensor, ModelOutput]:
        """Sentence vectors (B, H), and all that the encoder returns of a padded batch."""
        if attention_mask is not None:
            place = next(table.device for table in inputs.values() if table is not None)
            attention_mask = to_device(attention_mask, place)
        mask = padding_mask(self.backbone, attention_mask)
        output = self.backbone(attention_mask=mask, return_dict=True, **inputs)
        if self.config.pooling == "pooler":
            return self.pooled_dropout(output.pooler_output), output
        return self._pooled(output.last_hidden_state, attention_mask), output

    def _pooled(self, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
        if attention_mask is not None:
            attention_mask = to_device(attention_mask, hidden.device)
        return self.pooled_dropout(pool(hidden, attention_mask, self.config.pooling))

    def _encode_unpadded(self, mask: Tensor | None, tables: dict[str, Tensor]) -> Tensor | None:
        """Token vectors (B, L, H) of a pass without padding; None if there is nothing to read."""
        if mask is None:
            mask = torch.ones(tables["input_ids"].shape, dtype=torch.bool)
        if mask.device.type != "cpu":
            mask = mask.cpu()  # waits for the device, which then has the ids at once
            if not self.training:
                check_ids(self, tables["input_ids"], tables.get("token_type_ids"))
        return encode_unpadded(self.backbone, mask, **tables) if mask.any() else None

    @property
    def unpads(self) -> bool:
        """Whether texts are read without padding where that should_unpad."""
        # A pooler reads the first column of what the encoder saw.
        return self.unpadding and self.config.pooling != "pooler" and can_unpad(self.backbone)

    def _should_unpad(self, input_ids: Tensor) -> bool:
        return self.unpads and should_unpad(input_ids)

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
        vectors, hidden = self.encode_tokens(*stack_texts([first, second], self._padding), task)
        u, v = vectors.chunk(2)
        return u, v, hidden

    @property
    def _padding(self) -> int:
        return getattr(self.config.backbone_config, "pad_token_id", None) or 0

    def logits_of(
        self, task: str, u: Tensor, v: Tensor | None = None, hidden: Tensor | None = None
    ) -> Tensor:
        """One head's logits from sentence vectors (B, H), or from token vectors (B, L, H)."""
        # As in the encoder: a setting of the process, which no other thread shall turn over.
        with onednn_matmul if u.device.type == "cpu" and self._should_unpad(u) else nullcontext():
            return self.heads[task](hidden if self.heads[task].output_type == "tags" else u, v)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        *,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        pair_input_ids: Tensor | None = None,
        pair_attention_mask: Tensor | None = None,
        pair_token_type_ids: Tensor | None = None,
        task: str | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
    ) -> HybridMTLOutput:
        """Encode texts and, with a task, run its head.

        Args:
            input_ids: token ids, (B, L).
            attention_mask: 1 for tokens to read, 0 for padding, (B, L); may stay on the CPU.
            token_type_ids: (B, L); dropped if the backbone knows none.
            position_ids: (B, L) or (1, L); the backbone counts them when left out.
            inputs_embeds: the tokens' embeddings in the place of their ids, (B, L, E).
            pair_input_ids: token ids of the second texts, (B, L2), when they are encoded apart.
            pair_attention_mask: (B, L2).
            pair_token_type_ids: (B, L2).
            task: the task whose head answers; without it there are no logits.
            labels: class indices (B,), token classes (B, L) with -100 for ignored ones, or scores
                (B,) in units of the score range.
            output_hidden_states: return the vectors between the layers, too; the configuration's
                value when left out, and so the other two.
            output_attentions: return the attention weights, too; with attention `eager` alone.
            return_dict: if false, return a tuple of all that is not None.

        Raises:
            ValueError: for an unknown task, labels without a task, a siamese task without
                `pair_input_ids` (and the other way round), or what the backbone cannot take.
        """
        self._check_call(task, pair_input_ids, labels)
        more = self._more_inputs(input_ids, pair_input_ids, position_ids, inputs_embeds)
        more |= self._more_outputs(output_hidden_states, output_attentions)
        ids: Any = input_ids
        mask, types = attention_mask, token_type_ids
        if pair_input_ids is not None:
            second = (pair_input_ids, pair_attention_mask, pair_token_type_ids)
            ids, mask, types = stack_texts([(ids, mask, types), second], self._padding)
        found = ModelOutput()
        if more:
            vectors, found = self._pass_with(ids, mask, types, task, **more)
            hidden = found["last_hidden_state"]
        else:
            vectors, hidden = self.encode_tokens(ids, mask, types, task)
        u, v = (vectors, None) if pair_input_ids is None else vectors.chunk(2)
        output = self._output(task, u, v, hidden, labels)
        for name in INNER:
            if name in found:
                output[name] = found[name]
        as_given = self.config.return_dict if return_dict is None else return_dict
        return output if as_given else output.to_tuple()  # type: ignore[return-value]

    def _pass_with(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        token_type_ids: Tensor | None,
        task: str | None,
        **more: Any,
    ) -> tuple[Tensor, ModelOutput]:
        """A padded pass with inputs or outputs that passes without padding do not have."""
        self.switch_adapters(task)
        if self._takes_token_types:
            more["token_type_ids"] = token_type_ids
        try:
            return self._padded_pass(attention_mask, input_ids=input_ids, **more)
        except (IndexError, RuntimeError):  # as in `encode_tokens`
            explain(self, input_ids, token_type_ids)
            raise

    def _more_inputs(
        self,
        input_ids: Tensor | None,
        pair_input_ids: Tensor | None,
        position_ids: Tensor | None,
        inputs_embeds: Tensor | None,
    ) -> dict[str, Any]:
        """The inputs besides token ids that were given."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("pass either input_ids or inputs_embeds")
        given = {"position_ids": position_ids, "inputs_embeds": inputs_embeds}
        given = {name: value for name, value in given.items() if value is not None}
        if given and pair_input_ids is not None:
            raise ValueError(
                f"{next(iter(given))} is for one sequence: the texts of a pair that are encoded "
                f"apart are given as token ids alone"
            )
        if position_ids is not None and not self._takes_positions:
            kind = self.config.backbone_config.model_type
            raise ValueError(f"position_ids: a {kind} encoder takes none")
        return given

    def _more_outputs(self, hidden_states: Any, attentions: Any) -> dict[str, Any]:
        """The outputs besides the last vectors that are asked for, by this call or for all."""
        config = self.config
        asked = {
            "output_hidden_states": config.output_hidden_states
            if hidden_states is None
            else hidden_states,
            "output_attentions": config.output_attentions if attentions is None else attentions,
        }
        used = self.backbone.config._attn_implementation
        if asked["output_attentions"] and used not in ("eager", None):
            raise ValueError(
                "output_attentions: the faster implementations of attention keep no weights; call "
                "model.set_attn_implementation('eager') first"
            )
        # A number or a list chooses some of the hidden states; 0 is the first.
        return {n: v for n, v in asked.items() if v is not None and v is not False}

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
        return HybridMTLOutput(loss, logits, hidden, embeddings)

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
            packs = self._should_unpad(batch["input_ids"])
            passes.setdefault(self.config.adapters_of(task) if packs else task, []).append(task)
        return list(passes.values())

    def _one_pass(self, batches: dict[str, dict[str, Tensor]]) -> dict[str, HybridMTLOutput]:
        texts = {task: sides(batch) for task, batch in batches.items()}
        stacked = stack_texts([side for own in texts.values() for side in own], self._padding)
        sizes = [sum(len(ids) for ids, *_ in own) for own in texts.values()]
        vectors, hidden = self.encode_tokens(*stacked, next(iter(batches)))
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

    def save_pretrained(self, save_directory: Any, is_main_process: bool = True, **kwargs) -> None:
        """Save weights, configuration and all code that a process without this project needs.

        Raises:
            ValueError: if the file of a kind of task that is not this project's cannot travel.
        """
        # A relative import is what makes a file travel along, wherever this one is copied to.
        from .handler import EndpointHandler  # noqa: F401

        files = extension_files(self.config.tasks.values())
        if files and kwargs.get("push_to_hub"):
            raise ValueError(
                "push_to_hub: would leave out the files of this model's own kinds of tasks; call "
                "model.push_to_hub instead"
            )
        if files:
            self.config.extensions = list(files)
        standards = {head.standard for head in self.heads.values()}
        names = [name for name, standard in STANDARDS.items() if standard in standards]
        self.config.custom_pipelines = {
            name: {
                "impl": f"pipeline_hybrid_mtl.{HybridMTLPipeline.__name__}",
                "pt": ["AutoModel"],
                "type": "text",
            }
            for name in ("hybrid-mtl", *names)
        }
        super().save_pretrained(save_directory, is_main_process=is_main_process, **kwargs)
        if files and is_main_process:
            write_extensions(Path(save_directory), files)


def _check_embeddings(encoder: Any) -> None:
    try:
        encoder.get_input_embeddings()
    except NotImplementedError as error:
        raise ValueError(
            f"a {encoder.config.model_type} encoder has no table of token embeddings, which "
            f"training needs; take a text encoder such as BERT"
        ) from error


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


register_pipeline(__name__.rpartition(".")[0])
attach_modules(__name__)
