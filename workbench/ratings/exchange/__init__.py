"""Ratings to and from files: our own, and those of Appraise, WMT, Label Studio, Potato and Argilla."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from workbench import formats
from workbench.errors import BadKind, BadValue, unknown_name
from workbench.ratings.exchange import (
    appraise,
    argilla,
    label_studio,
    mqm,
    plain,
    potato,
    sources,
)
from workbench.ratings.exchange.chain import Chain, read_chain, restore, write_chain
from workbench.ratings.exchange.tally import Imported, Report, Tally
from workbench.tables import RATINGS, each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings.journal import Journal

__all__ = [
    "Chain",
    "Imported",
    "Report",
    "from_file",
    "read_chain",
    "restore",
    "write",
    "write_chain",
]

Output = Literal["jsonl", "csv", "spreadsheet", "parquet", "mqm", "appraise", "events"]
"""What can be written: RATINGS for machines (three kinds) and for a spreadsheet, the tab-separated
file of MQM, Appraise's CSV, and a journal's events with the chain that holds them."""

Input = Literal["plain", "appraise", "mqm", "label studio", "potato", "argilla"]
"""What can be read: "plain" is RATINGS as we write it, whatever its suffix."""

_OUTPUTS = ("jsonl", "csv", "spreadsheet", "parquet", "mqm", "appraise", "events")
_INPUTS = ("plain", "appraise", "mqm", "label studio", "potato", "argilla")
_SUFFIXES: Mapping[str, Output] = {
    ".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet", ".tsv": "mqm",
}  # fmt: skip


def write(
    what: "pd.DataFrame | Journal",
    path: str | Path,
    *,
    format: Output | None = None,
    outputs: "pd.DataFrame | None" = None,
    rows: "pd.DataFrame | None" = None,
) -> Report:
    """Write ratings, or a journal, as a file; whole or not at all.

    Parameters
    ----------
    what : DataFrame or Journal
        RATINGS; of a journal its RATINGS, or with `format="events"` its events.
    path : str or Path
        The file to write.
    format : str, optional
        "jsonl", "csv", "parquet": read back equal by `from_file`. "spreadsheet": a CSV for people,
        in which no text is a formula. "mqm", "appraise": as those campaigns exchange them. "events":
        the whole chain of a journal. By default what the suffix says.
    outputs, rows : DataFrame, optional
        OUTPUTS and ROWS, which know the texts that "mqm" holds, and by which "appraise" counts; a
        journal knows its own.

    Returns
    -------
    Report
        What was written, and what the format has no place for.

    Raises
    ------
    BadValue
        If the format cannot hold what is asked of it, such as two scales in Appraise's.

    Examples
    --------
    >>> import pandas as pd, tempfile
    >>> ratings = pd.DataFrame({"item_id": ["i1"], "rater": ["r"], "question": ["q"], "value": [4]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = write(ratings, f"{folder}/ratings.csv")
    ...     from_file(f"{folder}/ratings.csv").ratings
      item_id rater question value
    0      i1     r        q     4
    """
    place = Path(path)
    kind = format or _by_suffix(place)
    if kind not in _OUTPUTS:
        raise unknown_name("the format", kind, _OUTPUTS)
    tally = Tally(str(place), kind)
    if kind == "events":
        return _write_events(what, place, tally)
    ratings, texts = _ratings(what)
    frame = RATINGS.check(ratings, source="the ratings given")
    if kind in {"mqm", "appraise"}:
        frame = _with_texts(frame, {**texts, **_texts(outputs, "output_id", "text")}, rows)
        (mqm if kind == "mqm" else appraise).export(frame, place, tally)
    else:
        plain.export(frame, place, cast("plain.Kind", kind))
        tally.counts.update(rows=len(frame), read=len(frame), ratings=len(frame))
    return tally.report()


def from_file(
    path: str | Path,
    *,
    format: Input | None = None,
    texts: Mapping[str, str] | None = None,
    raters: Mapping[str, str] | str | Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Imported:
    """Read ratings out of a file of ours or of others.

    Parameters
    ----------
    path : str or Path
        The file, also with `.gz`; of Potato also the folder of its raters.
    format : str, optional
        "plain" (ours), "appraise", "mqm", "label studio", "potato" or "argilla"; by default what the
        beginning of the file shows.
    texts : mapping of str to str, optional
        For Appraise, whose exports hold no texts: the rated text by `item_id`, so that places of
        spans can be turned from UTF-16 code units into code points.
    raters : mapping, str or Path, optional
        For Appraise: who stands behind each login; a mapping, or a CSV with the columns `login` and
        `AnnotatorID`. The login is kept in `session`.
    columns : mapping of str to str, optional
        For Label Studio and Argilla: fields of your data to columns of RATINGS, such as
        ``{"left_model": "system_a", "right_model": "system_b"}``; `system_a` is then the one that
        stood left, and comes out in the order of names.

    Returns
    -------
    Imported
        `ratings`, the answers that stand; `others`, with a `reason`: attention checks, tutorials,
        earlier judgements, drafts, predictions, what has no place; and the `report`, which counts
        all of them and names each broken line.

    Raises
    ------
    BadValue
        If it is no file of that format, or too large.
    Unreadable
        If it cannot be opened.
    """
    place = Path(path)
    with formats.readable(place):
        kind = format or _by_content(place)
        if kind not in _INPUTS:
            raise unknown_name("the format", kind, _INPUTS)
        tally = Tally(str(place), kind)
        if kind == "appraise":
            logins = appraise.logins(Path(raters)) if isinstance(raters, (str, Path)) else raters
            return appraise.load(place, tally, texts=texts or {}, raters=logins or {})
        if kind == "label studio":
            return label_studio.load(place, tally, columns=columns or {})
        if kind == "argilla":
            return argilla.load(place, tally, columns=columns or {})
        return {"plain": plain.load, "mqm": mqm.load, "potato": potato.load}[kind](place, tally)


def _by_suffix(path: Path) -> Output:
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise unknown_name(f"the suffix of {path.name!r}", path.suffix, _SUFFIXES)
    return kind


def _by_content(path: Path) -> str:
    """Tell a format by how its file begins."""
    suffix = formats.suffix(path)
    if path.is_dir():
        return "potato"
    if suffix == ".parquet":
        return "plain"
    if suffix in {".csv", ".tsv"}:
        separator = "," if suffix == ".csv" else "\t"
        cells = next(sources.cells(path, Tally("", ""), separator=separator), (0, list[str]()))[1]
        # an MQM file may have no header
        found = _by_header(cells) or ("mqm" if suffix == ".tsv" and len(cells) in {9, 10} else "")
    elif suffix in {".json", ".jsonl", ".ndjson"}:
        found = _by_record(_first_record(path, suffix))
    else:
        found = ""
    if not found:
        raise BadValue(
            f"{path} must be ratings in a format that is known, but its beginning shows none of "
            f"{', '.join(map(repr, _INPUTS))}; say which by format=."
        )
    return found


def _by_header(cells: list[str]) -> str:
    names = set(cells)
    if {"item_id", "rater", "question", "value"} <= names:
        return "plain"
    if {"instance_id", "user_id"} <= names:
        return "potato"
    if appraise.is_appraise(cells):
        return "appraise"
    return "mqm" if {"system", "doc", "rater"} <= set(map(str.casefold, names)) else ""


def _first_record(path: Path, suffix: str) -> Any:  # noqa: ANN401 - JSON holds anything
    if suffix == ".json":
        whole = sources.whole_json(path)
        return whole[0] if isinstance(whole, list) and whole else whole
    return next((record for _, record in sources.records(path, Tally("", ""))), None)


_SIGNS: tuple[tuple[str, set[str]], ...] = (
    ("plain", {"item_id", "rater", "question", "value"}),
    ("label studio", {"data", "annotations"}),
    ("label studio", {"data", "completions"}),
    ("label studio", {"data", "predictions"}),
    ("potato", {"instance_id", "labels"}),
    ("potato", {"instance_id_to_label_to_value"}),
    ("potato", {"instance_id_to_span_to_value"}),
    ("argilla", {"fields", "responses"}),
    ("argilla", {"id", "responses"}),
)


def _by_record(record: object) -> str:
    if not isinstance(record, dict):
        return ""
    for kind, names in _SIGNS:
        if names <= record.keys():
            return kind
    return "argilla" if any(str(n).endswith((".responses", ".suggestion")) for n in record) else ""


def _write_events(what: object, path: Path, tally: Tally) -> Report:
    if not hasattr(what, "events"):
        raise BadKind(
            f"events must come from a journal, but a {type(what).__name__} came; pass the journal."
        )
    events = what.events()
    write_chain(events, path, store_id=str(getattr(what, "store_id", "")))
    tally.counts.update(rows=len(events), read=len(events))
    return tally.report()


def _ratings(what: object) -> "tuple[pd.DataFrame, dict[str, str]]":
    """Return RATINGS, and the texts that a journal knows by their `output_id`."""
    import pandas as pd

    if isinstance(what, pd.DataFrame):
        return what, {}
    if not hasattr(what, "events"):
        raise BadKind(
            f"ratings must be a DataFrame or a Journal, but a {type(what).__name__} came; read "
            "them first."
        )
    from workbench.ratings.reading import read

    bodies: Iterable[Mapping[str, Any]] = [e.body for e in what.events(kinds=("item",))]
    texts = {o["output_id"]: o["text"] for body in bodies for o in body.get("outputs", ())}
    frame = read(what)  # type: ignore[arg-type]
    given = {body["item_id"]: body.get("source", "") for body in bodies}
    given_texts = pd.Series([given.get(item) for item in frame["item_id"]], dtype=object)
    return frame.assign(source=given_texts), texts


def _texts(frame: "pd.DataFrame | None", key: str, column: str) -> dict[str, str]:
    if frame is None:
        return {}
    pairs = zip(frame[key], frame[column], strict=True)
    return {str(name): text for name, text in pairs if isinstance(text, str)}


def _with_texts(
    ratings: "pd.DataFrame", targets: Mapping[str, str], rows: "pd.DataFrame | None"
) -> "pd.DataFrame":
    """Put the texts beside the ratings where the columns do not hold them yet."""
    known = _texts(rows, "row_id", "input")
    target, source = [], []
    for row in each_row(ratings):
        own = row.get("target"), row.get("source")
        outputs = row.get("output_ids") or [""]
        target.append(targets.get(outputs[0]) if is_missing(own[0]) else own[0])
        source.append(known.get(str(row.get("row_id"))) if is_missing(own[1]) else own[1])
    import pandas as pd

    return ratings.assign(
        target=pd.Series(target, dtype=object), source=pd.Series(source, dtype=object)
    )
