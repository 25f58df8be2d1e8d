"""One rater's panel: the browser shows and asks, and Python stores each act before it says so.

Acts come as messages, never as traits of the widget: of two quick changes of a trait only the last
one arrives. No trait says what is rated either, so that a saved notebook keeps rating blind.
"""

import html
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.display import counted, plain
from workbench.errors import BadKind, BadValue
from workbench.ratings.assignment import Items
from workbench.ratings.journal import Journal
from workbench.ratings.sessions import Session
from workbench.ratings.studies import Study
from workbench.widgets.base import Panel

_HERE = Path(__file__).parent


class Rate(Panel):
    """A panel in which one rater rates.

    Parameters
    ----------
    session : Session
        Whose sitting it is, and on what.

    Attributes
    ----------
    session : Session
        As given; it checks, stores and acknowledges what the rater does.
    """

    _esm = _HERE.joinpath("rating.js").read_text(encoding="utf-8")
    _css = _HERE.joinpath("rating.css").read_text(encoding="utf-8")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._views: set[str] = set()
        self.on_msg(self._received)

    def __repr__(self) -> str:
        with suppress(OSError):  # a store that is away now still has what is known of it
            self.session.study.refresh()
        answered, total = self.session.progress()
        acts = counted(len(self.session.desk.op_ids), "act")
        rater = plain(self.session.rater, width=80)
        return f"Rate: {answered} of {counted(total, 'item')} rated by {rater}, saved {acts}"

    def _repr_html_(self) -> str:
        """Show how far the rater is, where no kernel runs."""
        return f"<p>{html.escape(repr(self))}</p>"

    def _received(self, _: object, message: Any, __: object) -> None:  # noqa: ANN401 - hostile JSON
        """Answer a message of the browser; JupyterLab may call this beside the cell that runs."""
        try:
            replies = self.session.receive(message)
        except Exception:
            op_id = message.get("op_id", "") if isinstance(message, dict) else ""
            reason = "something in the kernel broke, and its log says what; tell whoever asked you."
            self.send({"type": "failed", "op_id": op_id, "reason": reason})
            raise
        for reply in replies:
            self.send(reply)
        if isinstance(message, dict) and message.get("type") in ("hello", "bye"):
            self._count(message["type"], str(message.get("view_id")))

    def _count(self, kind: str, view: str) -> None:
        """Tell all views how many there are, when one has come or gone."""
        before = len(self._views)
        (self._views.add if kind == "hello" else self._views.discard)(view)
        if len(self._views) != before:
            self.send({"type": "views", "views": len(self._views)})


def rate(
    items: Items | Session | None = None,
    *,
    rater: str = "",
    journal: str | Path | Journal | None = None,
) -> Rate:
    """Open a panel in which one rater rates.

    Parameters
    ----------
    items : Items or Session, optional
        What is to be rated; it is put into the journal, once. Without it, what the journal holds:
        such a notebook names no system. Or a sitting, such as an adjudicator's, which knows who
        rates and where acts are stored.
    rater : str
        Who rates; with a plan, one of its raters.
    journal : str, Path or Journal
        Where each act is stored: a file, or the URL of a database.

    Returns
    -------
    Rate
        The panel; a line that ends in it shows it.

    Raises
    ------
    BadKind
        If `items` are something else.
    BadValue
        If the journal holds another study than `items`, or none and no `items` are given; or if
        nobody rates, or nowhere.
    UnknownName
        If the plan does not know the rater.
    StoreError
        If the journal cannot be opened.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> rows = wb.read([{"input": "What is it?"}])
    >>> outputs = wb.outputs(rows, {"short": ["A cat."]})
    >>> task = wb.ratings.Task("quality", [wb.ratings.Scale("fluency", 1, 5)])
    >>> items = wb.ratings.items(outputs, rows, task, raters=["ana"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with wb.ratings.Journal.open(f"{folder}/ratings.sqlite") as journal:
    ...         wb.rate(items, rater="ana", journal=journal)
    Rate: 0 of 1 item rated by ana, saved 0 acts
    """
    if isinstance(items, Session):
        return Rate(items)
    if not rater or journal is None:
        raise BadValue(
            f"a panel must have a rater and a journal, but rater={rater!r} and journal={journal!r} "
            "came; name both."
        )
    if items is not None and not isinstance(items, Items):
        raise BadKind(
            f"items must be what wb.ratings.items makes, but {type(items).__name__} came; make them "
            "of outputs, rows and a task first."
        )
    if isinstance(journal, Journal):
        return _opened(items, rater, journal)
    opened = Journal.open(journal, create=items is not None)
    try:
        return _opened(items, rater, opened)
    except Exception:
        opened.close()
        raise


def _opened(items: Items | None, rater: str, journal: Journal) -> Rate:
    study = Study(journal) if items is None else Study.start(journal, items)
    return Rate(Session(study, rater, session_id=str(uuid.uuid4())))
