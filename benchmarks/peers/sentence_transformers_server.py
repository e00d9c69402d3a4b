"""A FastAPI app around a sentence-transformers model; arguments: JOB.json PORT."""

import sys
from threading import Lock

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

from benchmarks.peers.protocol import read_job


class Body(BaseModel):
    inputs: str


def main() -> None:
    job = read_job()
    model = SentenceTransformer(job["weights"], device="cpu")
    model.max_seq_length = job["max_length"]
    lock = Lock()
    app = FastAPI()

    @app.post("/embed")
    def embed(body: Body) -> list:
        with lock:
            return model.encode([body.inputs], show_progress_bar=False).tolist()

    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()
