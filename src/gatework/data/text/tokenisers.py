"""Where a text is cut: into words, characters or bytes. Any text is legal, the empty one too."""

import abc
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

# Signs of scripts that are written without spaces stand alone, as words of their own; then the
# endings that treebanks cut off ('s, 're); then words and numbers with their inner hyphens, points
# and apostrophes; then any sign, repeated or not.
_WORD: Final = re.compile(
    r"[\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|['\u2019](?:s|m|re|ve|ll|d|t)\b"
    r"|\w+(?:[-'\u2019.,]\w+)*"
    r"|([^\w\s])\1*",
    re.IGNORECASE,
)


class Tokeniser(abc.ABC):
    """Cuts texts into tokens, always in the same way."""

    kind: ClassVar[str]

    @abc.abstractmethod
    def tokens(self, text: str) -> list[str]:
        """Return the tokens of a text, in order."""

    @abc.abstractmethod
    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return for each token where it starts and ends in the text, in characters."""

    @abc.abstractmethod
    def plain(self) -> dict[str, Any]:
        """Return plain values from which `restore` makes the same tokeniser."""


@final
@dataclass(frozen=True)
class Words(Tokeniser):
    """Words, numbers and signs, by one regular expression over Unicode.

    Args:
        lower: Whether capitals are told from small letters no more.

    Example:
        >>> Words().tokens("It 's 3.5 hours, really...")
        ['it', "'s", '3.5', 'hours', ',', 'really', '...']
        >>> Words(lower=False).spans("Hi you")
        [(0, 2), (3, 6)]
    """

    kind = "words"
    lower: bool = True

    def tokens(self, text: str) -> list[str]:
        """Return the words."""
        found = [match[0] for match in _WORD.finditer(text)]
        return [word.lower() for word in found] if self.lower else found

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each word is."""
        return [match.span() for match in _WORD.finditer(text)]

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind, "lower": self.lower}


@final
@dataclass(frozen=True)
class Characters(Tokeniser):
    """Every Unicode code point, spaces too.

    Example:
        >>> Characters().tokens("née")
        ['n', 'é', 'e']
    """

    kind = "characters"

    def tokens(self, text: str) -> list[str]:
        """Return the characters."""
        return list(text)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each is."""
        return [(at, at + 1) for at in range(len(text))]

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind}


@final
@dataclass(frozen=True)
class Bytes(Tokeniser):
    """The bytes of the text in UTF-8, each written as the character of that number: never unknown.

    Example:
        >>> Bytes().tokens("né"), Bytes().spans("né")
        (['n', 'Ã', '©'], [(0, 1), (1, 2), (1, 2)])
    """

    kind = "bytes"

    def tokens(self, text: str) -> list[str]:
        """Return the bytes."""
        return list(text.encode("utf-8", "surrogatepass").decode("latin-1"))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the character of each is."""
        sizes = (len(sign.encode("utf-8", "surrogatepass")) for sign in text)
        return [(at, at + 1) for at, size in enumerate(sizes) for _ in range(size)]

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind}
