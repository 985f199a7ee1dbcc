"""`Forecaster`: fit a table, predict what comes next, and say how far to trust it."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, final

from gatework.data import Panel, as_given, forecast_frame, read_table, to_panel
from gatework.errors import InputError
from gatework.inspector.inspection import Inspection
from gatework.tasks import run as folder
from gatework.tasks.estimator import AbstractEstimator, carry_out
from gatework.tasks.forecast import job, saved
from gatework.tasks.forecast.arguments import check_levels
from gatework.tasks.forecast.continuing import join, steps_seen
from gatework.tasks.forecast.evaluation import (
    Window,
    known_at,
    last_windows,
    probabilities_of,
    score,
)
from gatework.tasks.forecast.fitting import fit_networks
from gatework.tasks.forecast.inspection import inspection_of
from gatework.tasks.forecast.outcome import Outcome
from gatework.tasks.forecast.scores import MODEL, Scores
from gatework.tasks.forecast.settings import ForecastSettings
from gatework.tasks.page import Origin
from gatework.training import Progress

Settings = ForecastSettings


@final
class Forecaster(AbstractEstimator):
    """LSTM forecasts with intervals, for one series or many, scored beside the naive rules.

    A table has one row for each series and time. The columns `unique_id`, `ds` and `y` are looked
    for; other names are given here, or found where only one column fits. Without an id column the
    table is one series. Settings left at None are chosen from the data.

    Args:
        horizon: Steps to forecast.
        levels: Intervals to give, by how many percent of the values they should hold.
        id_col: Column that names the series.
        time_col: Column of dates, times or whole numbers.
        target_col: Column to forecast.
        frequency: Step between rows: "h", "15min", "D", "B", "W", "MS", or a whole number.
        season: Steps in a season; 1 for none.
        context: Steps of history the networks read.
        log: Whether to forecast the logarithm.
        hidden_size: Width of the LSTMs.
        num_layers: Layers of the LSTMs.
        members: Networks whose answers are averaged.
        dropout: Part of the hidden values dropped in training.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay.
        steps: Training steps.
        batch_size: Windows a network sees in a step.
        calibrate: Whether to correct the intervals by what networks missed on windows kept aside.
        time_budget: Seconds to train at most; with it a fit is not reproducible bit for bit.
        seed: Seed of everything random.

    Attributes:
        scores_: The score table of the hold-out; None if the data was too short for one.
        panel_: The data as it was read; `panel_.notes` says what was found and repaired.
        outcome_: All that the report shows; None for a loaded model.

    Example:
        >>> import math
        >>> rows = [{"ds": day, "y": math.sin(day / 3)} for day in range(120)]
        >>> import polars
        >>> model = Forecaster(horizon=5, steps=5, members=1).fit(polars.DataFrame(rows))
        >>> model.predict(levels=[80]).columns
        ['ds', 'gatework', 'gatework-lo-80', 'gatework-hi-80']
    """

    def __init__(  # noqa: PLR0913 - one argument a setting, as in scikit-learn
        self,
        horizon: int,
        *,
        levels: Sequence[float] = (80, 95),
        id_col: str | None = None,
        time_col: str | None = None,
        target_col: str | None = None,
        frequency: str | int | None = None,
        season: int | None = Settings.season,
        context: int | None = Settings.context,
        log: bool | None = Settings.log,
        hidden_size: int | None = Settings.hidden_size,
        num_layers: int = Settings.num_layers,
        members: int = Settings.members,
        dropout: float = Settings.dropout,
        learning_rate: float = Settings.learning_rate,
        weight_decay: float = Settings.weight_decay,
        steps: int | None = Settings.steps,
        batch_size: int | None = Settings.batch_size,
        calibrate: bool | None = Settings.calibrate,
        time_budget: float | None = Settings.time_budget,
        seed: int = Settings.seed,
    ) -> None:
        self.horizon = horizon
        self.levels = levels
        self.id_col = id_col
        self.time_col = time_col
        self.target_col = target_col
        self.frequency = frequency
        self.season = season
        self.context = context
        self.log = log
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.members = members
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.steps = steps
        self.batch_size = batch_size
        self.calibrate = calibrate
        self.time_budget = time_budget
        self.seed = seed
        self.outcome_: Outcome | None = None
        self.scores_: Scores | None = None
        self._kept: _Kept | None = None

    def fit(
        self,
        data: Any,
        *,
        run: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
        command: str | None = None,
    ) -> "Forecaster":
        """Train on all of a table, after scoring the same method on its last values, held out.

        Args:
            data: A pandas, polars or pyarrow frame, or the path of a CSV or Parquet file.
            run: Folder to keep the fit in. A fit that was stopped goes on from there when it is
                asked for again. None keeps nothing on disk.
            overwrite: Replace another fit in that folder.
            progress: Where to show how far it is; None shows nothing.
            command: How to ask for this fit again, for the report; None tells it in Python.

        Raises:
            InputError: The data or a setting cannot be used, or the folder holds something else.
            Interrupted: Ctrl-C; the same call goes on from the folder, if there is one.
        """
        settings, levels = self._settings_of(ForecastSettings), check_levels(self.levels)
        panel = self._read(data)
        parameters = self.get_params() | dataclasses.asdict(settings)
        request = saved.request_of(panel, parameters | {"levels": levels})
        origin = self._origin(data, parameters, command)
        done = carry_out(
            run,
            request,
            lambda state: job.fit_and_judge(
                panel, settings, levels, folder=state, progress=progress
            ),
            lambda place, done: saved.write_run(place, request, done.fitted, done.outcome, origin),
            overwrite=overwrite,
        )
        self.fitted_, self.panel_ = done.fitted, panel
        self.outcome_, self.scores_ = done.outcome, done.outcome.scores
        self._kept = _Kept(request, origin)
        return self

    def predict(
        self,
        data: Any = None,
        *,
        levels: Sequence[float] | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> Any:
        """Forecast the steps after the end of each series.

        Args:
            data: A newer table, or one of other series of the same frequency; None is the table
                of the fit. Rows that begin after the end of a fitted series continue it.
            levels: Interval levels in percent; None is the model's own.
            quantiles: Quantiles between 0 and 1 to give instead of intervals.

        Returns:
            A frame of the same kind as the data: the id and the time in the data's own names,
            `gatework` (the median), and `gatework-lo-80`, `gatework-hi-80` for each level, or
            `gatework-q0.1` for each quantile.

        Raises:
            InputError: Both levels and quantiles are given, or one is out of range, or the data
                does not agree with the data of the fit.
        """
        if levels is not None and quantiles is not None:
            raise InputError("give levels or quantiles, not both")
        self._require_fit()
        panel = self.panel_ if data is None else self._continue(data)
        wanted = check_levels(self.levels if levels is None else levels)
        values = saved.forecast_columns(self.fitted_, panel, wanted, quantiles)
        return as_given(forecast_frame(panel, values), panel)

    def evaluate(self, data: Any, *, lag: int | None = None) -> Scores:
        """Score the fitted model on values it has not seen, window after window.

        Args:
            data: A table; the part of it that lies after the end of the fit is what is judged.
                If there is none, the last windows are, and the result says that they were seen.
            lag: The m of MASE in steps; None is the season.

        Returns:
            The score table: print it, or make a frame of its `records()`.

        Raises:
            InputError: The data does not agree with that of the fit, or has no value to judge.
        """
        if lag is not None and lag < 1:
            raise InputError(f"lag is {lag}; expected 1 step or more")
        panel = self._continue(data)
        levels = check_levels(self.levels)
        known = steps_seen(self.panel_, panel)
        windows = job.fresh_windows(panel, known, self.horizon)
        seen = not windows
        if seen:
            windows = last_windows(panel, self.horizon, count=job.MOST_WINDOWS, step=self.horizon)
        if not windows:
            raise InputError(
                f"nothing to judge: expected more than {self.horizon} values in a series, "
                f"found {int(panel.lengths.max())}"
            )
        test = job.back_test(self.fitted_, panel, windows, probabilities_of(levels), lag=lag)
        return score(test, levels, series_count=len(panel), seen=seen)

    def cross_validation(
        self,
        data: Any,
        n_windows: int,
        step_size: int | None = None,
        *,
        progress: Progress | None = None,
    ) -> Any:
        """Train once on what lies before the first of the last windows, then forecast each of them.

        The fitted state of this object stays as it is.

        Args:
            data: A table, as for `fit`.
            n_windows: How many windows of `horizon` steps.
            step_size: Steps from one window to the next; None is `horizon`.
            progress: Where to show how far it is; None shows nothing.

        Returns:
            A frame of the same kind as the data: id, time, `cutoff` (the last stamp known to the
            forecast), the target, `gatework` with its intervals, `seasonal-naive`, `last-value`.

        Raises:
            InputError: The data cannot be used, or is too short for so many windows.
        """
        settings, levels = self._settings_of(ForecastSettings), check_levels(self.levels)
        step = self.horizon if step_size is None else step_size
        if n_windows < 1 or step < 1:
            raise InputError(f"n_windows is {n_windows} and step_size {step}; expected 1 or more")
        panel = self._read(data)
        windows = last_windows(panel, self.horizon, count=n_windows, step=step)
        if not windows:
            raise InputError("nothing to judge: every window at the end of the data is empty")
        before = panel.truncate(self.horizon + (n_windows - 1) * step)
        fitted = fit_networks(before, settings, progress=progress)
        test = job.back_test(fitted, panel, windows, probabilities_of(levels))
        columns = {panel.columns.target: test.actual}
        columns |= saved.band_columns(test.quantiles[MODEL], test.probabilities, levels)
        columns |= {name: test.point(name) for name in test.quantiles if name != MODEL}
        cut = known_at(panel, windows)
        cutoffs = [series.times[-1] for series in cut.series]
        return as_given(forecast_frame(cut, columns, cutoffs=cutoffs), panel)

    def inspection(self, data: Any = None, *, most: int = 6) -> Inspection:
        """Return the model's first network and the last windows, to look inside.

        Args:
            data: A newer table, or one of other series, as for `evaluate`; None is that of the fit.
            most: Windows at most.

        Raises:
            InputError: The data does not agree with that of the fit, or holds no window.
        """
        self._require_fit()
        windows: Sequence[Window] = ()
        panel = self.panel_
        if data is not None:
            panel = self._continue(data)
            windows = job.fresh_windows(panel, steps_seen(self.panel_, panel), self.horizon)
        if not windows:
            windows = last_windows(panel, self.horizon, count=most, step=self.horizon)
        return inspection_of(self.fitted_, panel, windows, most=most, title="Forecaster")

    def save(self, run: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted model as a run folder: config, weights, history, forecast, report.

        Raises:
            InputError: The model is not fitted here, or the folder holds another fit.
        """
        self._require_fit()
        if self.outcome_ is None or self._kept is None:
            raise InputError("this model was loaded from a run: copy that folder instead")
        with folder.claim(Path(run), self._kept.request, overwrite=overwrite):
            saved.write_run(
                Path(run), self._kept.request, self.fitted_, self.outcome_, self._kept.origin
            )

    @classmethod
    def load(cls, run: str | os.PathLike[str]) -> "Forecaster":
        """Read a run folder. Nothing in it is executed.

        Raises:
            InputError: The folder is no forecasting run, or a file in it is damaged.
        """
        restored = saved.read_run(Path(run))
        model = cls._restored(Path(run), restored.config.request.settings)
        model.fitted_, model.panel_ = restored.fitted, restored.panel
        return model

    def _read(self, data: Any) -> Panel:
        frame, source = _table(data)
        return to_panel(
            frame,
            id_col=self.id_col,
            time_col=self.time_col,
            target_col=self.target_col,
            frequency=self.frequency,
            season=self.season,
            source=source,
        )

    def _continue(self, data: Any) -> Panel:
        self._require_fit()
        frame, source = _table(data)
        return join(self.panel_, to_panel(frame, source=source, schema=self.panel_.schema))

    def _origin(self, data: Any, parameters: dict[str, Any], command: str | None) -> Origin:
        is_file = isinstance(data, str | os.PathLike)
        table = repr(str(data)) if is_file else "data"
        return Origin(
            name=Path(data).name if is_file else "data frame",
            command=command,
            snippet=(
                "from gatework import Forecaster\n\n"
                f"model = {self._written(parameters)}.fit({table})\n"
                "print(model.scores_)\nmodel.predict()"
            ),
        )

    def _require_fit(self) -> None:
        if not hasattr(self, "fitted_"):
            raise InputError(
                "this Forecaster is not fitted: call fit(data) or Forecaster.load(run)"
            )


class _Kept(NamedTuple):
    """What saving needs besides the fit itself."""

    request: folder.Request
    origin: Origin


def _table(data: Any) -> tuple[Any, str | os.PathLike[str]]:
    if isinstance(data, str | os.PathLike):
        return read_table(data), data
    return data, "data frame"
