"""Train with this project, paced like a peer."""

import tempfile

from benchmarks.peers.hugging_face import train_paced
from benchmarks.peers.libraries import waiter
from benchmarks.peers.protocol import Line, Pace, read_job
from benchmarks.peers.tokens import MaskCounter, TokenCounter
from benchmarks.speed.workers.trainers import be_quiet, make_trainer, settings_of, tokenized


def main() -> None:
    job, line = read_job(), Line()
    be_quiet()
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(job, folder)
        rows = tokenized(job, settings)
        trainer = make_trainer(settings, rows)
        counter: TokenCounter | MaskCounter
        if job["device"] == "cpu":
            counter = TokenCounter([trainer.model.backbone], trainer.processing_class.pad_token_id)
        else:
            counter = MaskCounter(trainer.model)
        # Its loss is the sum over a cycle's tasks.
        train_paced(trainer, Pace(line, counter, waiter(job)), parts=len(rows))


if __name__ == "__main__":
    main()
