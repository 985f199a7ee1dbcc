"""From the plain data that a tokeniser was saved as to the tokeniser."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gatework.data.text.subwords import Subwords
from gatework.data.text.tokenisers import Bytes, Characters, Tokeniser, Words
from gatework.errors import InputError

KINDS: Final = (Words.kind, Characters.kind, Bytes.kind, Subwords.kind)


def restore_tokeniser(plain: Mapping[str, Any]) -> Tokeniser:
    """Return the tokeniser that `plain` was made of.

    Raises:
        InputError: It is of no known kind, or lacks a value.
    """
    values = {name: value for name, value in plain.items() if name != "kind"}
    try:
        match plain.get("kind"):
            case Words.kind:
                return msgspec.convert(values, Words)
            case Characters.kind:
                return Characters()
            case Bytes.kind:
                return Bytes()
            case Subwords.kind:
                return Subwords.of(values["model"])
    except (KeyError, msgspec.ValidationError) as error:
        raise InputError(f"the saved tokeniser is damaged: {error}") from error
    raise InputError(f"tokeniser {plain.get('kind')!r} is not known; expected one of {KINDS}")
