"""Word vectors from outside as the start of a network's own."""

from pathlib import Path

import torch

from gatework.data.text import Words
from gatework.data.vectors import Vectors, read_vectors
from gatework.errors import InputError
from gatework.models.classifier import ClassifierEnsemble
from gatework.tasks.classify.encoding import Encoder, TextEncoder
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.settings import Choice


def read_outside(encoder: Encoder, settings: ClassifySettings) -> Vectors | None:
    """Read the vectors the user named, if any.

    Raises:
        InputError: There is no such file, it cannot be read, the data is no text in words, or the
            vectors are of another width than asked for.
    """
    if settings.vectors is None:
        return None
    if not isinstance(encoder, TextEncoder) or not isinstance(encoder.tokeniser, Words):
        raise InputError("vectors are of words; this data is not cut into words")
    path = Path(settings.vectors)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    lower = encoder.tokeniser.lower
    found = read_vectors(path, encoder.vocabulary.words, str.lower if lower else str)
    width = found.values.shape[1]
    if settings.embedding_size not in (None, width):
        raise InputError(
            f"embedding_size is {settings.embedding_size}, but the vectors of {path.name} have "
            f"{width} values"
        )
    return found


def start_from(model: ClassifierEnsemble, encoder: TextEncoder, vectors: Vectors) -> Choice:
    """Set the vectors of the words that the network knows; return how many were found."""
    places = {word: place for place, word in enumerate(vectors.words)}
    numbers = encoder.vocabulary.numbers
    known = [(n, places[w]) for w, n in numbers.items() if n < encoder.known and w in places]
    if known:
        rows, sources = (torch.tensor(each) for each in zip(*known, strict=True))
        for member in model.members:
            with torch.no_grad():
                member.get_submodule("embedding").get_parameter("weight")[rows] = vectors.values[
                    sources
                ]
    total = encoder.known - (len(encoder.vocabulary) - len(encoder.vocabulary.words))
    return Choice("vectors", f"{len(known):,} words", f"of {total:,} that the network knows")
