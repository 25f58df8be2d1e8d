"""A watch in a panel: the figures of the last windows, redrawn as its files grow."""

import html
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.display import html_table, number, plain
from workbench.errors import BadValue, InputError
from workbench.trajectories.analysis import over_time
from workbench.trajectories.live.following import Watch
from workbench.trajectories.live.updates import Update, counted
from workbench.views import trajectories as views
from workbench.widgets.figure import Figure

if TYPE_CHECKING:
    import pandas as pd

N_WINDOWS = 60
"""So many windows are drawn, the last."""

_N_ROWS = 10
_HEADER = (
    "window (UTC)",
    "steps",
    "errors, %",
    "p50, s",
    "p95, s",
    "tokens in",
    "tokens out",
    "USD",
)


class Dashboard(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A panel of a watch: what was read in words, alerts, figures and a table.

    It is redrawn when a poll finds something, whoever polls.

    Parameters
    ----------
    watch : Watch
        What is shown.
    every : str
        The length of a window, as in `analysis.over_time`.

    Attributes
    ----------
    windows : DataFrame
        What is drawn, as `analysis.over_time` returns it.
    refusal : str
        Why nothing can be drawn; empty when something is.

    Raises
    ------
    BadValue
        If `every` is no length of time.
    """

    def __init__(self, watch: Watch, *, every: str = "1min") -> None:
        self._unsubscribe: Callable[[], None] = _nothing
        self.watch, self.every, self.refusal = watch, every, ""
        self.windows = over_time(watch.recent(2**62), every=every)
        self._working = threading.Lock()
        self._told, self._figure, self._table = ipywidgets.HTML(), Figure(), ipywidgets.HTML()
        self._table.add_class("jp-RenderedHTMLCommon")  # as tables look below a cell
        super().__init__([self._told, self._figure, self._table])
        self.add_class("workbench-dashboard")
        self._unsubscribe = watch.subscribe(self._changed)
        watch.poll()
        self._changed()

    def close(self) -> None:
        """Let the watch go, and close the panel."""
        self._unsubscribe()
        super().close()

    def __repr__(self) -> str:
        return f"Dashboard: {self._counts()}\n{plain(self.refusal) or repr(self._figure)}"

    def _repr_html_(self) -> str:
        """Show the panel as it stands where no kernel runs."""
        return self._words() + self._tabulated()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - as in IPython
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        return bundle | {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _changed(self, _: Update | None = None) -> None:
        """Redraw; one thread at a time."""
        with self._working:
            self.refusal = ""
            try:
                self.windows = self._recent_windows()
                self._require_some()
                self._figure.show(views.dashboard(self.windows))
            except InputError as error:
                self.refusal = str(error)
            self._figure.layout.visibility = "hidden" if self.refusal else "visible"
            self._told.value, self._table.value = self._words(), self._tabulated()

    def _require_some(self) -> None:
        if not len(self.windows):
            raise BadValue(
                "a dashboard needs steps whose times are recorded, but none has come yet; it is "
                "drawn when one does."
            )

    def _recent_windows(self) -> "pd.DataFrame":
        import pandas as pd

        length = pd.Timedelta(self.every).as_unit("ns").value
        first = ((self.watch.last_ns or 0) // length - N_WINDOWS + 1) * length
        windows = over_time(self.watch.recent(first), every=self.every)
        # runs that are at work may have begun long before
        recent = windows["window"] >= pd.Timestamp(first, unit="ns", tz="UTC")
        return windows[recent].reset_index(drop=True)

    def _counts(self) -> str:
        n_files, n_runs, n_steps = self.watch.counts
        counts = (counted(n_files, "file"), counted(n_runs, "run"), counted(n_steps, "step"))
        return f"{', '.join(counts)} in {plain(self.watch.path.name, width=80)}"

    def _words(self) -> str:
        said = [f'<p role="status">{html.escape(self._counts())}</p>']
        said += [
            f'<p role="alert">{html.escape(plain(each))}</p>'
            for each in (*(f"Alert: {name}" for name in self.watch.started), self.refusal)
            if each
        ]
        return "".join(said)

    def _tabulated(self) -> str:
        if self.refusal or not len(self.windows):
            return ""
        last = self.windows.tail(_N_ROWS)
        n = len(self.windows)
        caption = f"The last {len(last)} of {n} windows of {plain(self.every)}"
        return html_table(
            _HEADER, [_cells(row) for row in last.to_dict("records")], caption=caption
        )


def _nothing() -> None:
    """Leave a watch that was never subscribed to."""


def _cells(row: Mapping[Hashable, Any]) -> list[str]:
    return [
        f"{row['window']:%Y-%m-%d %H:%M:%S}",
        number(row["n"], 0),
        number(100 * row["error_rate"], 1),
        *(number(row[name], 2) for name in ("p50_s", "p95_s")),
        *(number(row[name], 0) for name in ("input_tokens", "output_tokens")),
        number(row["cost_usd"], 4),
    ]
