"""Training rows that are read, checked and tokenized while training."""

from trainer.data.streaming.batches import StreamedBatches
from trainer.data.streaming.rows import StreamedRows, first_rows, stream_rows

__all__ = ["StreamedBatches", "StreamedRows", "first_rows", "stream_rows"]
