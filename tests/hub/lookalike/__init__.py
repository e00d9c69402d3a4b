"""A look-alike of the Hub that tests run in a thread for the real clients."""

from tests.hub.lookalike.server import HubLookalike

__all__ = ["HubLookalike"]
