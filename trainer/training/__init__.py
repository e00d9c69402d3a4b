"""The trainer: data, objective, optimization and evaluation joined on `transformers.Trainer`."""
