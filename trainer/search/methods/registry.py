"""The registry of search methods."""

from trainer.registry import Registry

# Search method -> a `Method`, called with the `Study`, and its options if it has any.
METHODS = Registry("search method", "method")
