"""Measure the speed that users observe, compared with the alternatives."""
