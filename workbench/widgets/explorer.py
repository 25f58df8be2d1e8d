"""A comparison in a panel: choose what to look at, see it drawn, counted and said in words."""

import html
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets

from workbench import views
from workbench.comparison import Comparison
from workbench.display import Lines, Sheet, plain
from workbench.errors import BadValue, InputError
from workbench.views.pairs import MOST_POINTS
from workbench.widgets.figure import Figure
from workbench.widgets.side_by_side import SideBySide

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_ALL_ROWS = "all rows"
# Labels of a menu are cut here: a value may be a whole text.
_LABEL = 40
_WRAPPED = {"flex_flow": "row wrap", "grid_gap": "2px 16px", "width": "100%"}
_MENU = {"width": "min(100%, 20em)"}


@dataclass(frozen=True)
class Choice:
    """What a reader of the panel has chosen to look at.

    Parameters
    ----------
    view : str
        One of `VIEWS`.
    metric, second : str
        Names of metrics; the second is for the view of two.
    baseline : str
        What the systems are compared with.
    systems : tuple of str
        The systems to keep; the baseline stays in any case.
    where : tuple of (str, str), or empty
        A column and the value of the rows to keep; all rows where it is empty.
    system : str, optional
        The system to look at row by row.
    by : str, optional
        The column to slice by.
    """

    view: str
    metric: str
    second: str
    baseline: str
    systems: tuple[str, ...]
    where: tuple[str, str] | tuple[()] = ()
    system: str = ""
    by: str = ""

    @property
    def others(self) -> list[str]:
        """The systems beside the baseline."""
        return [name for name in self.systems if name != self.baseline]

    def __str__(self) -> str:
        under = f" and {self.second}" if self.view == "two metrics" else ""
        of = f" of {self.system}" if self.view == "row by row" else ""
        by = f" by {self.by}" if self.view == "slices" else ""
        rows = f", {' = '.join(self.where)}" if self.where else ""
        return f"{self.view}{of}{by} in {self.metric}{under} against {self.baseline}{rows}"

    def part(self, comparison: Comparison) -> Comparison:
        """Return the comparison of the systems and rows chosen, itself where nothing is left out.

        All metrics stay, so that choosing one leaves the family of the correction as it was.
        """
        scores = comparison.scores
        everybody = {*self.systems, self.baseline} == set(scores.systems)
        if everybody and not self.where and self.baseline == comparison.settings.baseline:
            return comparison
        where = dict([self.where]) if self.where else None
        systems = None if everybody else self.systems
        return comparison.only(systems=systems, where=where, baseline=self.baseline)


class Pointed(NamedTuple):
    """What a point of a figure stands for: two systems, and the rows it is made of, if not all."""

    system: str
    other: str
    row_ids: list[str] | None = None


def _system_of(frame: "pd.DataFrame", choice: Choice, trace: int) -> Pointed:
    """Return what a system's dot stands for: figures have a trace per system."""
    systems = frame.loc[frame["metric"] == choice.metric, "system"]
    return Pointed(systems.iloc[trace], choice.baseline)


def _cell_of(part: Comparison, choice: Choice, place: tuple[int, ...]) -> Pointed:
    systems = part.matrix(choice.metric).index
    return Pointed(*(systems[at] for at in place))


