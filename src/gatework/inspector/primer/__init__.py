"""The teaching page: what an LSTM is, with live numbers of a tiny trained one."""

from gatework.inspector.primer.page import write_primer

__all__ = ["write_primer"]
