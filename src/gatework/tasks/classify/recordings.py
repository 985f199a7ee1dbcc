"""Recordings for a network: standardised values, and where values are missing, what is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

import msgspec
import numpy as np
import torch
from torch import Tensor

from gatework.data.checks import listed
from gatework.data.labelled import Recordings, Sequences
from gatework.data.ragged import Ragged
from gatework.errors import InputError
from gatework.tasks.classify.bags import DenseBag, slopes, summarise
from gatework.tasks.classify.encoding import Encoded, Encoder
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.classify.stepping import binned, choose_step, cut, steps_apart, uneven
from gatework.tasks.settings import Choice

LONGEST: Final = 5_000
_TAIL: Final = 0.005  # values beyond this part at each end are taken for errors of typing
_LEVELS: Final = np.linspace(0, 1, 101)  # of the quantiles kept
_WIDEST: Final = 6.0  # deviations from the mean that a summary counts at most
_SQUARE: Final = 0.5  # of the squares beside them, whose deviation is then 0.7, of a normal score


class Scale(NamedTuple):
    """Constants of columns, float64: low, high, mean, deviation (C,), what to clip to, to subtract
    and to divide by; between them come knots (Q, C), quantiles that become normal scores, or none.

    By rank, measurements that span decades and those that were mistyped are told apart alike.
    """

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    knots: np.ndarray

    @classmethod
    def of(cls, table: np.ndarray, *, clips: bool, ranks: bool) -> "Scale":
        """Learn from (n, C), NaN where missing; a column without values or spread stays."""
        width = table.shape[1]
        low, high = np.full(width, -np.inf), np.full(width, np.inf)
        raw = cls(low, high, np.zeros(width), np.ones(width), np.zeros((0, width)))
        if not len(table):
            return raw
        known = np.where(~np.isfinite(table).any(0), 0.0, table)
        if clips:
            low = np.nanquantile(known, _TAIL, axis=0, method="lower")
            high = np.nanquantile(known, 1 - _TAIL, axis=0, method="higher")
            raw = raw._replace(low=low, high=high)
        if ranks:
            columns = (column[np.isfinite(column)] for column in known.T)
            raw = raw._replace(knots=np.stack([np.quantile(c, _LEVELS) for c in columns], 1))
        scored = raw.apply(known)
        deviation = np.nanstd(scored, 0)
        return raw._replace(
            mean=np.nanmean(scored, 0), deviation=np.where(deviation > 1e-8, deviation, 1.0)
        )

    def apply(self, table: np.ndarray) -> np.ndarray:
        """Return (n, C) around zero, NaN where it was."""
        clipped = np.clip(table, self.low, self.high)
        if len(self.knots) and len(table):
            pairs = zip(clipped.T, self.knots.T, strict=True)
            clipped = np.stack([_normal_scores(column, knots) for column, knots in pairs], 1)
        return (clipped - self.mean) / self.deviation


def _normal_scores(column: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Where values stand among the knots, as a normal deviate; among equal ones in the middle."""
    scores = torch.special.ndtri(torch.from_numpy(_LEVELS.clip(_TAIL, 1 - _TAIL))).numpy()
    below, above = (
        sign * np.interp(sign * column, sign * knots[::sign], sign * scores[::sign])
        for sign in (1, -1)
    )
    return (below + above) / 2


def _summaries(recordings: Recordings, *, decays: bool) -> np.ndarray:
    """(S, F) the summaries of each recording; where steps are uneven, then the slopes."""
    table = summarise(recordings)
    return np.concatenate([table, slopes(recordings)], 1) if decays else table


