"""From a panel to fitted networks, and from those to quantiles."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from gatework.data.panel import Panel
from gatework.data.store import BASES, Store, WindowSpec, build_store
from gatework.data.windows import WindowBatch, Windows
from gatework.errors import InputError
from gatework.models.forecaster import LEVELS, ForecastEnsemble, NetworkShape, pinball
from gatework.tasks.forecast.calibration import (
    calibrate,
    calibrate_by_base,
    interpolate_levels,
    widened,
)
from gatework.tasks.forecast.choices import SMALL, choose_effort, choose_spec
from gatework.tasks.forecast.members import split_for_members
from gatework.tasks.forecast.settings import Choice, ForecastSettings
from gatework.training import History, Progress, TrainSettings, train

_SAMPLE: Final = 2_000  # windows that constants are estimated from
_CHUNK: Final = 1_024  # windows predicted at once
_BASE_MARGIN: Final = 0.98  # a base must be this much better than the one listed before it


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
        with _one_thread():
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
    with _one_thread():
        return _fit(panel, settings, folder, progress)


def _fit(
    panel: Panel, settings: ForecastSettings, folder: Path | None, progress: Progress | None
) -> Fitted:
    spec, choices = choose_spec(panel, settings)
    store = build_store(panel, spec)
    series, origins = _origins(store, spec)
    held_out, reason = split_for_members(series, origins, store, spec, settings)
    generator = torch.Generator().manual_seed(settings.seed)
    sample = torch.randperm(len(origins), generator=generator)[:_SAMPLE]
    base, why = _choose_base(Windows(store, spec, series, origins), sample)
    spec = replace(spec, base=base)
    stamps = int(store.known.sum())
    effort, effort_choices = choose_effort(stamps, len(origins), settings)
    by_base = not held_out.held and settings.calibrate is not False and stamps < SMALL
    if by_base:
        reason += "; by the errors of the simple forecast"
    calibrated = by_base or bool(held_out.held)
    choices += [Choice("base", base, why), Choice("calibrate", calibrated, reason)]

    source = Windows(
        store, spec, series, origins, pools=held_out.pools, batch_size=effort.batch_size
    )
    example = source.load(sample)
    shape = NetworkShape(
        past_size=example.past.shape[-1],
        future_size=example.future.shape[-1],
        hidden_size=effort.hidden_size,
        num_layers=settings.num_layers,
        members=settings.members,
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
            max_steps=effort.steps,
            time_budget=settings.time_budget,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            schedule="one_cycle",
            warmup=0.1,
            seed=settings.seed,
        ),
        folder=folder,
        progress=progress,
    )
    stretch = (1.0,) * len(LEVELS)
    if held_out.held:
        stretch = calibrate(model, source, held_out.held, generator)
    elif by_base:
        stretch = calibrate_by_base(model, source, generator)
    return Fitted(spec, shape, model.eval(), stretch, (*choices, *effort_choices), history)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread: matrices this small are slower on more, much slower if shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _origins(store: Store, spec: WindowSpec) -> tuple[Tensor, Tensor]:
    """(W,) series and (W,) origins of all training windows: a first part of each series is context
    only."""
    need = max(spec.context, 2 * (spec.long_season or 0) + spec.season)
    series, origins = [], []
    for number, length in enumerate((store.stop - store.start).tolist()):
        last = length - spec.horizon
        first = min(need, max(length // 3, 1), max(last, 1))
        at = torch.arange(first, last + 1)
        series.append(torch.full_like(at, number))
        origins.append(at)
    return torch.cat(series), torch.cat(origins)


def _choose_base(windows: Windows, sample: Tensor) -> tuple[Any, str]:
    """Return the simple forecast with the least error; a later one in the list must be clearly
    better."""
    errors = windows.simple_errors(sample).tolist()
    best = 0
    for candidate, error in enumerate(errors):
        if error < _BASE_MARGIN * errors[best]:
            best = candidate
    listed = ", ".join(f"{name} {error:.3f}" for name, error in zip(BASES, errors, strict=True))
    return BASES[best], f"least error on training windows, in scales: {listed}"
