"""A piece as sound: struck strings that ring and die away, mixed and limited softly."""

import io
import wave
from pathlib import Path
from typing import Final

import numpy as np

from gatework.data.music.piece import Piece
from gatework.errors import InputError
from gatework.files import write_bytes

RATE: Final = 44_100
_HARMONICS: Final = (1.0, 0.5, 0.32, 0.18, 0.1, 0.06, 0.03)  # amplitudes of a string's overtones
_ATTACK: Final = 0.006  # seconds until a note is there
_RELEASE: Final = 0.12  # and until it is gone after its end
_RING: Final = 1.6  # seconds in which middle C falls to 1 / e; lower strings ring longer
_LEVEL: Final = 0.22  # of one loud note


def write_wav(path: Path, piece: Piece, *, rate: int = RATE, most: float | None = None) -> None:
    """Write a piece as a WAV file, 16 bit, mono, all of it or nothing.

    Args:
        path: Where to.
        piece: The notes.
        rate: Samples a second.
        most: Seconds at most, faded out at the end; None is all.
    """
    write_bytes(path, wav_bytes(piece, rate=rate, most=most))


def wav_bytes(piece: Piece, *, rate: int = RATE, most: float | None = None) -> bytes:
    """Return a piece as the content of a WAV file.

    Example:
        >>> from gatework.data.music import Note
        >>> data = wav_bytes(Piece((Note(0, 480, 60),)), rate=8_000)
        >>> data[:4], data[8:12]
        (b'RIFF', b'WAVE')
    """
    samples = np.round(render(piece, rate=rate, most=most) * 32_767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def render(piece: Piece, *, rate: int = RATE, most: float | None = None) -> np.ndarray:
    """Return (N,) float32 samples between -1 and 1.

    A string is a damped oscillation w(t) = exp((2 pi i f - 1 / tau) t), and its n-th overtone the
    n-th power of it: higher ones die away sooner, as on a piano.

    Args:
        piece: The notes.
        rate: Samples a second, 4,000 or more.
        most: Seconds at most, faded out at the end; None is all.

    Raises:
        InputError: The rate is too low for music.
    """
    if rate < 4_000:
        raise InputError(f"rate is {rate}; expected 4,000 samples a second or more")
    starts = piece.seconds(note.start for note in piece.notes)
    ends = piece.seconds(note.start + note.length for note in piece.notes)
    whole = float(ends.max(initial=0.0)) + _RELEASE
    seconds = whole if most is None else min(whole, most)
    mix = np.zeros(int(np.ceil(seconds * rate)) + 1, np.float32)
    release = int(_RELEASE * rate)
    damping = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, release, dtype=np.float32))
    pitches = np.array([note.pitch for note in piece.notes])
    strength = np.array([_LEVEL * (note.velocity / 127) ** 1.5 for note in piece.notes])
    for pitch in np.unique(pitches):
        which = np.nonzero(pitches == pitch)[0]
        string = _string(int(pitch), float((ends - starts)[which].max()), rate)
        for place in which:
            first = round(starts[place] * rate)
            size = max(round((ends - starts)[place] * rate), 1) + release
            sound = string[:size] * np.float32(strength[place])
            sound[-release:] *= damping
            room = mix[first : first + len(sound)]
            room += sound[: len(room)]
    if seconds < whole:
        fade = min(rate, len(mix))
        mix[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    # Nearly straight where it is soft, and never beyond 1 where many notes sound together.
    return np.tanh(1.4 * mix) * np.float32(0.95)


def _string(pitch: int, seconds: float, rate: int) -> np.ndarray:
    """A string of full strength that nobody damps, for so many seconds and the time to damp it."""
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    ring = _RING * 2 ** ((60 - pitch) / 24)
    time = np.arange(int((seconds + _RELEASE) * rate) + 2) / rate
    tone = np.exp((2j * np.pi * frequency - 1 / ring) * time)
    # What is above half of the rate would come back as a wrong tone.
    heard = [level for n, level in enumerate(_HARMONICS, 1) if n * frequency < 0.45 * rate]
    total = np.zeros_like(tone)
    for level in reversed(heard):
        total = (total + level) * tone
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(time / _ATTACK, 0, 1))
    return (np.imag(total) * rise).astype(np.float32)
