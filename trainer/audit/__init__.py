"""Audits of a trained model: subgroups of labeled rows, counterfactual texts and behavior."""
