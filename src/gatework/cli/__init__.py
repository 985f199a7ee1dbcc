"""The command line: one file a verb, each a thin call of a task.

It knows how to parse, print and exit. What a verb does is decided below it, and torch is imported
only by a verb that computes.
"""

from gatework.cli.main import main

__all__ = ["main"]
