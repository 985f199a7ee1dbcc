"""report.html: one file that needs nothing else, now or in ten years, online or off."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from markupsafe import Markup

from gatework.data import Panel
from gatework.files import atomic_write
from gatework.tasks import pictures
from gatework.tasks.forecast import plots
from gatework.tasks.forecast.outcome import Outcome
from gatework.tasks.forecast.scores import MODEL, number, spoken
from gatework.tasks.page import Common, Origin, Table, write_page

MOST_SERIES: Final = 4
MOST_WINDOWS: Final = 8
MOST_ROWS: Final = 120
_UNJUDGED: Final = "No hold-out: the data is too short to keep a part back."


@dataclass(frozen=True)
class Page:
    """Everything the template shows, as text, tables and pictures ready to place."""

    forecast_picture: Markup
    forecast_remark: str
    forecast_table: Table
    forecast_text_columns: int
    forecast_left_out: str
    protocol: str
    scores: Table
    best_cells: frozenset[tuple[int, int]]
    remarks: tuple[str, ...]
    legend: str
    windows_picture: Markup
    windows_remark: str
    data_facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    overview_picture: Markup
    overview_remark: str


def write_report(path: Path, outcome: Outcome, origin: Origin) -> None:
    """Write the page, whole or not at all."""
    common, page = _common(outcome, origin), _page(outcome, origin)
    write_page(path, "gatework.tasks.forecast", common, page, origin)


def _common(outcome: Outcome, origin: Origin) -> Common:
    panel, horizon = outcome.panel, outcome.forecast.shape[1]
    scores = outcome.scores
    duel = scores.duel() if scores else None
    return Common(
        title=f"{_subject(outcome, origin)}: the next {_counted(horizon, panel.frequency.noun)}",
        subtitle=f"{origin.name}: {_extent(outcome)}",
        verdict=scores.verdict() if scores else _UNJUDGED,
        won=duel is not None and duel.score < duel.rival_score,
        training=outcome.training,
        curves=outcome.curves,
        settings=outcome.settings,
        choices=outcome.choices,
    )


def write_picture(path: Path, outcome: Outcome, origin: Origin) -> None:
    """Write forecast.png: the forecast picture of the report, for slides and mail."""
    with atomic_write(path) as beside:
        pictures.save_png(plots.forecast_figure(_forecast_traces(outcome, origin)), beside)


def _page(outcome: Outcome, origin: Origin) -> Page:
    panel, horizon = outcome.panel, outcome.forecast.shape[1]
    target = _subject(outcome, origin)
    shown = _forecast_traces(outcome, origin)
    count = len(panel.series)
    table, left_out = _forecast_table(outcome)
    longest = panel.series[int(np.argmax(panel.lengths))]
    future = panel.frequency.after(longest.times[-1], horizon)
    overview = pictures.svg(
        plots.overview_figure(longest.times, longest.values, future), "The whole series in little"
    )
    scores = outcome.scores
    return Page(
        forecast_picture=_picture(
            plots.forecast_figure(shown, height=3.1 if len(shown) == 1 else 2.3),
            f"Forecast of {target} with intervals after the last observations",
        ),
        forecast_remark=_chosen(len(shown), count),
        forecast_table=table,
        forecast_text_columns=1 if panel.columns.id is None else 2,
        forecast_left_out=left_out,
        protocol=_protocol(outcome),
        scores=[scores.table()[0], *scores.table()[1]] if scores else [],
        best_cells=_best_cells(outcome),
        remarks=scores.remarks() if scores else (),
        legend=_legend(outcome),
        windows_picture=_windows_picture(outcome),
        windows_remark=_windows_remark(outcome),
        data_facts=_data_facts(outcome),
        notes=outcome.notes,
        overview_picture=Markup(overview),
        overview_remark=(
            f"{'The longest series' if count > 1 else 'The whole series'}; "
            "shaded: the stretch that is forecast."
        ),
    )


def _forecast_traces(outcome: Outcome, origin: Origin) -> list[plots.Trace]:
    """Return the pictures of the forecast, at most a few series of many."""
    panel, horizon = outcome.panel, outcome.forecast.shape[1]
    traces = []
    for index in _spread(len(panel.series), MOST_SERIES):
        series = panel.series[index]
        tail = _tail(horizon, panel.season)
        traces.append(
            plots.Trace(
                title=series.id if panel.columns.id else _subject(outcome, origin),
                times=series.times[-tail:],
                values=series.values[-tail:],
                future=panel.frequency.after(series.times[-1], horizon),
                quantiles=outcome.forecast[index],
                probabilities=outcome.probabilities,
            )
        )
    return traces


def _windows_picture(outcome: Outcome) -> Markup:
    test = outcome.back_test
    if test is None:
        return Markup("")
    rival = next(name for name in test.quantiles if name != MODEL)
    traces = []
    for index in _spread(len(test.windows), MOST_WINDOWS):
        window = test.windows[index]
        series = outcome.panel.series[window.series]
        start = max(0, window.cutoff - max(test.horizon, outcome.panel.season))
        end = window.cutoff + test.horizon
        (last,) = _stamps(outcome.panel, series.times[window.cutoff - 1 : window.cutoff])
        after = f"after {last}"
        traces.append(
            plots.Trace(
                title=f"{series.id}, {after}" if outcome.panel.columns.id else after,
                times=series.times[start:end],
                values=series.values[start:end],
                future=series.times[window.cutoff : end],
                quantiles=test.quantiles[MODEL][index],
                probabilities=test.probabilities,
                rival=test.point(rival)[index],
            )
        )
    return _picture(
        plots.windows_figure(traces, one_axis=len(outcome.panel.series) == 1),
        "Held-out values beside what was forecast",
    )


def _windows_remark(outcome: Outcome) -> str:
    test = outcome.back_test
    if test is None:
        return ""
    rival = spoken(next(name for name in test.quantiles if name != MODEL))
    count = len(test.windows)
    which = f"{min(count, MOST_WINDOWS)} of {count} windows" if count > MOST_WINDOWS else "Each"
    which = "Each hold-out window" if which == "Each" else which
    return f"{which}: what came, what Gatework had forecast, and the {rival} rule (dashed)."


def _forecast_table(outcome: Outcome) -> tuple[Table, str]:
    panel, horizon = outcome.panel, outcome.forecast.shape[1]
    middle = outcome.probabilities.index(0.5)
    columns = [(panel.columns.target, middle)]
    for position, level in enumerate(sorted(outcome.levels, reverse=True)):
        low, high = position, len(outcome.probabilities) - 1 - position
        columns += [(f"{level:g} % from", low), (f"{level:g} % to", high)]
    columns = [columns[0], *sorted(columns[1:], key=lambda column: column[1])]
    heads = (panel.columns.time, *(name for name, _ in columns))
    rows: Table = [(panel.columns.id, *heads) if panel.columns.id else heads]
    for index in _spread(len(panel.series), MOST_SERIES):
        series = panel.series[index]
        future = panel.frequency.after(series.times[-1], horizon)
        for time, quantiles in zip(_stamps(panel, future), outcome.forecast[index], strict=True):
            cells = (time, *(number(quantiles[column]) for _, column in columns))
            rows.append((series.id, *cells) if panel.columns.id else cells)
    total = len(panel.series) * horizon
    rows = rows[: MOST_ROWS + 1]
    left_out = f"The first {len(rows) - 1} of {total} rows; all are in forecast.csv."
    return rows, left_out if len(rows) - 1 < total else ""


def _best_cells(outcome: Outcome) -> frozenset[tuple[int, int]]:
    """Find the lowest figure of each error column; coverage has no lowest."""
    if outcome.scores is None:
        return frozenset()
    best = set()
    for column, metric in enumerate(outcome.scores.metrics(), start=1):
        values = np.array([getattr(method, metric) for method in outcome.scores.methods])
        if np.isfinite(values).any():
            best.add((int(np.nanargmin(values)), column))
    return frozenset(best)


def _data_facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    panel = outcome.panel
    values = np.concatenate([series.values for series in panel.series])
    missing = int(np.isnan(values).sum())
    facts = [
        ("Series", f"{len(panel.series):,}"),
        ("Values", f"{values.size - missing:,}"),
        ("Missing", f"{missing:,} ({100 * missing / values.size:.1f} %)" if missing else "none"),
        ("Frequency", panel.frequency.words),
        ("Season", f"{panel.season} {panel.frequency.noun}s" if panel.season > 1 else "none"),
        ("Smallest to largest", f"{number(np.nanmin(values))} to {number(np.nanmax(values))}"),
    ]
    return tuple(facts)


def _protocol(outcome: Outcome) -> str:
    test = outcome.back_test
    if test is None:
        return ""
    noun = outcome.panel.frequency.noun
    return (
        "Before the final training, networks that had not seen the last values forecast them, "
        f"{_counted(test.horizon, noun)} at a time. The naive rules cost nothing: a model that "
        "does not beat them is of no use."
    )


def _subject(outcome: Outcome, origin: Origin) -> str:
    """Name what is forecast: the target, or the file where the target has no name but `y`."""
    target = outcome.panel.columns.target
    return origin.name.split(".")[0] if target == "y" and "." in origin.name else target


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _legend(outcome: Outcome) -> str:
    if outcome.scores is None:
        return ""
    lag = outcome.scores.lag
    back = f"{_counted(lag, outcome.panel.frequency.noun)} before"
    return (
        f"MASE: the mean absolute error, over that of taking the value {back} in the history; "
        "sMAPE: the error in percent of the size; RMSE and MAE: in units of the data; wQL: the "
        "error of all quantiles, over the size. Lower is better for all of them. Bands: how many "
        "of the held-out values lay inside; the nearer to the number in their name, the better."
    )


def _extent(outcome: Outcome) -> str:
    panel = outcome.panel
    first = min(series.times[0] for series in panel.series)
    last = max(series.times[-1] for series in panel.series)
    total = int(panel.lengths.sum())
    many = f"{len(panel.series):,} series, " if len(panel.series) > 1 else ""
    start, end = _stamps(panel, np.array([first, last]))
    return f"{many}{total:,} {panel.frequency.noun}s from {start} to {end}"


def _chosen(shown: int, total: int) -> str:
    return (
        f"{shown} of {total:,} series, evenly spread in the file's order." if shown < total else ""
    )


def _spread(count: int, most: int) -> list[int]:
    """Pick at most `most` of `count` positions, evenly, the first and the last among them."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, most)).round()})


def _tail(horizon: int, season: int) -> int:
    return max(48, min(max(4 * horizon, 3 * season), 8 * horizon))


def _picture(figure: plots.Figure, label: str) -> Markup:
    return Markup(pictures.svg(figure, label))


def _stamps(panel: Panel, times: np.ndarray) -> list[str]:
    """Write stamps as the user does, without the zeros that say nothing."""
    written = [str(time) for time in panel.time.write(times, "time")]
    while any(" " in text for text in written):
        for zeros in (".000000", ":00", " 00"):
            if all(text.endswith(zeros) for text in written):
                written = [text.removesuffix(zeros) for text in written]
                break
        else:
            return written
    return written
