"""The modes of `scripts/run_mtl.py`."""
