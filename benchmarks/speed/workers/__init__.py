"""Our own side of each measurement, in worker processes of its own like the peers."""
