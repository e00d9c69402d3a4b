"""Time sentence vectors of `SentenceTransformer.encode`."""

from sentence_transformers import SentenceTransformer

from benchmarks.peers.protocol import Line, read_job, seconds_of


def main() -> None:
    job, line = read_job(), Line()
    model = SentenceTransformer(job["weights"], device="cpu")
    model.max_seq_length = job["max_length"]
    options = {"batch_size": job["batch_size"], "show_progress_bar": False}
    ways = {
        "embed": lambda: model.encode(job["texts"], **options),
        "embed one call": lambda: [model.encode(text, **options) for text in job["single_texts"]],
    }

    line.serve(lambda request: {"seconds": seconds_of(ways[request["way"]])})


if __name__ == "__main__":
    main()
