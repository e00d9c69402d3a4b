"""Atomic writing of the files of a run."""
