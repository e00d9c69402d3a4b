"""The hybrid multitask model: one encoder, one head per task."""

import inspect
from typing import Any

from torch import Tensor, nn
from transformers.utils import ModelOutput

from .backbone_hybrid_mtl import build_backbone
from .configuration_hybrid_mtl import HybridMTLConfig
from .dropout_hybrid_mtl import use_fast_dropout
from .embedding_checks_hybrid_mtl import check_failed_batch
from .head_outputs_hybrid_mtl import HeadsMixin
from .heads_hybrid_mtl import build_head, initialize_head
from .modules_hybrid_mtl import attach_modules
from .outputs_hybrid_mtl import HybridMTLOutput
from .pretrained_hybrid_mtl import PretrainedMixin
from .registration_hybrid_mtl import register_pipeline
from .shared_layers_hybrid_mtl import build_shared_layers
from .texts_hybrid_mtl import sides, stack_texts
from .unpadding_hybrid_mtl import enable_unpadding

# Optional outputs of the encoder.
OPTIONAL_OUTPUTS = ("hidden_states", "attentions")


class HybridMTLModel(PretrainedMixin, HeadsMixin):
    """A shared encoder with one head per task.

    Called with a `task`, the model returns that task's logits (and loss, with labels); without one,
    it is a sentence encoder. Adapters are active for their task only.

    Raises:
        ValueError: if the backbone lacks the pooler that `pooling` requires, or the layers that an
            adapter targets.
    """

    config_class = HybridMTLConfig
    base_model_prefix = "backbone"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    # The loss is a batch mean, which the trainer must divide in gradient accumulation.
    accepts_loss_kwargs = False
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: HybridMTLConfig):
        super().__init__(config)
        self.backbone: Any = build_backbone(config)
        arguments = inspect.signature(self.backbone.forward).parameters
        self._takes_token_types = "token_type_ids" in arguments
        self._takes_positions = "position_ids" in arguments
        enable_unpadding(self.backbone)
        use_fast_dropout(self.backbone)
        # Whether to remove padding if possible; affects the speed only.
        self.unpadding = True
        self.build_adapters()
        self.pooled_dropout = nn.Dropout(config.pooled_dropout)
        self.shared_layers = build_shared_layers(config)
        self.heads: Any = nn.ModuleDict({name: build_head(config, name) for name in config.tasks})
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            deviation = getattr(self.config.backbone_config, "initializer_range", 0.02)
            nn.init.normal_(module.weight, mean=0.0, std=deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def initialize_weights(self) -> None:
        """Initialize the weights that no checkpoint provided."""
        super().initialize_weights()
        # transformers omits modules without parameters of their own.
        for head in self.heads.values():
            initialize_head(head)

    def get_input_embeddings(self) -> nn.Module:
        return self.backbone.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.backbone.set_input_embeddings(value)

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
        label_mask: Tensor | None = None,
        label_weights: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
    ) -> HybridMTLOutput:
        """Encode texts and, with a task, run its head.

        Args:
            input_ids: token ids, (B, L).
            attention_mask: 1 for tokens, 0 for padding, (B, L); may stay on the CPU.
            token_type_ids: (B, L); ignored if the backbone has no token types.
            position_ids: (B, L) or (1, L); the backbone's default if None.
            inputs_embeds: token embeddings instead of ids, (B, L, E).
            pair_input_ids: token ids of the second texts of siamese tasks, (B, L2).
            pair_attention_mask: (B, L2).
            pair_token_type_ids: (B, L2).
            task: the task whose head to run; if None, there are no logits.
            labels: class indices (B,) or probabilities (B, C), multi-hot rows (B, C), token classes
                (B, L) with -100 for ignored ones, scores (B,) in units of the score range, or for
                ranking the hashes of both texts and whether they match, (B, 3).
            label_mask: whether each row has a label, (B,), which may stay on the CPU; the loss is
                the mean over the rows that have one, 0 without any. If None, all rows have.
            label_weights: factors of the labels' losses before the mean is taken, in the shape of
                `labels` or one for each row, (B,); `reduce_loss` says more.
            output_hidden_states: also return the hidden states of all layers; if None, as
                configured, and so for the next two.
            output_attentions: also return the attention weights; requires `eager` attention.
            return_dict: if false, return a tuple of all values that are not None.

        Raises:
            ValueError: for an unknown task, labels without a task, a siamese task without
                `pair_input_ids` (and vice versa), or inputs that the backbone does not support.
        """
        self._check_call(task, pair_input_ids, labels)
        extra = self._extra_inputs(input_ids, pair_input_ids, position_ids, inputs_embeds)
        extra |= self._output_options(output_hidden_states, output_attentions)
        ids: Any = input_ids
        mask, types = attention_mask, token_type_ids
        if pair_input_ids is not None:
            second = (pair_input_ids, pair_attention_mask, pair_token_type_ids)
            ids, mask, types = stack_texts([(ids, mask, types), second], self._padding)
        encoder_output = ModelOutput()
        if extra:
            vectors, encoder_output = self._encode_with(ids, mask, types, task, **extra)
            hidden = encoder_output["last_hidden_state"]
        else:
            vectors, hidden = self.encode_tokens(ids, mask, types, task)
        u, v = (vectors, None) if pair_input_ids is None else vectors.chunk(2)
        output = self._output(task, u, v, hidden, mask, labels, label_mask, label_weights)
        for name in OPTIONAL_OUTPUTS:
            if name in encoder_output:
                output[name] = encoder_output[name]
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()  # type: ignore[return-value]

    def _encode_with(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        token_type_ids: Tensor | None,
        task: str | None,
        **extra: Any,
    ) -> tuple[Tensor, ModelOutput]:
        """Run a padded pass with inputs or outputs that unpadded passes do not support."""
        self.activate_adapters(task)
        if self._takes_token_types:
            extra["token_type_ids"] = token_type_ids
        try:
            return self._padded_pass(attention_mask, input_ids=input_ids, **extra)
        except (IndexError, RuntimeError):  # as in `encode_tokens`
            check_failed_batch(self, input_ids, token_type_ids)
            raise

    def _extra_inputs(
        self,
        input_ids: Tensor | None,
        pair_input_ids: Tensor | None,
        position_ids: Tensor | None,
        inputs_embeds: Tensor | None,
    ) -> dict[str, Any]:
        """Return the given inputs other than token ids, after a check."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("pass either input_ids or inputs_embeds")
        given = {"position_ids": position_ids, "inputs_embeds": inputs_embeds}
        given = {name: value for name, value in given.items() if value is not None}
        if given and pair_input_ids is not None:
            raise ValueError(
                f"{next(iter(given))} is not supported with pair_input_ids: pass both texts as "
                "token ids"
            )
        if position_ids is not None and not self._takes_positions:
            kind = self.config.backbone_config.model_type
            raise ValueError(f"position_ids: not supported by a {kind} encoder")
        return given

    def _output_options(self, hidden_states: Any, attentions: Any) -> dict[str, Any]:
        """Return the encoder's arguments for optional outputs, of this call or as configured."""
        config = self.config
        options = {
            "output_hidden_states": config.output_hidden_states
            if hidden_states is None
            else hidden_states,
            "output_attentions": config.output_attentions if attentions is None else attentions,
        }
        attention = self.backbone.config._attn_implementation
        if options["output_attentions"] and attention not in ("eager", None):
            raise ValueError(
                "output_attentions: requires eager attention; call "
                "model.set_attn_implementation('eager') first"
            )
        # A number or a list selects some of the hidden states; 0 is the first.
        return {n: v for n, v in options.items() if v is not None and v is not False}

    def forward_tasks(self, batches: dict[str, dict[str, Tensor]]) -> dict[str, HybridMTLOutput]:
        """Run a batch of each of several tasks, in as few passes of the encoder as possible.

        One large pass is faster than several small ones; see `passes`.

        Args:
            batches: task -> the arguments of `forward` except `task`.

        Returns:
            task -> the output of `forward`, equal up to rounding. Dropout masks differ.

        Raises:
            ValueError: as `forward`.
        """
        for task, batch in batches.items():
            self._check_call(task, batch.get("pair_input_ids"), batch.get("labels"))
        outputs: dict[str, HybridMTLOutput] = {}
        for tasks in self.passes(batches):
            outputs.update(self._one_pass({task: batches[task] for task in tasks}))
        return {task: outputs[task] for task in batches}

    def passes(self, batches: dict[str, dict[str, Tensor]]) -> list[list[str]]:
        """Group the tasks of some batches by the encoder pass that they share.

        Tasks with their own adapters need a pass each. So do all tasks if the encoder cannot unpad,
        since joint batches would contain more padding.
        """
        passes: dict[Any, list[str]] = {}
        for task, batch in batches.items():
            unpads = self._should_unpad(batch["input_ids"])
            passes.setdefault(self.config.adapters_of(task) if unpads else task, []).append(task)
        return list(passes.values())

    def _one_pass(self, batches: dict[str, dict[str, Tensor]]) -> dict[str, HybridMTLOutput]:
        # Tasks of one table have the same tensors, which are encoded once.
        tables = {_inputs_of(batch): sides(batch) for batch in batches.values()}
        ids, stacked_mask, types = stack_texts(
            [side for texts in tables.values() for side in texts], self._padding
        )
        sizes = [sum(len(ids) for ids, *_ in texts) for texts in tables.values()]
        vectors, hidden = self.encode_tokens(ids, stacked_mask, types, next(iter(batches)))
        parts = (table.split(sizes) for table in (vectors, hidden, stacked_mask))
        by_table = dict(zip(tables, zip(*parts, strict=True), strict=True))
        outputs = {}
        for task, batch in batches.items():
            u, tokens, mask = by_table[_inputs_of(batch)]
            texts = sides(batch)
            length = max(ids.shape[1] for ids, *_ in texts)
            u, v = u.chunk(2) if len(texts) == 2 else (u, None)
            labels = (batch.get(name) for name in ("labels", "label_mask", "label_weights"))
            outputs[task] = self._output(task, u, v, tokens[:, :length], mask[:, :length], *labels)
        return outputs

    def _check_call(self, task: str | None, pair_ids: Tensor | None, labels: Any) -> None:
        if task is None:
            if labels is not None:
                raise ValueError("labels require a task")
            return
        siamese = self.config.task(task).is_siamese
        if siamese and pair_ids is None:
            raise ValueError(f"task '{task}' is siamese: pass pair_input_ids")
        if not siamese and pair_ids is not None:
            raise ValueError(f"task '{task}' is not siamese: pair_input_ids must be None")


def _inputs_of(batch: dict[str, Tensor]) -> tuple[int, ...]:
    """Return a key that only batches with the same tensors of token ids share."""
    return tuple(id(ids) for ids, *_ in sides(batch))


register_pipeline(__name__.rpartition(".")[0])
attach_modules(__name__)
