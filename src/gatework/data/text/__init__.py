"""Text in, numbers out: where a text is cut into tokens, and which number each token has.

Knows nothing of labels, models or training; a tokeniser and a vocabulary save as plain data.
"""

from gatework.data.text.restoring import KINDS, restore_tokeniser
from gatework.data.text.tokenisers import Bytes, Characters, Tokeniser, Words
from gatework.data.text.vocabulary import PADDING, UNKNOWN, Vocabulary

__all__ = [
    "KINDS",
    "PADDING",
    "UNKNOWN",
    "Bytes",
    "Characters",
    "Tokeniser",
    "Vocabulary",
    "Words",
    "restore_tokeniser",
]
