"""Time the matrix products of our training passes alone, in a separate process."""

import tempfile

from benchmarks.peers.protocol import Line, Message, read_job
from benchmarks.speed.products import Products
from benchmarks.speed.workers.trainers import (
    be_quiet,
    make_trainer,
    mean_text,
    settings_of,
    tokenized,
)


def main() -> None:
    job, line = read_job(), Line()
    be_quiet()
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(job, folder)
        rows = tokenized(job, settings)
        encoder = make_trainer(settings, rows).model.backbone
    products = Products(encoder, mean_text(rows))

    def answer(request: Message) -> Message:
        passes = request["passes"]
        return {
            "product_seconds": products.seconds(passes),
            "default_product_seconds": products.seconds(passes, fast=False),
        }

    line.serve(answer)


if __name__ == "__main__":
    main()
