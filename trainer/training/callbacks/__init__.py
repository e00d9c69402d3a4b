"""What follows the steps of a run."""
