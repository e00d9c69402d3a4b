"""Check that training is correct and fast on an accelerator, within a time limit."""
