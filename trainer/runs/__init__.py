"""What `scripts/run_mtl.py` does: train, evaluate, predict."""
