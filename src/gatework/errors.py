"""The exceptions a user can meet. Anything else that escapes is a defect of ours."""


class GateworkError(Exception):
    """Base of every error raised on purpose."""


class InputError(GateworkError, ValueError):
    """The caller's data, file or argument is wrong; the message says what to do about it."""
