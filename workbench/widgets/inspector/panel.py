"""The trajectory inspector: runs, their steps, and each step in full, read page by page.

The browser asks for what it shows, and the traits hold the first page only: a page's memory must not
grow with a log, and a saved notebook must not either.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, get_args

import traitlets

from workbench import store
from workbench.display import html_table, number, plain
from workbench.errors import BadKind
from workbench.ratings.coding.schemes import Scheme
from workbench.ratings.journal import Journal
from workbench.trajectories.collection import Runs
from workbench.trajectories.model import Json, Run, Step
from workbench.widgets.base import AskedPanel
from workbench.widgets.inspector import aligned, file, pages, searching
from workbench.widgets.inspector.coding import REQUESTS, Notes, notes_for
from workbench.widgets.inspector.folding import folds
from workbench.widgets.inspector.joins import place_of
from workbench.widgets.inspector.links import links_of
from workbench.widgets.inspector.listing import Listing, listing_of
from workbench.widgets.inspector.ranking import UNRANKED, Ranking, outline_of, suspects_of
from workbench.widgets.inspector.raw import Sources
from workbench.widgets.inspector.scripts import PARTS, SCRIPT, STYLE
from workbench.widgets.inspector.shapes import Shapes
from workbench.widgets.inspector.timeline_svg import timeline_svg

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.auditing.policy import Policy

_FIRST_BYTES = 22_000  # of the runs, and of the steps, of the first page
_SHOWN = 20  # runs where no kernel and no script is
_KEPT_RUNS = 4
_LONG = 250  # steps of a run that takes a while to read


class Inspector(AskedPanel):
    """A panel in which a person reads what agents did.

    Parameters
    ----------
    runs : Runs
        What is read.
    policy : Policy, optional
        Whose breaches are marked.
    notes : Notes, optional
        What people say of the runs, and who is saying more.
    listing : Listing, optional
        What the list of runs shows.
    at : str or (str, int), optional
        The run that is open first, by its id or its output's, and a step of it.

    Attributes
    ----------
    runs : Runs
        As given.
    """

    _esm = SCRIPT
    _css = STYLE
    first = traitlets.Dict().tag(sync=True)
    opening: Any = traitlets.List().tag(sync=True)  # the run and the step at which a panel begins

    def __init__(
        self,
        runs: Runs,
        *,
        policy: "Policy | None" = None,
        notes: Notes | None = None,
        listing: Listing | None = None,
        at: "str | tuple[str, int] | None" = None,
    ) -> None:
        self.runs, self._policy = runs, policy
        self._listing = listing or Listing(runs)
        self._hints = notes is None or notes.hints
        self._at = place_of(self._listing.names, runs, at)
        self._lock = RLock()
        self._open: dict[int, Run] = {}
        self._sources = Sources(runs)
        self._notes = notes or Notes(runs)
        self._notes.run = self._run
        self._searches = searching.Searches(
            self._run, len(runs), lambda at: runs.pieces(runs.ids[at])
        )
        self._ranking = Ranking(self._run, len(runs))
        self._shapes = Shapes(self._run)
        self._comparing = aligned.Comparing(runs, self._run)
        super().__init__(first=self._first_page(), opening=list(self._at))

    def __repr__(self) -> str:
        n_errors = self._listing.n_errors.total()
        return f"Inspector: {self.runs!r}; {n_errors} error{'s' * (n_errors != 1)}"

    def _repr_html_(self) -> str:
        """Show the first runs, where no kernel runs."""
        rows = self._listing.rows(0, _SHOWN)
        body = [
            [
                plain(row["id"]),
                row.get("task", "–"),
                number(row.get("outcome")),
                row["status"],
                str(row["n_steps"]),
                str(row["n_errors"]),
            ]
            for row in rows
        ]
        more = f"; the first {_SHOWN} runs" if len(self.runs) > _SHOWN else ""
        header = ["run", "task", "outcome", "status", "steps", "errors"]
        return html_table(header, body, caption=f"{self!r}{more}")

    def to_html(self, path: str | Path) -> None:
        """Write one file that shows all of this in any browser, from disk and without a network.

        Parameters
        ----------
        path : str or Path
            The file to write, whole or not at all; its folder is made when it is missing.

        Notes
        -----
        The data are compressed, piece by piece, and a piece is opened when it is looked at. The page
        may run the inspector's own script only, and ask nobody for anything. The same runs give the
        same bytes.
        """
        with store.replacing(path) as stream:
            written = file.written(
                self.runs,
                self._policy,
                fallback=self._repr_html_(),
                notes=self._notes,
                listing=self._listing,
                at=self._at,
            )
            for part in written:
                stream.write(part.encode("utf-8"))

    @property
    def at(self) -> tuple[str, int] | None:
        """The run and the step that somebody reads, or read last; None where there are no runs."""
        return (self.runs.ids[self._at[0]], self._at[1]) if len(self.runs) else None

    @property
    def rows(self) -> "pd.DataFrame":
        """The row and the output that each run answers: run_id, row_id, output_id.

        An example of a comparison names its row and output; `show` takes either id to the run.
        """
        import pandas as pd

        names = self._listing.names
        told = {"run_id": self.runs.ids, "row_id": names.row, "output_id": names.output}
        return pd.DataFrame(told, dtype="str")

    def show(self, run_id: str, step: int | None = None) -> None:
        """Show a run in each open panel.

        Parameters
        ----------
        run_id : str
            Its id, or the id of the output that it led to.
        step : int, optional
            A step of it; by default the first, or where the reader is in this run.

        Raises
        ------
        BadValue
            If there is no such run or step.
        """
        run, first = place_of(
            self._listing.names, self.runs, run_id if step is None else (run_id, step)
        )
        self._at = self._at if step is None and run == self._at[0] else (run, first)
        self.opening = list(self._at)
        self.send({"type": "show", "opening": self.opening})

    def timeline_svg(self, run_id: str) -> str:
        """Return the timeline of a run as a picture: SVG, the same bytes each time.

        Parameters
        ----------
        run_id : str
            Its id, or the id of the output that it led to.

        Raises
        ------
        BadValue
            If there is no such run.
        """
        run, _ = place_of(self._listing.names, self.runs, run_id)
        return timeline_svg(self._run(run))

    # ------------------------------------------------------------------------------ the browser

    def _first_page(self) -> dict[str, Json]:
        """Return what shows before the kernel is asked for anything."""
        listing = self._listing
        page: dict[str, Json] = {
            "n_runs": len(self.runs),
            "runs": listing.rows(0, n_bytes=_FIRST_BYTES),
        }
        page |= {"tools": listing.tools, "scored": listing.is_scored}
        page["coding"] = self._notes.first()
        if not len(self.runs):
            page["nothing"] = pages.nothing(self.runs)
        else:
            told = self._rows_from(0, 0, pages.ROWS)
            # a page that is not whole is asked for again
            page["steps"] = told["rows"] if len(json.dumps(told["rows"])) < _FIRST_BYTES else []
            page["hasty"] = "hasty" in told
        return page

    def _turn(self, message: dict[str, Json]) -> AbstractContextManager[Any]:
        # a store that waits for its lock must not keep anybody from reading
        return nullcontext() if message.get("type") in ("code", "part") else self._lock

    def answer(self, message: dict[str, Json]) -> dict[str, Json]:
        """Return the page that a request asks for; an empty one where it asks for nothing known.

        Parameters
        ----------
        message : dict
            `type`, one of part, runs, suspect_counts, rows, folds, places, step, text, source, marks,
            suspects, next, search, count, snippets, tree, path, timeline, coded, codes, and code, with `run` as a
            position and what else the type needs.
        """
        kind, numbers = message.get("type"), _numbers(message)
        if kind == "part":  # of the panel itself, by its name
            return {"text": PARTS.get(str(message.get("name")), "")}
        if isinstance(kind, str) and kind in REQUESTS:
            return self._notes.answer(kind, message)
        at = numbers["run"]
        if kind == "runs":
            return self._runs_from(numbers["from"])
        if kind in searching.REQUESTS:
            return self._searches.answer(message, at, numbers["from"])
        if kind == "suspect_counts":
            return self._ranking.answer(at) if self._hints else dict(UNRANKED)
        if kind in aligned.KINDS:
            return self._comparing.answer(message, at, numbers["from"])
        if not 0 <= at < len(self.runs):
            return {}
        answers: dict[object, Callable[[], dict[str, Json]]] = {
            "rows": lambda: self._rows_from(
                at, numbers["from"], numbers["to"], message.get("steps")
            ),
            "places": lambda: self._places(at, message, numbers),
            "step": lambda: self._step(at, numbers, here=message.get("here") is True),
            "text": lambda: self._text(at, numbers),
            "source": lambda: self._source(at, numbers),
            "folds": lambda: self._folds(at, numbers["from"]),
            "marks": lambda: self._marks(at),
            "suspects": lambda: suspects_of(self._run(at), hints=self._hints),
            "next": lambda: self._next(at, message, numbers),
            **self._shapes.answers(at, numbers),
        }
        return answers[kind]() if kind in answers else {}

    def _run(self, at: int) -> Run:
        """Return a run in full; the last few are kept."""
        with self._lock:
            if at not in self._open:
                self._open[at] = self.runs[at]
            run = self._open[at] = self._open.pop(at)
            while len(self._open) > _KEPT_RUNS:
                self._open.pop(next(iter(self._open)))
            return run

    def _runs_from(self, start: int) -> dict[str, Json]:
        start = max(0, start)
        return {"from": start, "runs": self._listing.rows(start), "n_runs": len(self.runs)}

    def _rows_from(self, at: int, start: int, end: int, places: Json = None) -> dict[str, Json]:
        if isinstance(places, list):
            steps = self._run(at).steps
            known = [each for each in places if type(each) is int and 0 <= each < len(steps)]
            return {"rows": [pages.step_row(steps[each]) for each in known[: pages.ROWS]]}
        hasty, rows = self._some(at, max(0, start), min(end, start + pages.ROWS))
        return {"from": start, "rows": [pages.step_row(step) for step in rows], **hasty}

    def _some(self, at: int, start: int, stop: int) -> tuple[dict[str, Json], Sequence[Step]]:
        """Return some steps of a run, in haste where it is long and not read yet.

        In haste they are not joined to others; the browser asks again once the run is read.
        """
        if at not in self._open and self.runs.lengths[at] >= _LONG:
            found = self.runs.glance(self.runs.ids[at], start, stop)
            if found is not None:
                return {"hasty": True}, found
        return {}, self._run(at).steps[start:stop]

    def _marks(self, at: int) -> dict[str, Json]:
        run, told = self._run(at), self._listing.findings.get(at, [])
        agents = [pages.agent_name(name) for name in pages.agents_of(run)]
        return {"marks": outline_of(run, self._policy, told, hints=self._hints), "agents": agents}

    def _folds(self, at: int, start: int) -> dict[str, Json]:
        found, reached = folds(self._run(at).steps, start)
        return {"folds": found, "next": reached}

    def _places(
        self, at: int, message: dict[str, Json], numbers: dict[str, int]
    ) -> dict[str, Json]:
        """Return which steps are of one sort; an agent is named by its number among `agents_of`."""
        run, agents, what = self._run(at), pages.agents_of(self._run(at)), _what(message)
        agent = agents[numbers["agent"]] if 0 <= numbers["agent"] < len(agents) else None
        found, reached = pages.places_of(run.steps, what, max(0, numbers["from"]), agent=agent)
        return {"places": found, "next": reached}

    def _step(self, at: int, numbers: dict[str, int], *, here: bool) -> dict[str, Json]:
        step, start = numbers["step"], max(0, numbers["from"])
        if not 0 <= step < self.runs.lengths[at]:
            return {}
        if here:
            self._at = at, step
        hasty, found = self._some(at, step, step + 1)
        if not found:
            return {}
        page = pages.step_page(found[0], start)
        if hasty:
            return {"step": page, **hasty}
        steps = self._run(at).steps
        return {"step": page | {"answers": pages.answers_of(steps, step)} | links_of(steps, step)}

    def _text(self, at: int, numbers: dict[str, int]) -> dict[str, Json]:
        steps, step = self._run(at).steps, numbers["step"]
        if not 0 <= step < len(steps):
            return {}
        return pages.text_piece(steps[step], numbers["part"], max(0, numbers["from"]))

    def _source(self, at: int, numbers: dict[str, int]) -> dict[str, Json]:
        run, step = self._run(at), numbers["step"]
        if not 0 <= step < len(run.steps):
            return {}
        return self._sources.piece(run, step, max(0, numbers["from"]))

    def _next(self, at: int, message: dict[str, Json], numbers: dict[str, int]) -> dict[str, Json]:
        what = _what(message)
        way: pages.Way = -1 if numbers["way"] < 0 else 1
        return {"step": pages.find_next(self._run(at).steps, what, numbers["from"], way=way)}


def _what(message: dict[str, Json]) -> pages.What:
    sorts: dict[Json, pages.What] = {each: each for each in get_args(pages.What)}
    return sorts.get(str(message.get("what")), "error")


def _numbers(message: dict[str, Json]) -> dict[str, int]:
    """Return the whole numbers of a request; what is none counts as nought."""
    given = {
        name: message.get(name) for name in ("run", "step", "part", "from", "to", "way", "agent")
    }
    return {name: value if type(value) is int else 0 for name, value in given.items()}


def inspect(
    runs: Runs | Run | Iterable[Run],
    *,
    policy: "Policy | None" = None,
    at: str | tuple[str, int] | None = None,
    findings: "pd.DataFrame | None" = None,
    scores: object = None,
    ratings: "pd.DataFrame | None" = None,
    annotator: str | None = None,
    journal: str | Path | Journal | None = None,
    scheme: Scheme | str | Path = "mast",
    adjudicate: bool = False,
    show_source_labels: bool = False,
    hints: bool = False,
) -> Inspector:
    """Open a panel in which a person reads what agents did, step by step.

    Parameters
    ----------
    runs : Runs, Run or iterable of Run
        What `wb.trajectories.read` returns, one run, or some.
    policy : Policy, optional
        Rules whose breaches are marked.
    at : str or (str, int), optional
        Where to begin: a run, by its id or by the id of the output that it led to, and a step of it.
    findings : DataFrame, optional
        FINDINGS, such as `policy.check` returns; they are marked in the runs that they name by
        `run_id` and `step`, or in their subject.
    scores : Scores or DataFrame, optional
        SCORES, shown with the run that led to an output.
    ratings : DataFrame, optional
        RATINGS, likewise.
    annotator : str, optional
        Who codes; each of several in a panel of his own, blind to the others. The labels that the
        source holds are hidden too, for they would lead.
    journal : str, Path or Journal, optional
        Where each annotation is stored, as ratings are: a file, or the URL of a database.
    scheme : Scheme, str or Path
        What can be chosen: "mast", "trail", "owners", a `wb.ratings.Scheme`, or its YAML file.
    adjudicate : bool
        Whether this annotator decides: the others' annotations show under letters, and those of this
        one become the final ones.
    show_source_labels : bool
        Whether who codes sees what the source says.
    hints : bool
        Whether who codes sees what else judges the runs, and would lead: outcomes, the steps of a run
        that score it, ranked suspects, loops, breaches of the policy, findings, scores and ratings.

    Returns
    -------
    Inspector
        The panel; a line that ends in it shows it, and `to_html` writes it as a file.

    Raises
    ------
    BadKind
        If `runs` are something else.
    BadValue
        If there is an annotator without a journal, or the journal holds another scheme of that name;
        if `at` names no run, output or step; if a table lacks a column or speaks of none of the runs.
    StoreError
        If the journal cannot be opened.

    Examples
    --------
    >>> import workbench as wb
    >>> inspect(wb.trajectories.Run("mine", name="a"))
    Inspector: 1 run, 0 steps: mine; 0 errors
    """
    if isinstance(runs, Run):
        runs = Runs.of([runs])
    if not isinstance(runs, Runs):
        runs = Runs.of(_each_run(runs))
    notes = notes_for(
        runs,
        annotator=annotator,
        journal=journal,
        scheme=scheme,
        adjudicate=adjudicate,
        show_source_labels=show_source_labels,
        hints=hints,
    )
    listing = listing_of(
        notes.runs, findings=findings, scores=scores, ratings=ratings, hints=notes.hints
    )
    return Inspector(notes.runs, policy=policy, notes=notes, listing=listing, at=at)


def _each_run(runs: Iterable[Run]) -> list[Run]:
    found = list(runs) if isinstance(runs, Iterable) and not isinstance(runs, str) else [runs]
    for each in found:
        if not isinstance(each, Run):
            raise BadKind(
                f"runs must be what wb.trajectories.read returns, but {type(each).__name__} came; "
                "read a log first."
            )
    return found
