"""A FastAPI app around three transformers pipelines; arguments: JOB.json PORT."""

import sys
from threading import Lock

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.peers.protocol import read_job
from benchmarks.peers.transformers_pipelines import single_task_pipeline


class Body(BaseModel):
    inputs: str


def main() -> None:
    job = read_job()
    pipes = [single_task_pipeline(job["weights"], job["max_length"]) for _ in range(3)]
    # Tokenizers with truncation fail in several threads, and passes at once slow each other down.
    lock = Lock()
    app = FastAPI()

    @app.post("/predict")
    def predict(body: Body) -> list:
        with lock:
            return [pipe(body.inputs, truncation=True) for pipe in pipes]

    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()
