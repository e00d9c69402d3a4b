"""Publishing a model and a Space on the Hub."""
