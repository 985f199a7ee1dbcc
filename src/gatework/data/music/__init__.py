"""Music as notes: read from MIDI and ABC, written as MIDI and sound, drawn as a piano roll.

Knows nothing of models: what a network reads and writes are the numbers of `events`.
"""

from gatework.data.music.piece import Meter, Note, Piece, Tempo

__all__ = ["Meter", "Note", "Piece", "Tempo"]
