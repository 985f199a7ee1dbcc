"""Looking inside: what a model wrote into its memory, when, how long it kept it, why it answered.

It reads models, layers and traces. It must not know any task, nor the command line.
"""

from gatework.inspector.checkpoint import layers_of
from gatework.inspector.inspection import Inspection, Labels
from gatework.inspector.record import Recorder, recording, require_same_model, trace
from gatework.inspector.trace import PassTrace, Recording, SequencePass, Trace
from gatework.inspector.words import label

__all__ = [
    "Inspection",
    "Labels",
    "PassTrace",
    "Recorder",
    "Recording",
    "SequencePass",
    "Trace",
    "label",
    "layers_of",
    "recording",
    "require_same_model",
    "trace",
]
