"""The one exception for what a user of the page, or whoever starts it, can mend."""


class UserError(ValueError):
    """Wrong input: the message says in plain words what is wrong and what to do."""
