"""Registries of components that a configuration selects by name, built-in or from extensions.

| registry | selected by | a class or function called with |
|---|---|---|
| `AGGREGATORS` | `aggregator` | the tasks and `AggregatorOptions`; returns an `Aggregator` |
| `LOSS_WEIGHTS` | `loss_weights` | task -> `TaskConfig`; returns `LossWeights`, or None |
| `SAMPLERS` | `task_sampling` | the arguments, each task's batches per pass and a seed |
| `REGULARIZERS` | a weight, `NAME_weight`, above 0 | the weight; returns a `Regularizer` |
| `AUGMENTATIONS` | a task's `augmentation` | its options: a dataclass derived from `Method` |
| `METRICS` | a head's `metrics`, or the kinds it is registered for | predictions, labels, classes |
| `HEADS` | a task's `kind` | width and task; a class derived from `TaskHead` |
| `LOSSES` | a task's `loss` | head, logits (or vectors) and labels |

An entry registered with `options=` receives an instance as the keyword argument `config`, except
heads: their options are a task's `head_options`.
"""

from modeling_hybrid_mtl.registry_hybrid_mtl import HEADS, LOSSES
from modeling_hybrid_mtl.registry_hybrid_mtl import Registry as _Registry
from trainer.errors import InputError

__all__ = [
    "AGGREGATORS",
    "AUGMENTATIONS",
    "HEADS",
    "LOSSES",
    "LOSS_WEIGHTS",
    "METRICS",
    "REGULARIZERS",
    "SAMPLERS",
    "Registry",
]


class Registry(_Registry):
    """A registry that raises `InputError` for invalid names and options."""

    error = InputError


AGGREGATORS = Registry("aggregator", "aggregator")
LOSS_WEIGHTS = Registry("loss weighting", "loss_weights")
SAMPLERS = Registry("sampler", "task_sampling")
REGULARIZERS = Registry("regularizer")
AUGMENTATIONS = Registry("augmentation")
METRICS = Registry("metric")
