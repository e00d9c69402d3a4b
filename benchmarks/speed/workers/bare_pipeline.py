"""Time single calls of a model's pipeline, without a server."""

from functools import partial

from benchmarks.peers.protocol import Line, Message, read_job, seconds_of
from benchmarks.speed.workers.trainers import be_quiet
from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.loading.trained_model import open_trained


def main() -> None:
    job, line = read_job(), Line()
    be_quiet()
    model, tokenizer = open_trained(job["model"])
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer, device="cpu")

    def answer(request: Message) -> Message:
        return {"seconds": seconds_of(partial(pipe, request["text"]))}

    line.serve(answer)


if __name__ == "__main__":
    main()
