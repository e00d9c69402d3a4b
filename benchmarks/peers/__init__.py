"""What users would use instead: one worker process a peer, each in an environment of its own.

These modules import nothing of this project but each other, since it is not installed there.
"""
