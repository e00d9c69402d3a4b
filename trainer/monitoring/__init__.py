"""Monitoring of a deployed model: its logged answers, compared with a reference."""
