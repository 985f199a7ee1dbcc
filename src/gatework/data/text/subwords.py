"""Subwords by sentencepiece, learnt from the texts: the only file that imports it."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

from gatework.data.text.tokenisers import Tokeniser
from gatework.errors import InputError


@final
@dataclass(frozen=True, eq=False)
class Subwords(Tokeniser):
    """Pieces of words of a unigram model (Kudo 2018, arXiv:1804.10959); rare signs become bytes.

    Args:
        model: What sentencepiece saves.
        processor: Its reader of that model.
    """

    kind = "subwords"
    model: bytes
    processor: Any

    @classmethod
    def learn(cls, texts: Iterable[str], *, size: int) -> "Subwords":
        """Learn at most `size` pieces from texts; the same texts give the same pieces.

        Raises:
            InputError: The texts hold nothing to learn from, or sentencepiece is not installed.
        """
        trainer = _sentencepiece().SentencePieceTrainer
        kept = [text for text in texts if text.strip()]
        if not kept:
            raise InputError("all texts are empty: there are no subwords to learn")
        written = io.BytesIO()
        try:
            trainer.train(
                sentence_iterator=iter(kept),
                model_writer=written,
                vocab_size=size,
                hard_vocab_limit=False,
                byte_fallback=True,
                num_threads=1,
                max_sentence_length=1_000_000,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise InputError(f"no subwords could be learnt: {error}") from error
        return cls._of(written.getvalue())

    @classmethod
    def of(cls, model: str) -> "Subwords":
        """Restore from the `model` of `plain`.

        Raises:
            InputError: It is damaged, or sentencepiece is not installed.
        """
        try:
            return cls._of(base64.b64decode(model, validate=True))
        except InputError:
            raise
        except (ValueError, RuntimeError) as error:
            raise InputError(f"the saved subwords are damaged: {error}") from error

    @classmethod
    def _of(cls, model: bytes) -> "Subwords":
        return cls(model, _sentencepiece().SentencePieceProcessor(model_proto=model))

    def tokens(self, text: str) -> list[str]:
        """Return the pieces; a space is written as part of the piece after it."""
        return self.processor.encode(text, out_type=str)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each piece is; of the bytes of a rare sign all but the last are empty."""
        return list(self.processor.encode(text, return_type="offset_mapping")["offsets"])

    def plain(self) -> dict[str, Any]:
        """Return plain values; the model as base64."""
        return {"kind": self.kind, "model": base64.b64encode(self.model).decode("ascii")}


def _sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise InputError(
            "subwords need sentencepiece: `pip install gatework[text]`, or choose another tokeniser"
        ) from error
    return sentencepiece
