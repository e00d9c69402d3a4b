"""Our training, paced like a peer's; after every answer, the same matrix products alone."""

import tempfile
from typing import Any

from benchmarks.peers.hugging_face import train_paced
from benchmarks.peers.protocol import Line, Pace, read_job
from benchmarks.peers.tokens import TokenCounter
from benchmarks.speed.products import Products
from benchmarks.speed.workers.trainers import (
    be_quiet,
    make_trainer,
    mean_text,
    settings_of,
    tokenised,
)


class WithProducts:
    """Counts tokens and, when they are taken, times the matrix products of their passes.

    Args:
        counter: of the tokens.
        products: of the encoder.
    """

    def __init__(self, counter: TokenCounter, products: Products):
        self.counter = counter
        self.products = products

    def take(self) -> dict[str, Any]:
        found = self.counter.take()
        return {**found, "product_seconds": self.products.seconds(found["passes"])}


def main() -> None:
    job, line = read_job(), Line()
    be_quiet()
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(job, folder)
        rows = tokenised(job, settings)
        trainer = make_trainer(settings, rows)
        encoder: Any = trainer.model.backbone
        counter = TokenCounter([encoder], trainer.processing_class.pad_token_id)
        timed = WithProducts(counter, Products(encoder, mean_text(rows)))
        # Its loss is the sum over a cycle's tasks.
        train_paced(trainer, Pace(line, timed), parts=len(rows))


if __name__ == "__main__":
    main()
