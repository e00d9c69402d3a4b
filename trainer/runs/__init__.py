"""What `scripts/run_mtl.py` does; `modes.py` names it."""
