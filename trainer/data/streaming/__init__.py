"""Training rows that are read, checked and tokenized while training."""

from trainer.data.streaming.batches import StreamedBatches
from trainer.data.streaming.rows import StreamedRows, stream_rows

__all__ = ["StreamedBatches", "StreamedRows", "stream_rows"]
