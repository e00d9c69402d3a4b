"""Types of options that several commands have."""

import argparse


def names(text: str) -> list[str]:
    """Return names that are separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def name_and_column(text: str) -> tuple[str, str]:
    """Return the two sides of `NAME=COLUMN`."""
    name, sign, value = text.partition("=")
    if not sign or not value:
        raise argparse.ArgumentTypeError(f"expected NAME=COLUMN, got '{text}'")
    return name, value
