"""Frames of numbers and what may come next: an LSTM stack under a head for each kind of frame."""

from gatework.models.frames.head import AbstractHead, Covariance, FrameShape, Kind
from gatework.models.frames.network import FrameNetwork, FrameRegularisation, State

__all__ = [
    "AbstractHead",
    "Covariance",
    "FrameNetwork",
    "FrameRegularisation",
    "FrameShape",
    "Kind",
    "State",
]
