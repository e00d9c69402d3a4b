"""The exception for errors that users of the app can fix."""


class UserError(ValueError):
    """Invalid input; the message names the problem and the remedy."""