@final
@dataclass(frozen=True, eq=False)
class RecordingEncoder(Encoder):
    """Makes recordings ready.

    Args:
        features: The names of the values, in order.
        static_names: The names of what does not change.
        decays: Whether a step also says what it has not seen, and for how long.
        summaries: Whether the summaries of a recording stand among its statics; where it decays,
            with slopes, and with squares of all but these.
        timed: Whether the times of the steps are read at all.
        step: Times averaged into one step, or None; without times, how many steps.
        max_length: Steps that a longer recording is cut to.
        gap: What lengths of time are measured in: a usual step.
        values: Constants of the values.
        statics: Constants of the statics.
        bag: Constants of the summaries.
    """

    kind = "recordings"
    features: tuple[str, ...]
    static_names: tuple[str, ...]
    decays: bool
    summaries: bool
    timed: bool
    step: float | None
    max_length: int
    gap: float
    values: Scale
    statics: Scale
    bag: Scale

    @classmethod
    def fit(
        cls, recordings: Recordings, settings: ClassifySettings
    ) -> tuple["RecordingEncoder", list[Choice]]:
        """Learn from recordings, and say what was chosen."""
        step, choices = choose_step(recordings, settings)
        longest = settings.max_length or LONGEST
        clips = recordings.times is not None
        ready = cut(binned(recordings, step), longest)
        if not len(ready.values):
            raise InputError("all recordings are empty: there is nothing to tell them apart by")
        missing = float(np.isnan(ready.values).mean())
        gaps = steps_apart(ready)
        irregular = uneven(gaps)
        decays = missing > 0 or irregular
        reason = f"{missing:.1%} of the values missing" + (", times irregular" if irregular else "")
        choices.append(Choice("missing values as inputs", decays, reason))
        summaries = settings.summaries
        if summaries is None:
            summaries = decays
            choices.append(Choice("summaries", summaries, reason))
        statics = np.zeros((0, 0)) if not ready.static_names else ready.statics
        # Summaries are of every value there is; the network may see them averaged over a step.
        bag = Scale.of(_summaries(recordings, decays=decays), clips=False, ranks=decays)
        encoder = cls(
            ready.features,
            ready.static_names,
            decays,
            summaries,
            irregular,
            step,
            longest,
            float(np.median(gaps)) if irregular and np.median(gaps) > 0 else 1.0,
            Scale.of(ready.values.astype(np.float64), clips=clips, ranks=decays),
            Scale.of(statics.astype(np.float64), clips=clips, ranks=decays),
            bag,
        )
        return encoder, choices

    def encode(self, sequences: Sequences) -> Encoded:
        """Make recordings ready.

        Raises:
            InputError: They are no recordings, or not of the same features.
        """
        if not isinstance(sequences, Recordings):
            raise InputError("this model was fitted on recordings; expected numbers over time")
        self._check(sequences)
        summary = self._summary(sequences)
        ready = binned(sequences, self.step)
        longer = int((ready.lengths > self.max_length).sum())
        ready = cut(ready, self.max_length)
        values = self.values.apply(ready.values.astype(np.float64))
        steps = self._with_gaps(values, ready) if self.decays else np.nan_to_num(values)
        statics = np.zeros((len(ready), 0))
        if self.static_names:
            scaled = self.statics.apply(ready.statics.astype(np.float64))
            statics = np.concatenate([np.nan_to_num(scaled), np.isnan(scaled)], 1)
        if self.summaries:
            statics = np.concatenate([statics, summary], 1)
        return Encoded(
            Ragged(torch.from_numpy(steps.astype(np.float32)), torch.from_numpy(ready.offsets)),
            torch.from_numpy(statics.astype(np.float32)),
            DenseBag(torch.from_numpy(summary.astype(np.float32))),
            longer,
        )

    def step_names(self, sequences: Sequences, place: int) -> list[str]:
        """Return the times of one recording's steps, or their places."""
        assert isinstance(sequences, Recordings)
        one = cut(binned(sequences.take(np.array([place])), self.step), self.max_length)
        times = one.times
        if times is None:
            times = np.arange(len(one.values)) * (self.step or 1)
        return [f"{time:g}" for time in times.tolist()]

    def feature_names(self) -> list[str]:
        """Return a name for each value of a step that the network's LSTM reads."""
        if not self.decays:
            return list(self.features)
        words = ("", ", seen", ", age")
        return [f"{name}{word}" for word in words for name in self.features]

    def _check(self, recordings: Recordings) -> None:
        for wanted, found in (
            (self.features, recordings.features),
            (self.static_names, recordings.static_names),
        ):
            if wanted != found:
                absent = [name for name in wanted if name not in found]
                raise InputError(
                    f"the model was trained on {listed(wanted)}; this data has {listed(found)}"
                    + (f": {listed(absent)} missing" if absent else "")
                )
        if self.timed and recordings.times is None:
            raise InputError("the model was trained on steps with times; this data has none")

    def _summary(self, recordings: Recordings) -> np.ndarray:
        """(S, F) the summaries around zero, 0 where there is none; of ranks, also squares."""
        scaled = self.bag.apply(_summaries(recordings, decays=self.decays)).clip(-_WIDEST, _WIDEST)
        if self.decays:
            # Too high and too low may mean the same: a straight line through ranks cannot say so.
            squares = _SQUARE * (scaled[:, : -len(self.features)] ** 2 - 1)
            scaled = np.concatenate([scaled, squares], 1)
        return np.nan_to_num(scaled)

    def _with_gaps(self, values: np.ndarray, ready: Recordings) -> np.ndarray:
        """(N, 3 V): the last value seen up to each step, whether it is new, and how old the one
        before is."""
        seen = np.isfinite(values)
        count = len(values)
        starts = np.repeat(ready.offsets[:-1], ready.lengths)[:, None]
        place = np.maximum.accumulate(np.where(seen, np.arange(count)[:, None], -1), axis=0)
        known = place >= starts
        columns = np.arange(values.shape[1])
        last = np.where(known, values[np.maximum(place, 0), columns], 0.0)
        times = np.arange(count, dtype=np.float64) if ready.times is None else ready.times
        # The one seen before this step, or the start of the recording.
        before = np.concatenate([np.full((1, values.shape[1]), -1), place[:-1]])
        before = np.maximum(before, starts)
        gap = (times[:, None] - times[before]) / self.gap if count else np.zeros_like(last)
        return np.concatenate([last, seen, np.maximum(gap, 0.0)], 1)

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "features": list(self.features),
            "static_names": list(self.static_names),
            "decays": self.decays,
            "summaries": self.summaries,
            "timed": self.timed,
            "step": self.step,
            "max_length": self.max_length,
            "gap": self.gap,
        }

    def tensors(self) -> dict[str, Tensor]:
        """Return the constants of the columns."""
        scales = {"values": self.values, "statics": self.statics, "bag": self.bag}
        return {
            f"{name}.{field}": torch.from_numpy(np.asarray(column, np.float64))
            for name, scale in scales.items()
            for field, column in scale._asdict().items()
        }

    @classmethod
    def restore(cls, plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "RecordingEncoder":
        """Rebuild from `plain` and `tensors`; raises KeyError and the like if they are damaged."""

        def scale(name: str) -> Scale:
            return Scale(*(tensors[f"{name}.{field}"].numpy() for field in Scale._fields))

        return cls(
            msgspec.convert(plain["features"], tuple[str, ...]),
            msgspec.convert(plain["static_names"], tuple[str, ...]),
            msgspec.convert(plain["decays"], bool),
            msgspec.convert(plain["summaries"], bool),
            msgspec.convert(plain["timed"], bool),
            msgspec.convert(plain["step"], float | None),
            msgspec.convert(plain["max_length"], int),
            msgspec.convert(plain["gap"], float),
            scale("values"),
            scale("statics"),
            scale("bag"),
        )
