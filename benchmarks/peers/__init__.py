"""The alternatives: one worker process per peer, each in its own environment.

These modules import nothing of this project but each other, since it is not installed there.
"""
