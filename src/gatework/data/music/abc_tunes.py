"""Files of ABC notation as pieces: several tunes each, with their headers and voices.

After the abc music standard 2.1 (abcnotation.com, 2011). Read are notes, rests, chords, ties,
tuplets, broken rhythm, accidentals, keys and modes, repeats and endings, tempo, metre and voices;
grace notes, decorations, chord names and words are left out.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

from gatework.data.music.abc_repeats import Change, Played, unfold
from gatework.data.music.abc_signs import key_signs, length_of, meter_of, tempo_of
from gatework.data.music.abc_voice import Voice
from gatework.data.music.piece import Meter, Note, Piece, Tempo, tidy
from gatework.errors import InputError

_QUARTER: Final = 480  # ticks
_FIELD: Final = re.compile(r"([A-Za-z]):(?![|:])\s*(.*)")
_COMMENT: Final = re.compile(r"(?<!\\)%.*")
_TOLD: Final = ("H", "N")  # fields whose words may go on in lines of their own
_VOICE: Final = re.compile(r"\[V:\s*([^\]\s]+)[^\]]*\]")


class Tune(NamedTuple):
    """The lines of a tune, from its X: on, with their numbers in the file."""

    number: str
    lines: list[tuple[int, str]]


class _Header(NamedTuple):
    key: dict[str, int]
    unit: Fraction
    meter: tuple[int, int] | None
    tempo: float | None
    title: str


def split_tunes(text: str) -> Iterator[Tune]:
    """Give the tunes of a file; a tune ends with an empty line, or where the next begins.

    Lengths, metres and tempos that the file states before the first hold for each.
    """
    common: list[tuple[int, str]] = []
    tune: Tune | None = None
    has_tunes = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("X:"):
            if tune:
                yield tune
            tune, has_tunes = Tune(line[2:].strip(), list(common)), True
        elif tune and not line.strip():
            yield tune
            tune = None
        elif not has_tunes and line[:2] in ("L:", "M:", "Q:"):
            common.append((number, line))
        if tune:
            tune.lines.append((number, line))
    if tune:
        yield tune


def read_tune(tune: Tune, *, name: str = "") -> Piece:
    """Read a tune.

    Args:
        tune: Its lines.
        name: Of the piece, if it has no title.

    Raises:
        InputError: It is damaged; the message tells line and column.

    Example:
        >>> (tune,) = split_tunes("X:1\\nL:1/4\\nK:G\\nGA|Bc|]")
        >>> [note.pitch for note in read_tune(tune).notes]
        [67, 69, 71, 72]
    """
    body = next((at for at, (_, line) in enumerate(tune.lines) if line[:2] == "K:"), None)
    if body is None:
        raise InputError(f"line {tune.lines[-1][0]}: the tune has no key (K:), which ends a header")
    header = _header(tune.lines[: body + 1])
    voices: dict[str, Voice] = {}
    current = ""
    for number, line in tune.lines[body + 1 :]:
        try:
            current = _read_line(line, voices, current, header)
        except InputError as error:
            raise InputError(f"line {number}, {error}") from None
    return _lay_out(header, [list(unfold(voice.symbols)) for voice in voices.values()], name)


def _read_line(line: str, voices: dict[str, Voice], current: str, header: _Header) -> str:
    """Read a line of the body into its voice, and return which voice goes on."""
    text = _COMMENT.sub("", line).rstrip()
    field = _FIELD.match(text)
    if text.startswith("+:"):  # more words
        return current
    if field and field[1] != "V":
        for voice in voices.values() if field[1] in "KLMQ" else ():
            voice.change(field[1], field[2])
        return current
    if field:
        text = f"[V:{field[2]}]"
    at = 0
    for switch in [*_VOICE.finditer(text), None]:
        piece = text[at : switch.start() if switch else len(text)]
        if piece.strip():
            if current not in voices:
                voices[current] = Voice(header.key, header.unit, header.meter)
            # Blanks in place of what was before, so that columns stay true.
            voices[current].read(" " * at + piece)
        if switch:
            current, at = switch[1], switch.end()
    return current


def _header(lines: list[tuple[int, str]]) -> _Header:
    fields: dict[str, str] = {}
    last = ""
    for number, line in lines:
        field = _FIELD.match(_COMMENT.sub("", line).rstrip())
        if field and (field[1] != "T" or "T" not in fields):
            fields[field[1]] = field[2]
        elif not (field or last in _TOLD or not line.strip() or line.startswith(("%", "+:"))):
            raise InputError(f"line {number}: {line[:20]!r} in the header is no field such as T:")
        last = field[1] if field else last
    try:
        meter = meter_of(fields.get("M", ""))
        # The standard's rule: sixteenths in metres under 3/4.
        is_short = meter is not None and Fraction(*meter) < Fraction(3, 4)
        unit = Fraction(1, 16 if is_short else 8)
        if "L" in fields:
            unit = length_of(fields["L"])
        tempo = tempo_of(fields["Q"], unit) if "Q" in fields else None
        return _Header(key_signs(fields["K"]), unit, meter, tempo, fields.get("T", ""))
    except InputError as error:
        raise InputError(f"line {lines[-1][0]}, header: {error}") from None


def _lay_out(header: _Header, voices: list[list[Played]], name: str) -> Piece:
    """Place what is played in time."""
    notes: list[Note] = []
    tempos = {0: header.tempo} if header.tempo else {}
    meters = {0: header.meter} if header.meter else {}
    for played in voices:
        now = Fraction(0)
        tied: dict[int, Fraction] = {}  # pitches that sound on, and since when
        for symbol in played:
            if isinstance(symbol, Change):
                if symbol.tempo:
                    tempos[_ticks(now)] = symbol.tempo
                if symbol.meter:
                    meters[_ticks(now)] = symbol.meter
                continue
            begun = {pitch: tied.get(pitch, now) for pitch in symbol.pitches}
            # What is tied to nothing ends where it was written to.
            notes += [_note(p, since, now) for p, since in tied.items() if p not in begun]
            now += symbol.length
            tied = {pitch: begun[pitch] for pitch in symbol.tied}
            notes += [_note(p, since, now) for p, since in begun.items() if p not in tied]
        notes += [_note(pitch, since, now) for pitch, since in tied.items()]
    return Piece(
        tidy(notes),
        _QUARTER,
        tuple(Tempo(tick, tempos[tick]) for tick in sorted(tempos)),
        tuple(Meter(tick, *meters[tick]) for tick in sorted(meters)),
        header.title or name,
    )


def read_abc(path: Path) -> list[tuple[str, Piece | InputError]]:
    """Read a file: what each tune is called, and the tune, or why it cannot be read.

    Raises:
        InputError: There is no tune in it.
    """
    try:
        # All signs of music are ASCII: what else there is can only be in a title.
        text = path.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    tunes = list(split_tunes(text))
    if not tunes:
        raise InputError(f"{path} has no tune: no line begins with X:")
    found: list[tuple[str, Piece | InputError]] = []
    for tune in tunes:
        called = f"{path}, X:{tune.number}" if len(tunes) > 1 else str(path)
        try:
            found.append((called, read_tune(tune, name=path.stem)))
        except InputError as error:
            found.append((called, InputError(f"{called}, {error}")))
    return found


def _note(pitch: int, since: Fraction, until: Fraction) -> Note:
    start = _ticks(since)
    return Note(start, max(_ticks(until) - start, 1), pitch)


def _ticks(time: Fraction) -> int:
    return round(time * 4 * _QUARTER)
