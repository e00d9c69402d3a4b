"""Publication of models and Spaces on the Hub."""
