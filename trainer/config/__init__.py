"""Options of a run and its tasks: read from YAML and the command line, checked, resolved."""
