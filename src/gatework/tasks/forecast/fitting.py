"""From a panel to fitted networks, and from those to quantiles."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from gatework.data.panel import Panel
from gatework.data.store import WindowSpec, build_store
from gatework.data.windows import WindowBatch, Windows
from gatework.errors import InputError
from gatework.models.forecaster import LEVELS, ForecastEnsemble, NetworkShape, pinball
from gatework.tasks.forecast.calibration import (
    calibrate,
    calibrate_by_base,
    interpolate_levels,
    widened,
)
from gatework.tasks.forecast.choices import LITTLE, Effort, choose_base, choose_effort, choose_spec
from gatework.tasks.forecast.members import rehearsals, split_for_members, training_windows
from gatework.tasks.forecast.settings import ForecastSettings
from gatework.tasks.settings import Choice
from gatework.tasks.threads import one_thread
from gatework.training import History, Progress, TrainSettings, train

_SAMPLE: Final = 2_000  # windows that constants are estimated from
_CHUNK: Final = 1_024  # windows predicted at once


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """Fitted networks; makes quantiles for any panel of the same frequency, seen in training or
    not.

    Args:
        spec: How windows are cut and scaled.
        shape: What the weights' shapes follow from.
        model: The networks, in eval mode.
        stretch: Factor for each of `LEVELS` on its distance from the median.
        choices: What was chosen from the data, and why.
        history: How the training went; None for one that was loaded.
    """

    spec: WindowSpec
    shape: NetworkShape
    model: ForecastEnsemble
    stretch: tuple[float, ...]
    choices: tuple[Choice, ...] = ()
    history: History | None = None

    def quantiles(
        self,
        panel: Panel,
        cutoffs: Sequence[tuple[int, int]] | np.ndarray,
        levels: Sequence[float],
        horizon: int | None = None,
    ) -> np.ndarray:
        """Return forecasts in the data's own units.

        Args:
            panel: The history; of each series only what lies before a window's cutoff is read.
            cutoffs: (W, 2) for each window the position of its series in the panel, and how
                many of that series' stamps are known. That number may be the series' length.
            levels: L quantile levels between 0 and 1, both excluded.
            horizon: Steps wanted, at most the horizon trained for. None is all.

        Returns:
            (W, horizon, L) float64; non-decreasing along the levels if these are.

        Raises:
            InputError: A cutoff, level or horizon is out of range.
        """
        horizon = self.spec.horizon if horizon is None else horizon
        cuts = np.asarray(cutoffs, np.int64)
        self._check(panel, cuts, levels, horizon)
        where = torch.from_numpy(cuts)
        with one_thread():
            windows = Windows(build_store(panel, self.spec), self.spec, where[:, 0], where[:, 1])
            chunks = torch.arange(len(where)).split(_CHUNK)
            parts = [self._predict(windows.load(chunk)) for chunk in chunks]
        grid = np.concatenate([*parts, np.empty((0, self.spec.horizon, len(LEVELS)))])[:, :horizon]
        values = interpolate_levels(grid, levels)
        return np.exp(values) if self.spec.log else values

    def _predict(self, batch: WindowBatch) -> np.ndarray:
        """(B, H, Q) on the scale the network works on: logarithms stay logarithms."""
        with torch.inference_mode():
            answer = widened(self.model(batch.past, batch.future), self.stretch)
        scaled = (answer + batch.base[..., None]).double()
        values = batch.level[:, None] + batch.scale[:, None] * scaled
        return values.transpose(0, 1).numpy()

    def _check(
        self, panel: Panel, cutoffs: np.ndarray, levels: Sequence[float], horizon: int
    ) -> None:
        if not 1 <= horizon <= self.spec.horizon:
            raise InputError(
                f"horizon is {horizon}; this model was trained for 1 to {self.spec.horizon}"
            )
        wrong = [level for level in levels if not 0 < level < 1]
        if wrong:
            raise InputError(f"quantile level {wrong[0]} is not between 0 and 1")
        if cutoffs.ndim != 2 or cutoffs.shape[1] != 2:
            raise InputError(f"cutoffs have shape {cutoffs.shape}; expected (windows, 2)")
        for series, known in cutoffs:
            if not 0 <= series < len(panel):
                raise InputError(f"cutoff of series {series}; the panel has {len(panel)}")
            if not 1 <= known <= len(panel.series[series]):
                raise InputError(
                    f'cutoff after {known} stamps of series "{panel.series[series].id}"; '
                    f"expected 1 to {len(panel.series[series])}"
                )

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which `from_saved` rebuilds all but the weights."""
        return {
            "version": 1,
            "spec": asdict(self.spec),
            "shape": asdict(self.shape),
            "stretch": list(self.stretch),
            "choices": [choice._asdict() for choice in self.choices],
        }

    @property
    def state(self) -> dict[str, Tensor]:
        """The weights and constants of the networks, by name."""
        return self.model.state_dict()

    @classmethod
    def from_saved(cls, config: Mapping[str, Any], state: Mapping[str, Tensor]) -> "Fitted":
        """Rebuild from `config` and `state`.

        Raises:
            InputError: They are of another version, or do not belong together.
        """
        if config.get("version") != 1:
            raise InputError(f"saved forecaster is of version {config.get('version')}; expected 1")
        try:
            spec, shape = WindowSpec(**config["spec"]), NetworkShape(**config["shape"])
            choices = tuple(Choice(**choice) for choice in config["choices"])
            stretch = tuple(map(float, config["stretch"]))
            model = ForecastEnsemble(shape)
            model.load_state_dict(dict(state))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"the saved forecaster is damaged: {error}") from error
        return cls(spec, shape, model.eval(), stretch, choices)


