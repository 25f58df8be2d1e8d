"""Which tool wrote a file: told by its content, not by its name."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from workbench import formats
from workbench.errors import BadValue, InputError, Unreadable
from workbench.exchange import helm, inspect_logs, llm_comparator, lm_harness, promptfoo
from workbench.exchange.evaluation import Evaluation, Found
from workbench.tables import is_missing

READERS = (inspect_logs, lm_harness, promptfoo, llm_comparator, helm)
NAMES = tuple(reader.NAME for reader in READERS)

_LINES = (".jsonl", ".ndjson")
_HEAD = 4096


def read(source: str | Path, *, system: str | None = None) -> Evaluation:
    """Read an evaluation that another tool made.

    Parameters
    ----------
    source : str or Path
        A file of Inspect (`.eval`, `.json`), lm-evaluation-harness (`samples_*.jsonl`,
        `results_*.json`), promptfoo (`.json`, `.jsonl`), HELM (a run's folder) or LLM Comparator;
        also with `.gz`, but for `.eval`; or a folder of files of one of these.
    system : str, optional
        A name for the system, where there is one; by default the model's.

    Returns
    -------
    Evaluation
        With `rows`, `outputs`, `scores` and, of preferences, `ratings`.

    Raises
    ------
    BadValue
        If no known tool wrote it, several did, a file is not as its tool writes it, or there are no
        outputs.
    Unreadable
        If there is no such file or folder.

    Notes
    -----
    Row ids hold for all systems: the test's number (promptfoo), the instance (HELM), or task and
    document (lm-evaluation-harness, Inspect).
    """
    path = Path(source)
    with formats.readable(path):
        if not path.exists():
            raise Unreadable(
                f"an evaluation must be a file or a folder, but there is no {path}; check the path."
            )
        parts = list(_parts(path))
        if not parts and path.is_file():
            _value(path)  # what breaks it says more than that no tool is known
    names = sorted({reader.NAME for reader, _, _ in parts})
    if len(names) != 1:
        came = f"{' and '.join(names)} came" if names else "it is not"
        raise BadValue(
            f"{path} must be of one known tool ({', '.join(NAMES)}), but {came}; name one of its "
            "files."
        )
    found = _together(path, parts)
    if system is not None:
        if len({each["system"] for each in found.outputs}) > 1:
            raise BadValue(
                f"a name for the system must come with outputs of one, but {path} holds several; "
                "leave system= out."
            )
        for each in found.outputs:
            each["system"] = system
    return found.finished(names[0], str(source))


def _together(path: Path, parts: Sequence[tuple[ModuleType, Path, object]]) -> Found:
    """Read files as one evaluation, unless two say which repeat they hold and it is the same."""
    found, seen = Found(), dict[tuple[str, str, int], Path]()
    for reader, place, value in parts:
        one = reader.read(place, value)
        for each in one.outputs:
            if is_missing(each.get("repeat")):
                continue
            key = (each["system"], each["row_id"], each["repeat"])
            if (first := seen.setdefault(key, place)) != place:
                raise BadValue(
                    f"the files of {path} must hold outputs of their own, but "
                    f"{first.relative_to(path)} and {place.relative_to(path)} both hold repeat "
                    f"{key[2]} of row {key[1]!r} by {key[0]!r}; read each by itself, with system= for "
                    "its name, and join the tables."
                )
        found.extend(one)
    return found


def evaluation_of(path: Path) -> Evaluation | None:
    """Read a path if a known tool wrote it; None where it is anything else."""
    return read(path) if any(True for _ in _parts(path)) else None


def _parts(path: Path) -> Iterator[tuple[ModuleType, Path, object]]:
    """Yield the files at a path that a known tool wrote, each with its reader and beginning."""
    if not path.is_dir():
        if (known := _recognised(path)) is not None:
            yield known[0], path, known[1]
        return
    if (path / helm.STATE).is_file() or (path / helm.STATS).is_file():
        yield helm, path, None
        return
    files = [each for each in sorted(path.rglob("*")) if each.is_file()]
    runs = {each.parent for each in files if each.name == helm.STATE}
    yield from ((helm, each, None) for each in sorted(runs))
    for each in files:
        known = None if each.parent in runs else _recognised(each)
        # a file of results has the figures of all samples beside it, which are read anyway
        if known is not None and not (known[0] is lm_harness and formats.suffix(each) == ".json"):
            yield known[0], each, known[1]


def _recognised(path: Path) -> tuple[ModuleType, object] | None:
    """Return the reader of a file and what it was recognised by."""
    if formats.suffix(path) == ".eval":
        return inspect_logs, None
    try:
        value = _value(path)
    except InputError:
        return None  # whoever reads it next says what is wrong
    known = [reader for reader in READERS if reader.recognises(value)]
    return (known[0], value) if known else None


def _value(path: Path) -> object:
    """Return what tells a file's tool: all of a JSON file, of JSON Lines the first; else None."""
    kind = formats.suffix(path)
    if kind in _LINES:
        return _first_line(path)
    if kind == ".json" and _may_be_one(path):
        return formats.parsed_json(formats.decoded(formats.whole(path), path), path, 1)
    return None


def _first_line(path: Path) -> object:
    for at, line in enumerate(formats.physical_lines(path), start=1):
        text = formats.decoded(line, path, at)
        if text.strip():
            return formats.parsed_json(text, path, at)
    return None


def _may_be_one(path: Path) -> bool:
    """Tell by its beginning whether a JSON file may be a tool's: an object, or HELM's list."""
    for line in formats.physical_lines(path):
        begin = line[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r")
        if begin:
            return begin.startswith(b"{") or path.name.startswith("per_instance_stats")
    return False


__all__ = ["NAMES", "evaluation_of", "read"]
