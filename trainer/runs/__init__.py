"""The modes of a run: train, evaluate, predict."""