def fit_networks(
    panel: Panel,
    settings: ForecastSettings,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Fit an ensemble of quantile forecasters to all series of a panel at once.

    Args:
        panel: The history to learn from; all of it is used.
        settings: What the user chose.
        folder: Where the training keeps what resuming needs. None keeps nothing.
        progress: Where to show how far it is.

    Raises:
        InputError: No series is long enough, or a series has no value.
    """
    with one_thread():
        return _fit(panel, settings, folder, progress)


def _fit(
    panel: Panel, settings: ForecastSettings, folder: Path | None, progress: Progress | None
) -> Fitted:
    spec, choices = choose_spec(panel, settings)
    store = build_store(panel, spec)
    series, origins = training_windows(store, spec)
    split, reason = split_for_members(series, origins, store, spec, settings)
    generator = torch.Generator().manual_seed(settings.seed)
    sample = torch.randperm(len(origins), generator=generator)[:_SAMPLE]
    base, why = choose_base(Windows(store, spec, series, origins), sample)
    spec = replace(spec, base=base)
    stamps = int(store.known.sum())
    effort, effort_choices = choose_effort(stamps, len(origins), settings)
    little = not split.held and settings.calibrate is not False and stamps < LITTLE
    rehearsal = rehearsals(series, origins, store, spec) if little else None
    if rehearsal is not None:
        reason = f"by {len(rehearsal.held)} networks that knew only earlier parts of the history"
        if settings.time_budget is not None:
            settings = replace(settings, time_budget=settings.time_budget / 2)
    elif little:
        reason += "; by the errors of the simple forecast"
    calibrated = little or bool(split.held)
    choices += [Choice("base", base, why), Choice("calibrate", calibrated, reason)]

    def source(pools: Sequence[Tensor]) -> Windows:
        return Windows(store, spec, series, origins, pools=pools, batch_size=effort.batch_size)

    windows = source(split.pools)
    training = _Training(settings, effort, windows.load(sample), progress)
    model, shape, history = training.run(windows, folder, "training")
    stretch = (1.0,) * len(LEVELS)
    if split.held:
        stretch = calibrate(model, windows, split.held, generator)
    elif rehearsal is not None:
        earlier = source(rehearsal.pools)
        where = folder / "rehearsal" if folder else None
        rehearsed, *_ = training.run(earlier, where, "rehearsal for the intervals")
        stretch = calibrate(rehearsed, earlier, rehearsal.held, generator, mirrored=True)
    elif little:
        stretch = calibrate_by_base(model, windows, generator)
    return Fitted(spec, shape, model, stretch, (*choices, *effort_choices), history)


@final
@dataclass(frozen=True, eq=False)
class _Training:
    """How all networks of a fit are trained; `example` has windows to take constants from."""

    settings: ForecastSettings
    effort: Effort
    example: WindowBatch
    progress: Progress | None

    def run(
        self, source: Windows, folder: Path | None, title: str
    ) -> tuple[ForecastEnsemble, NetworkShape, History]:
        """Train one network for each pool of the source; they are left in eval mode."""
        settings, example = self.settings, self.example
        shape = NetworkShape(
            past_size=example.past.shape[-1],
            future_size=example.future.shape[-1],
            hidden_size=self.effort.hidden_size,
            num_layers=settings.num_layers,
            members=len(source.pools),
            dropout=settings.dropout,
        )
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            model = ForecastEnsemble(shape)
        model.standardise(example.past, example.future)
        history = train(
            model,
            source,
            lambda network, batch: pinball(network(batch.past, batch.future), batch.target),
            settings=TrainSettings(
                max_steps=self.effort.steps,
                time_budget=settings.time_budget,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                schedule="one_cycle",
                warmup=0.1,
                seed=settings.seed,
            ),
            folder=folder,
            progress=self.progress,
            title=title,
        )
        return model.eval(), shape, history
