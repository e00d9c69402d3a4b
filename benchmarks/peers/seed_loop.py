"""The training loop of the paper as described there, with four optimizers.

Each cycle has a random batch of every task, padded to its longest text and passed through the
encoder on its own; the gradients add up; then one `torch.optim.Adam` for each head and one for the
encoder take a step.
"""

import torch

from benchmarks.peers.libraries import choose_library
from benchmarks.peers.model import PlainModel, load_tokenizer, padded, tokenized
from benchmarks.peers.protocol import Line, Pace, read_job
from benchmarks.peers.tokens import TokenCounter


def main() -> None:
    job, line = read_job(), Line()
    choose_library(job)
    torch.manual_seed(job["seed"])
    tokenizer = load_tokenizer(job["weights"], job["max_length"])
    model = PlainModel(job["weights"], job["tasks"]).train()
    rows = {name: tokenized(task["rows"], tokenizer) for name, task in job["tasks"].items()}
    rate = job["learning_rate"]
    optimizers = [torch.optim.Adam(model.encoder.parameters(), lr=rate)]
    optimizers += [torch.optim.Adam(head.parameters(), lr=rate) for head in model.heads.values()]
    pace = Pace(line, TokenCounter([model.encoder], tokenizer.pad_token_id))
    pace.begin()
    size = job["batch_size"]
    for cycle in range(job["cycles"]):
        for optimizer in optimizers:
            optimizer.zero_grad()
        for task, own in rows.items():
            batch = padded(own[cycle * size : (cycle + 1) * size], tokenizer)
            loss = model(task, **batch)["loss"]
            loss.backward()
            pace.note_loss(loss.detach() / len(rows))
        for optimizer in optimizers:
            optimizer.step()
        pace.end_cycle()


if __name__ == "__main__":
    main()
