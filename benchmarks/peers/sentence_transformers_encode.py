"""Sentence vectors by `SentenceTransformer.encode`."""

import time

from sentence_transformers import SentenceTransformer

from benchmarks.peers.protocol import Line, Message, read_job


def main() -> None:
    job, line = read_job(), Line()
    model = SentenceTransformer(job["weights"], device="cpu")
    model.max_seq_length = job["max_length"]
    options = {"batch_size": job["batch_size"], "show_progress_bar": False}
    ways = {
        "embed": lambda: model.encode(job["texts"], **options),
        "embed one call": lambda: [model.encode(text, **options) for text in job["single_texts"]],
    }

    def answer(request: Message) -> Message:
        start = time.perf_counter()
        ways[request["way"]]()
        return {"seconds": time.perf_counter() - start}

    line.serve(answer)


if __name__ == "__main__":
    main()
