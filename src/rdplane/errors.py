"""The one exception that a user is meant to read."""

__all__ = ["UserError"]


class UserError(Exception):
    """A problem that the user can mend: one line, shown without a traceback.

    The message names the key or file, the value found, what was expected and what to do.
    Every command line entry point prints it as ``error: <message>`` and exits with status 2.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))
