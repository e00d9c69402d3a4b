"""An HTTP server for all tasks of a model in one process."""
