"""A worker that multiplies."""

import os

from benchmarks.peers.protocol import Line, read_job

if __name__ == "__main__":
    job, line = read_job(), Line()
    factor = job["factor"]
    print("printed by a library")
    line.serve(
        lambda request: {
            "result": factor * request["number"],
            "threads": os.environ["OMP_NUM_THREADS"],
        }
    )
