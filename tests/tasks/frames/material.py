"""Sequences of frames made for tests: chords that follow each other, and a hand that writes."""

import math

import numpy as np

SMALL = {
    "hidden_size": 24,
    "head_size": 16,
    "dropout": 0.0,
    "learning_rate": 0.02,
    "batch_size": 4,
    "epochs": 20,
}
CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))  # I IV V I
KEYS = 88


def cadences(pieces: int, *, seed: int = 0, frames: int = 24) -> list[np.ndarray]:
    """Cadences in keys drawn at random, over and over: (T, 88) frames of three keys."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(pieces):
        root = 36 + int(random.integers(0, 5))
        roll = np.zeros((frames, KEYS), np.float32)
        for step in range(frames):
            roll[step, [root + each for each in CHORDS[step % len(CHORDS)]]] = 1
        found.append(roll)
    return found


def strokes(lines: int, *, seed: int = 0, letters: int = 6) -> list[np.ndarray]:
    """Lines of letters, each an arch or a loop as a hand writes them: (T, 3) of dx, dy, up."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(lines):
        steps: list[tuple[float, float, float]] = []
        for _ in range(letters):
            size, loops = 0.8 + 0.4 * random.random(), random.random() < 0.5
            turn = 2 * math.pi if loops else math.pi
            angles = np.linspace(math.pi, math.pi - turn, 12)
            path = size * np.stack([np.cos(angles) + 0.2 * (math.pi - angles), np.sin(angles)], 1)
            moves = np.diff(path, axis=0) + 0.01 * random.standard_normal((len(path) - 1, 2))
            steps += [(x, y, 0.0) for x, y in moves[:-1]] + [(*moves[-1], 1.0)]
            steps.append((0.5, -float(path[-1, 1] - path[0, 1]), 0.0))  # to the next letter
        found.append(np.array(steps, np.float32))
    return found
