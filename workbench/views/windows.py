"""What happened when: latencies, errors and costs of agents, window by window."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench import display
from workbench.errors import BadValue
from workbench.tables import each_row, is_missing
from workbench.views.theme import LINE_WIDTH, TEXT, colours, counted, finished, rounded

if TYPE_CHECKING:
    import pandas as pd

BLUE, RED, GREEN = colours("abc").values()


def latency_over_time(windows: "pd.DataFrame") -> go.Figure:
    """Draw how long steps took, window by window.

    Parameters
    ----------
    windows : DataFrame
        What `trajectories.analysis.over_time` found.

    Returns
    -------
    plotly Figure
        A line per quantile with its distribution-free intervals. Its title compares the first and
        the last window.

    Raises
    ------
    BadValue
        If no window has steps whose times are recorded.
    """
    names = _quantiles(windows)
    figure = go.Figure([_line(windows, *each) for each in _latencies(names)])
    figure.update_yaxes(title_text="seconds", rangemode="tozero")
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    return finished(figure, _change(windows, names[0]), "beginning of the window (UTC)", 320)


def dashboard(windows: "pd.DataFrame") -> go.Figure:
    """Draw steps, latency, errors, tokens and cost, window by window, one above the other.

    Parameters
    ----------
    windows : DataFrame
        What `trajectories.analysis.over_time` found.

    Returns
    -------
    plotly Figure
        Its title compares the errors, or else the latencies, of the first and the last window.
        Tokens and costs that nothing records have no row.

    Raises
    ------
    BadValue
        If no window has steps whose times are recorded.
    """
    names = _quantiles(windows)
    panels = _panels(windows, names)
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.04)
    for row, (title, traces) in enumerate(panels.items(), start=1):
        figure.add_traces(traces, rows=row, cols=1)
        figure.update_yaxes(title_text=title, rangemode="tozero", row=row, col=1)
    judged = windows["error_rate"].notna().any()
    claim = _change(windows, None if judged else names[0])
    finished(figure, claim, "", 160 * len(panels))
    return figure.update_xaxes(title_text="beginning of the window (UTC)", row=len(panels), col=1)


def _panels(windows: "pd.DataFrame", names: Sequence[str]) -> dict[str, list[Any]]:
    """Return what each row of a dashboard draws, by the title of its axis."""
    errors = ("error_rate", "error_low", "error_high")
    panels = {
        "steps": [_columns(windows, "n", BLUE)],
        f"{' and '.join(names)}, s": [_line(windows, *each) for each in _latencies(names)],
        "errors, %": [_line(windows, "errors", errors, RED, "solid", 100)],
    }
    tokens = windows[["input_tokens", "output_tokens"]].sum(axis=1, min_count=1)
    if tokens.notna().any():
        panels["tokens"] = [_columns(windows.assign(tokens=tokens), "tokens", GREEN)]
    if windows["cost_usd"].notna().any():
        panels["cost, USD"] = [_columns(windows, "cost_usd", GREEN)]
    return panels


Line = tuple[str, tuple[str, str, str], str, str]


def _quantiles(windows: "pd.DataFrame") -> list[str]:
    """Return the names of the quantiles, such as p50."""
    names = [
        str(name)[:-2]
        for name in windows.columns
        if str(name).startswith("p") and str(name).endswith("_s")
    ]
    if not names or not windows[f"{names[0]}_s"].notna().any():
        raise BadValue(
            "a figure over time needs windows with timed steps, but none came; the source records "
            "no times, or over_time chose other kinds of steps."
        )
    return names


def _latencies(names: Sequence[str]) -> list[Line]:
    looks = ((BLUE, "solid"), (RED, "dash"), (GREEN, "dot"), (TEXT, "dashdot"))
    return [
        (name, (f"{name}_s", f"{name}_low", f"{name}_high"), *looks[at % len(looks)])
        for at, name in enumerate(names)
    ]


def _line(
    windows: "pd.DataFrame",
    name: str,
    columns: tuple[str, str, str],
    colour: str,
    dash: str,
    times: float = 1,
) -> go.Scatter:
    points, bar = with_interval(windows, columns, times)
    return go.Scatter(
        x=_moments(windows),
        y=points,
        name=name,
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": LINE_WIDTH},
        marker={"color": colour, "size": 6},
        error_y=bar | {"color": colour, "thickness": 1},
    )


def with_interval(
    frame: "pd.DataFrame", columns: Sequence[str], times: float = 1
) -> tuple[list[float | None], dict[str, Any]]:
    """Return the points of a line and the bars of their intervals, none where an end is missing."""
    points, lows, highs = ([_point(cell, times) for cell in frame[name]] for name in columns)
    above = [_distance(high, point) for high, point in zip(highs, points, strict=True)]
    below = [_distance(point, low) for point, low in zip(points, lows, strict=True)]
    return points, {"type": "data", "symmetric": False, "array": above, "arrayminus": below}


def _distance(far: float | None, near: float | None) -> float | None:
    return None if far is None or near is None else rounded(far - near)


def _columns(windows: "pd.DataFrame", name: str, colour: str) -> go.Bar:
    figures = [_point(cell, 1) for cell in windows[name]]
    return go.Bar(x=_moments(windows), y=figures, name=name, marker={"color": colour})


def _moments(windows: "pd.DataFrame") -> list[str]:
    return [f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in windows["window"]]


def _point(cell: Any, times: float) -> float | None:  # noqa: ANN401 - a number or NA
    return None if is_missing(cell) else rounded(float(cell) * times)


def _change(windows: "pd.DataFrame", quantile: str | None) -> str:
    """Say how errors, or a quantile, were in the first and the last window that has them."""
    names = ("error_rate", "error_low", "error_high")
    what, unit, times, places = "Errors", " %", 100.0, 1
    if quantile is not None:
        names = (f"{quantile}_s", f"{quantile}_low", f"{quantile}_high")
        what, unit, times, places = f"Latency ({quantile})", " s", 1.0, 2
    rows = each_row(windows[windows[names[0]].notna()])
    first, last = (
        interval([_times(row[name], times) for name in names], places) + unit
        for row in (rows[0], rows[-1])
    )
    if len(rows) == 1:
        return f"{what}: {last}, in a single window"
    n = counted([int(rows[0]["n"]), int(rows[-1]["n"])])
    return f"{what}: {first} in the first window, {last} in the last ({n})"


def interval(figures: Sequence[object], places: int) -> str:
    """Write a figure with its interval, given as one."""
    value, low, high = figures
    return display.interval(value, low, high, places)


def _times(cell: Any, times: float) -> Any:  # noqa: ANN401 - a number or NA
    return cell if is_missing(cell) else cell * times
