"""Studies: many runs with different options and seeds, from one file, and their comparison."""
