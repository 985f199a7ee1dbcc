"""The score table: Gatework beside the naive rules, and the sentence that says who won."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from gatework.tasks.columns import in_columns

MODEL = "gatework"


class IntervalScore(NamedTuple):
    """How one interval did: level and coverage in percent, width in units of the data, MSIS."""

    level: float
    coverage: float
    width: float
    msis: float


class Duel(NamedTuple):
    """Gatework against the best naive rule on one metric; lower wins."""

    metric: str
    score: float
    rival: str
    rival_score: float


@dataclass(frozen=True)
class MethodScores:
    """The row of one method in the score table; NaN where a score is undefined.

    `mase_step` is MASE over the error of taking the step before: m = 1, as many papers have it.
    """

    name: str
    mase: float
    mase_step: float
    smape: float
    rmse: float
    mae: float
    wql: float
    intervals: tuple[IntervalScore, ...]


@dataclass(frozen=True)
class Scores:
    """The score table of a back-test: Gatework first, the naive rules beside it.

    Args:
        methods: One row a method.
        lag: The m of MASE.
        horizon: Steps a window.
        windows: How many windows were judged.
        unscaled: Windows whose history never changes at lag m: they are in no average of MASE.
        seen: Whether the model was trained on these very targets, so that its row flatters.
    """

    methods: tuple[MethodScores, ...]
    lag: int
    horizon: int
    windows: int
    unscaled: int = 0
    seen: bool = False

    def duel(self) -> Duel | None:
        """Set Gatework against the best of the naive rules; None where nothing could be scored.

        They meet on MASE, or on MAE where MASE is undefined.
        """
        model, *rivals = self.methods
        metric = "mase" if math.isfinite(model.mase) else "mae"
        known = [rival for rival in rivals if math.isfinite(getattr(rival, metric))]
        if not math.isfinite(getattr(model, metric)) or not known:
            return None
        best = min(known, key=lambda rival: getattr(rival, metric))
        return Duel(metric.upper(), getattr(model, metric), best.name, getattr(best, metric))

    def verdict(self) -> str:
        """Say in one sentence who won."""
        duel = self.duel()
        if duel is None:
            return "No verdict: nothing in the hold-out could be scored."
        figures = f"{duel.metric} {number(duel.score)} against {number(duel.rival_score)}"
        if self.seen:
            figures += ", on values it was trained on"
        if duel.score < duel.rival_score:
            gain = 100.0 * (1.0 - duel.score / duel.rival_score)
            return f"Gatework beats {spoken(duel.rival)} by {gain:.0f} % ({figures})."
        if duel.score == duel.rival_score:
            return f"Gatework and {spoken(duel.rival)} tie ({figures})."
        return f"Gatework loses to {spoken(duel.rival)} ({figures}): prefer the naive rule here."

    def records(self) -> list[dict[str, str | float]]:
        """Return one flat row a method, for any data frame.

        Example:
            >>> band = IntervalScore(80, 79.0, 4.0, 2.0)
            >>> row = MethodScores("gatework", 0.5, 0.3, 3.0, 2.0, 1.5, 0.1, (band,))
            >>> list(Scores((row,), lag=1, horizon=3, windows=2).records()[0])
            ['method', 'mase', 'smape', 'rmse', 'mae', 'wql', 'coverage-80', 'width-80', 'msis-80']
        """
        rows = []
        for method in self.methods:
            row: dict[str, str | float] = {"method": method.name}
            row |= {name: getattr(method, name) for name in self.metrics()}
            for item in method.intervals:
                row[f"coverage-{item.level:g}"] = item.coverage
                row[f"width-{item.level:g}"] = item.width
                row[f"msis-{item.level:g}"] = item.msis
            rows.append(row)
        return rows

    def metrics(self) -> dict[str, str]:
        """Return the error metrics of the table and their heads; lower is better for each."""
        heads = {"mase": f"MASE (m={self.lag})", "mase_step": "MASE (m=1)"}
        if self.lag == 1:
            del heads["mase_step"]
        return heads | {"smape": "sMAPE %", "rmse": "RMSE", "mae": "MAE", "wql": "wQL"}

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the header and the rows, one a method, of the table as people read it."""
        bands = (f"in {item.level:g} % band" for item in self.methods[0].intervals)
        header = ("", *self.metrics().values(), *bands)
        return header, [self._row(method) for method in self.methods]

    def _row(self, method: MethodScores) -> tuple[str, ...]:
        figures = (number(getattr(method, name)) for name in self.metrics())
        covered = (
            f"{x.coverage:.0f} %" if math.isfinite(x.coverage) else "n/a" for x in method.intervals
        )
        return (spoken(method.name), *figures, *covered)

    def __str__(self) -> str:
        # One column a method: that fits a narrow terminal, whatever the number of metrics.
        header, rows = self.table()
        return "\n".join(
            [*in_columns(zip(header, *rows, strict=True)), *self.remarks(), self.verdict()]
        )

    def remarks(self) -> tuple[str, ...]:
        """Return what a reader of the table must know."""
        plural = "s" if self.windows != 1 else ""
        remarks = [f"{self.windows} window{plural} of {self.horizon} steps."]
        if self.unscaled:
            remarks.append(
                f"MASE is undefined for {self.unscaled} of them: "
                f"their history never changes at lag {self.lag}."
            )
        if self.seen:
            remarks.append("The model was trained on these values: its row flatters it.")
        return tuple(remarks)


def number(value: float) -> str:
    """Write a score or a value with as many digits as matter; `undefined` for NaN.

    Example:
        >>> [number(value) for value in (1234567.0, 12.345, 0.5, 0.00123456, 0.0)]
        ['1,234,567', '12.35', '0.500', '0.00123', '0.000']
    """
    if not math.isfinite(value):
        return "undefined"
    size = abs(value)
    if size >= 1e12 or 0 < size < 0.1:
        return f"{value:#.3g}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 100 else f"{value:.2f}" if size >= 10 else f"{value:.3f}"


def spoken(name: str) -> str:
    """Return a method's name for people: `seasonal-naive` becomes `seasonal naive`."""
    return "Gatework" if name == MODEL else name.replace("-", " ")
