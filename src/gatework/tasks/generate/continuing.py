"""A text that can be put aside, in a file too, and gone on with as if it had never stopped."""

import dataclasses
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numpy as np
import torch
from torch import Tensor

from gatework.errors import InputError
from gatework.files import atomic_write
from gatework.models.language import State
from gatework.tasks.generate.cache import Cache
from gatework.tasks.generate.fitted import Fitted
from gatework.tasks.generate.reading import OneReader
from gatework.tasks.generate.recalling import follow
from gatework.tasks.generate.sampling import Sampler
from gatework.tasks.generate.settings import Recall, Sampling
from gatework.tasks.generate.writing import Page, check_length
from gatework.training.weights import decode_tensors, encode_tensors

_TAIL: Final = 8  # numbers in which a character that is not whole yet must have begun
_VERSION: Final = 2
_WEIGHTS: Final = "weights."
_USUAL: Final = Sampling()
_NOTHING: Final = Recall()


class _Told(msgspec.Struct, frozen=True):
    """What of a state is no tensor."""

    version: int
    model: str
    sampling: dict[str, Any]
    recall: dict[str, Any]
    drawn: int
    held: str


@final
class Writing:
    """One text as it grows.

    Args:
        fitted: The model.
        prompt: What comes before.
        sampling: How tokens are drawn.
        recall: What is learnt from the prompt; the cache takes in what is written too.

    Example:
        >>> from gatework.tasks.generate import LanguageModel
        >>> model = LanguageModel(window=16, epochs=1, hidden_size=16).fit(["to be or not. " * 60])
        >>> whole = model.generate("to ", length=20)
        >>> writing = model.start("to ")
        >>> "".join([*writing.write(length=8), *writing.write(length=12)]) == whole
        True
    """

    def __init__(
        self,
        fitted: Fitted,
        prompt: str = "",
        sampling: Sampling = _USUAL,
        recall: Recall = _NOTHING,
    ) -> None:
        primer = fitted.primer(prompt)
        self._fitted, self._recall, self._network = fitted, recall, fitted.network
        if recall.dynamic is not None:
            self._network = follow(fitted, torch.from_numpy(primer), recall.dynamic)
        self._reader = OneReader(self._network)
        self._sampler = Sampler(sampling, 1, fitted.barred)
        self._cache = Cache(recall.cache, recall) if recall.cache else None
        outputs = self._reader.prime(primer[:-1])
        if self._cache is not None:
            self._cache.keep(outputs, torch.from_numpy(primer[1:]))
        self._tail = deque(primer.tolist(), _TAIL)
        self._next = primer[-1:]  # given or drawn, and not read yet
        self._page = Page(fitted.codec, self._tail)

    @property
    def ending(self) -> str:
        """Why `write` ended: "length", "stop" (a stop string came) or "end" (of the document)."""
        return self._page.ending or "length"

    @property
    def sampling(self) -> Sampling:
        """How tokens are drawn; set anew, the draws begin again from its seed."""
        return self._sampler.sampling

    @sampling.setter
    def sampling(self, value: Sampling) -> None:
        recent = self._sampler.recent
        self._sampler = Sampler(value, 1, self._fitted.barred)
        self._sampler.recent = recent

    def write(self, *, length: int, stops: Sequence[str] = ()) -> Iterator[str]:
        """Write on, and give each piece of text when it is there.

        What may be the beginning of a stop string or of a character is held back, and comes with
        the next call, or with `finish`.

        Args:
            length: Tokens to write at most.
            stops: Texts that end it; they are left out.

        Raises:
            InputError: length is below 1, or a stop string is empty.
        """
        check_length(length)
        return self._write(length, self._page.turn(stops, self._page.held))

    def finish(self) -> str:
        """Return what was held back, as it is: nothing more is written."""
        return self._page.finish()

    def read(self, text: str) -> None:
        """Take in a text that comes next, as if it had been written; what was held back is lost."""
        self._page.turn((), "")
        for number in self._fitted.codec.encode(text):
            self._step()
            self._take(np.array([number]))
            self._page.add(int(number))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Keep it in a safetensors file, from which `resume` goes on, bit for bit."""
        file = Path(path)
        h, c, places = self._reader.state
        told = _Told(
            _VERSION,
            _fingerprint(self._fitted),
            msgspec.to_builtins(self.sampling),
            msgspec.to_builtins(self._recall),
            self._sampler.drawn,
            self._page.held,
        )
        tensors = {
            "h": h,
            "c": c,
            "places": places,
            "tail": torch.tensor(self._tail),
            "recent": torch.from_numpy(self._sampler.recent),
            "told": torch.frombuffer(bytearray(msgspec.json.encode(told)), dtype=torch.uint8),
        }
        if self._cache is not None:
            tensors |= {"cache.outputs": self._cache.outputs, "cache.tokens": self._cache.tokens}
        if self._network is not self._fitted.network:
            weights = self._network.state_dict().items()
            tensors |= {f"{_WEIGHTS}{name}": value for name, value in weights}
        with atomic_write(file) as beside:
            beside.write_bytes(encode_tensors(tensors))

    @classmethod
    def resume(cls, fitted: Fitted, path: str | os.PathLike[str]) -> "Writing":
        """Go on from what `save` wrote.

        Raises:
            InputError: The file is not there, is damaged, or is of another model.
        """
        file = Path(path)
        if not file.is_file():
            raise InputError(f"{file} is not there; expected a state that --save-state wrote")
        tensors = decode_tensors(file.read_bytes(), file)
        try:
            told = msgspec.json.decode(tensors["told"].numpy().tobytes(), type=_Told)
            if told.version != _VERSION:
                raise InputError(
                    f"{file} is a state of version {told.version}; expected {_VERSION}"
                )
            if told.model != _fingerprint(fitted):
                raise InputError(f"{file} is a state of another model than this run's")
            writing = cls(fitted, "", Sampling(**told.sampling), _without_dynamic(told.recall))
            writing._restore(tensors, told)
        except (KeyError, TypeError, msgspec.DecodeError) as error:
            raise InputError(f"{file} is no state of a text, or is damaged: {error}") from error
        return writing

    def _restore(self, tensors: dict[str, Tensor], told: _Told) -> None:
        weights = {n.removeprefix(_WEIGHTS): t for n, t in tensors.items() if _WEIGHTS in n}
        if weights:
            self._network = self._fitted.replica()
            self._network.load_state_dict(weights)
            self._reader = OneReader(self._network)
        self._recall = Recall(**told.recall)
        self._reader.state = State(tensors["h"], tensors["c"], tensors["places"])
        self._tail.extend(tensors["tail"].tolist())
        self._next = np.array([self._tail[-1]])
        self._sampler.recent, self._sampler.drawn = tensors["recent"].numpy(), told.drawn
        if self._cache is not None:
            self._cache.outputs, self._cache.tokens = (
                tensors["cache.outputs"],
                tensors["cache.tokens"],
            )
        self._page = Page(self._fitted.codec, self._tail)
        self._page.held = told.held

    def _write(self, length: int, held: str) -> Iterator[str]:
        page, sampler = self._page, self._sampler
        if held:
            yield held
        for _ in range(length):
            if page.ending is not None:
                return
            drawn = sampler.draw(self._step())
            if text := page.add(self._take(drawn)):
                yield text

    def _step(self) -> np.ndarray:
        """Read what comes next; return (1, V) logits of what comes then."""
        logits = self._reader.read(self._next)
        if self._cache is not None:
            self._cache.mix(self._reader.output[0], logits[0])
        return logits

    def _take(self, token: np.ndarray) -> int:
        """Let a token, (1,), be what is read next."""
        self._next, number = token, int(token[0])
        self._tail.append(number)
        if self._cache is not None:
            output = torch.from_numpy(self._reader.output).float()
            self._cache.keep(output, torch.from_numpy(token))
        return number


def _without_dynamic(recall: dict[str, Any]) -> Recall:
    """The weights that followed the text are in the state themselves."""
    return dataclasses.replace(Recall(**recall), dynamic=None)


def _fingerprint(fitted: Fitted) -> str:
    """Tell models apart, by their weights."""
    return hashlib.sha256(encode_tensors(fitted.state)).hexdigest()
