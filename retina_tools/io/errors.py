"""The errors of readers and writers."""

from retina_tools.schema import EyeError


class ReadError(EyeError):
    """A file that cannot be read, or not as what it was asked for; the message says what to do about it."""


class CodingError(ReadError):
    """A mask file that is sound, but cannot be understood as it was asked to be: another coding, or no mask at all."""
