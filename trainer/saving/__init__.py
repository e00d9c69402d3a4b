"""Files of a run, written so that none is ever half there."""
