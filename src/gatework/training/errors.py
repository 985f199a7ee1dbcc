"""What can go wrong while training that is not the caller's input."""

from gatework.errors import GateworkError


class TrainingError(GateworkError):
    """Training cannot go on: a value is not finite, or a checkpoint cannot be written."""


class Interrupted(GateworkError):
    """The user pressed Ctrl-C; the message says what was kept. The CLI exits with status 130."""
