"""An ending of a verb that is neither done nor wrong."""


class Stopped(Exception):
    """The user pressed Ctrl-C; the message says what was kept and how to go on."""