def _row_of(part: Comparison, choice: Choice, point: int) -> Pointed:
    rows = part.by_row(choice.system, choice.baseline, metric=choice.metric)["row_id"]
    drawn = rows.iloc[:: -(-len(rows) // MOST_POINTS)]
    return Pointed(choice.system, choice.baseline, [drawn.iloc[point]])


def _slice_of(part: Comparison, choice: Choice, trace: int) -> Pointed:
    found = part.slices(choice.by, metrics=[choice.metric]).frame
    rows = [
        row
        for _, values in found.groupby("value", sort=False)
        for row in values.sort_values("delta", ascending=False, kind="stable").to_dict("records")
    ]
    return Pointed(*(rows[trace][name] for name in ("system", "baseline", "row_ids")))


@dataclass(frozen=True)
class View:
    """A way to look at a comparison: its figure, its table, its sentences, its own controls.

    `pointed` says what a point of the figure stands for, by its trace and its place there.
    """

    figure: "Callable[[Comparison, Choice], go.Figure]"
    sheet: Callable[[Comparison, Choice], Sheet]
    sentences: Callable[[Comparison, Choice], Lines]
    pointed: Callable[[Comparison, Choice, int, tuple[int, ...]], Pointed]
    controls: frozenset[str] = frozenset()


VIEWS = {
    "scores": View(
        lambda part, choice: views.leaderboard(part, choice.metric),
        lambda part, _: part.leaderboard(),
        lambda part, choice: part.sentences(choice.metric),
        lambda part, choice, trace, _: _system_of(part.leaderboard().frame, choice, trace),
    ),
    "differences": View(
        lambda part, choice: views.forest(part, choice.metric),
        lambda part, choice: part.differences(choice.metric),
        lambda part, choice: part.sentences(choice.metric),
        lambda part, choice, trace, _: _system_of(part.frame, choice, trace),
    ),
    "all pairs": View(
        lambda part, choice: views.matrix(part, choice.metric),
        lambda part, choice: part.pairs(choice.metric),
        lambda *_: Lines(),
        lambda part, choice, _, place: _cell_of(part, choice, place),
    ),
    "two metrics": View(
        lambda part, choice: views.metrics(part, choice.metric, choice.second),
        lambda part, _: part.leaderboard(),
        lambda part, choice: Lines(
            [*part.sentences(choice.metric), *part.sentences(choice.second)]
        ),
        lambda part, choice, trace, _: _system_of(part.leaderboard().frame, choice, trace),
        frozenset({"second"}),
    ),
    "row by row": View(
        lambda part, choice: views.rows(part, choice.system, metric=choice.metric),
        lambda part, choice: part.examples(choice.system, metric=choice.metric, sort="size"),
        lambda part, choice: part.sentences(choice.metric, system=choice.system),
        lambda part, choice, _, place: _row_of(part, choice, place[0]),
        frozenset({"system"}),
    ),
    "slices": View(
        lambda part, choice: views.slices(part, choice.by, choice.metric),
        lambda part, choice: part.slices(choice.by, metrics=[choice.metric]),
        lambda *_: Lines(),
        lambda part, choice, trace, _: _slice_of(part, choice, trace),
        frozenset({"by"}),
    ),
}
"""By name, what the panel can show, and the controls that only this view needs."""


class Explorer(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A panel of a comparison: controls, then the verdict in words, a figure and a table.

    Parameters
    ----------
    comparison : Comparison
        What to explore.

    Attributes
    ----------
    comparison, part : Comparison
        The whole, and what is shown of it.
    choice : Choice
        What the controls say.
    sheet, sentences : Sheet, Lines
        The table and the words that are shown.
    refusal : str
        Why the choice cannot be shown; empty when it is.
    side_by_side : SideBySide, optional
        The rows of the point that was clicked last, or of the button; None before.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = self.part = comparison
        self.sheet, self.sentences, self.refusal = comparison.sheet, Lines(), ""
        self._parts: dict[tuple[Any, ...], Comparison] = {}
        self._controls = _controls(comparison)
        self._boxes = {name: _checkbox(name) for name in comparison.scores.systems}
        self._told, self._figure, self._table = ipywidgets.HTML(), Figure(), ipywidgets.HTML()
        self._table.add_class("jp-RenderedHTMLCommon")  # as tables look below a cell
        self.side_by_side: SideBySide | None = None
        self._opener = ipywidgets.Button(
            description="rows side by side", tooltip="or click a point of the figure"
        )
        self._opener.on_click(lambda _: self._open_rows())
        self._figure.on_point(self._open_point)
        self._beside = ipywidgets.VBox()
        self._stale, self._working = False, threading.Lock()
        self._shown: Choice | None = None
        for control in (*self._controls.values(), *self._boxes.values()):
            control.observe(self._changed, names="value")
        lines = [
            ipywidgets.Box([*each.values()], layout=_WRAPPED)
            for each in (self._controls, self._boxes)
        ]
        shown = [self._told, self._figure, self._opener, self._beside, self._table]
        super().__init__([*lines, *shown])
        self.add_class("workbench-explorer")
        self._changed()

    @property
    def choice(self) -> Choice:
        """What the controls say."""
        chosen = {name: control.value for name, control in self._controls.items()}
        chosen |= {name: chosen[name] or "" for name in ("second", "system", "by")}
        kept = tuple(
            name for name, box in self._boxes.items() if box.value or name == chosen["baseline"]
        )
        return Choice(**chosen, systems=kept)

    def __repr__(self) -> str:
        told = plain(self.refusal) if self.refusal else repr(self.sheet)
        return f"Explorer: {plain(self.choice)}\n{told}"

    def _repr_html_(self) -> str:
        """Show the panel as it stands, without its controls, where no kernel runs."""
        return self._words() + self._tabulated()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - as in IPython
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        return bundle | {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _open_point(self, trace: int, place: tuple[int, ...]) -> None:
        """Show the rows behind a point; one of a figure that is gone meanwhile stands for nothing."""
        choice = self._shown
        if choice is None or self.refusal:
            return
        with suppress(IndexError, TypeError):
            self._open_rows(VIEWS[choice.view].pointed(self.part, choice, trace, place))

    def _open_rows(self, point: Pointed | None = None) -> None:
        """Show rows side by side, those of a point or all that are chosen, widest differences first."""
        choice = self.choice
        named = choice.system if "system" in VIEWS[choice.view].controls else ""
        pair = point or Pointed(named, choice.baseline)
        told: dict[str, Any] = {
            "system": None if pair.system in ("", pair.other) else pair.system,
            "other": pair.other,
            "metric": choice.metric,
            "sort": "size",
            "row_ids": pair.row_ids,
            "where": dict([choice.where]) if choice.where and pair.row_ids is None else None,
        }
        if self.side_by_side is None:
            self.side_by_side = SideBySide(self.comparison, **told)
            self._beside.children = [self.side_by_side]
        else:
            self.side_by_side.show(**told)

    def _changed(self, _: object = None) -> None:
        """Answer a change of a control, and those that come while the answer is made.

        Some come from the settling itself, and some from another thread: JupyterLab may run a
        widget's callbacks beside the cell.
        """
        self._stale = True
        while self._stale and self._working.acquire(blocking=False):
            try:
                self._stale = False
                self._settle()
                self._show()
            finally:
                self._working.release()

    def _settle(self) -> None:
        """Let the controls fit together: those of the view seen, the baseline kept."""
        choice = self.choice
        for name in ("second", "system", "by"):
            needed = name in VIEWS[choice.view].controls
            self._controls[name].layout.display = None if needed else "none"
        for name, box in self._boxes.items():
            box.disabled = name == choice.baseline
            if box.disabled:
                box.value = True
        metrics = [metric.name for metric in self.comparison.scores.metrics]
        _offer(self._controls["second"], [name for name in metrics if name != choice.metric])
        _offer(self._controls["system"], choice.others)

    def _show(self) -> None:
        """Show what is chosen, or say why that cannot be; never the figures of another choice."""
        choice = self.choice
        if choice == self._shown:
            return
        self._blank("Computing …")
        view, self.refusal = VIEWS[choice.view], ""
        try:
            self.part = self._part(choice)
            self._figure.show(view.figure(self.part, choice))
            self.sheet = view.sheet(self.part, choice)
            self.sentences = view.sentences(self.part, choice)
        except InputError as error:
            self.refusal = str(error)
        except Exception:
            self._shown = None
            self._blank("This choice could not be shown; the log of the kernel says why.")
            raise
        self._shown = choice
        self._told.value = self._words()
        self._table.value = self._tabulated()
        self._figure.layout.visibility = "hidden" if self.refusal else "visible"

    def _blank(self, told: str) -> None:
        self._told.value, self._table.value = f'<p role="status">{told}</p>', ""
        self._figure.layout.visibility = "hidden"

    def _part(self, choice: Choice) -> Comparison:
        """Return the part that is chosen; each is computed once."""
        if choice.view != "scores" and not choice.others:
            raise BadValue("two systems are needed, but only the baseline is ticked; tick another.")
        key = (choice.baseline, choice.systems, choice.where)
        if key not in self._parts:
            self._parts[key] = choice.part(self.comparison)
        return self._parts[key]

    def _tabulated(self) -> str:
        return "" if self.refusal else self.sheet._repr_html_()

    def _words(self) -> str:
        """Return the verdict in words, and what a part that was chosen by looking is worth."""
        if self.refusal:
            return f'<p role="alert">{html.escape(self.refusal)}</p>'
        n_parts = sum(part is not self.comparison for part in self._parts.values())
        note = ""
        if self.part is not self.comparison:
            note = (
                "<p>p-values are adjusted within this part, not for having looked at "
                f"{n_parts} part{'s' * (n_parts != 1)} so far.</p>"
            )
        return note + (self.sentences._repr_html_() if self.sentences else "")


def _controls(comparison: Comparison) -> dict[str, ipywidgets.Dropdown]:
    """Return the menus by the name of what they choose."""
    scores, baseline = comparison.scores, comparison.settings.baseline
    metrics, columns = [metric.name for metric in scores.metrics], scores.slice_columns
    others = [name for name in scores.systems if name != baseline]
    missing = {"two metrics": len(metrics) < 2, "slices": not columns}
    shown = [name for name in VIEWS if not missing.get(name) and (others or name == "scores")]
    parts = [
        (plain(f"{column}: {value} ({len(rows)} rows)", width=_LABEL), (column, value))
        for column in columns
        for value, rows in scores.slice_rows(column)
    ]
    return {
        "view": _menu("show", _named(shown)),
        "metric": _menu("metric", _named(metrics)),
        "second": _menu("and", _named(metrics[1:])),
        "system": _menu("system", _named(others)),
        "by": _menu("slice by", _named(columns)),
        "where": _menu("rows", [(_ALL_ROWS, ()), *parts]),
        "baseline": _menu("baseline", _named(scores.systems), baseline),
    }


def _named(values: Iterable[str]) -> list[tuple[str, str]]:
    """Pair each value with its label."""
    return [(plain(value, width=_LABEL), value) for value in values]


def _menu(
    label: str, options: list[tuple[str, Any]], value: str | None = None
) -> ipywidgets.Dropdown:
    chosen = value if value is not None or not options else options[0][1]
    style = {"description_width": "5em"}
    return ipywidgets.Dropdown(
        options=options, value=chosen, description=label, layout=_MENU, style=style
    )


def _checkbox(label: str) -> ipywidgets.Checkbox:
    shown = plain(label, width=_LABEL)
    return ipywidgets.Checkbox(True, description=shown, indent=False, layout={"width": "auto"})


def _offer(menu: ipywidgets.Dropdown, values: Iterable[str]) -> None:
    """Change what a menu offers and keep what is chosen, if it is still there."""
    options, before = _named(values), menu.value
    if list(menu.options) != options:
        menu.options = options
        menu.value = next((value for _, value in options if value == before), menu.value)
