"""Predictions for tables of rows: their columns, and the files that they are written to."""
