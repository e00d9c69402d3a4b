"""Time three single-task models, each with transformers' `text-classification` pipeline."""

from typing import Any

from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from benchmarks.peers.protocol import Line, read_job, seconds_of

LABELS = 5


def single_task_pipeline(folder: str, max_length: int) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = max_length
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=LABELS)
    return pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")


def main() -> None:
    job, line = read_job(), Line()
    pipes = [single_task_pipeline(job["weights"], job["max_length"]) for _ in range(3)]
    options = {"batch_size": job["batch_size"], "truncation": True}
    pairs = job["pairs"]
    ways = {
        "three models": lambda: [pipe(job["texts"], **options) for pipe in pipes],
        # One model for the first texts, two for the pairs.
        "three models on pairs": lambda: [
            pipes[0]([pair["text"] for pair in pairs], **options),
            *(pipe(pairs, **options) for pipe in pipes[1:]),
        ],
        "one call": lambda: [pipes[0](text) for text in job["single_texts"]],
    }

    line.serve(lambda request: {"seconds": seconds_of(ways[request["way"]])})


if __name__ == "__main__":
    main()
