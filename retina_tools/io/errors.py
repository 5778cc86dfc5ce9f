"""The error every reader and writer raises."""

from retina_tools.schema import EyeError


class ReadError(EyeError):
    """A file that cannot be read, or not as what it was asked for; the message says what to do about it."""
