"""Is training right and fast on an accelerator? One command, which ends within its time limit."""
