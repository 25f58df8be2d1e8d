"""Is anything of a broken file lost without a word?

Whatever of it can be parsed must be found in the runs, or in what the readers say of it. What can be
parsed is judged by Python's own parser: `Document`, which reads further where Python gives up, must
have found that much at least.
"""

import ast
import base64
import gzip
import json
import re
import runpy
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.trajectories.collection import Runs
from workbench.trajectories.model import Annotation, Notice, Part, Run, Step
from workbench.trajectories.sources.archives import Archive
from workbench.trajectories.sources.documents import Document, Limits, nanoseconds

_LEAVES = runpy.run_path(str(Path(__file__).with_name("leaves.py")))
leaves, missing_leaves = _LEAVES["leaves"], _LEAVES["missing_leaves"]

_REFERENCE = re.compile(r"(attachment|tc)://\w+")
_SPAN_KINDS = {
    "LLM", "EMBEDDING", "CHAIN", "RETRIEVER", "RERANKER", "TOOL", "AGENT", "GUARDRAIL", "EVALUATOR", "PROMPT",
}  # fmt: skip
_KIND, _NESTED_KIND = "openinference.span.kind", "openinference/span/kind"
# Words that became a kind, a role, a type or a status, by the name of their member.
_MAPPED = {
    "role": {"assistant", "user", "system", "tool", "function", "developer"},
    "type": {
        "ai", "human", "system", "tool", "function", "text", "message", "assistant", "user", "reasoning",
        "tool_use", "tool_result", "tool_call", "function_call", "function_call_output", "output_text",
        "input_text", "summary_text", "thinking", "AIMessageChunk", "custom_tool_call",
        "custom_tool_call_output", "tool_call_response", "summary", "queue-operation",
    },
    "source": {"agent", "user", "system", "environment"},
    "status": {"success", "error", "ok"},
    "code": {"0", "1", "2", "STATUS_CODE_OK", "STATUS_CODE_ERROR", "STATUS_CODE_UNSET"},
    "status_code": {"OK", "ERROR", "UNSET"},
    "workbench_run": {"1"},
    "schema_version": {f"ATIF-v1.{minor}" for minor in range(9)},
    "span_kind": _SPAN_KINDS,
    _KIND: _SPAN_KINDS,
    "stringValue": _SPAN_KINDS,
    "key": {"content", "role", "id", "name", "finish_reason", "index", "message", "tool_calls"},
    # numbers of places
    "step_id": {str(number) for number in range(1, 1_000)},
    "index": {str(number) for number in range(1_000)},
}  # fmt: skip
# What says that nothing at its place was read, unless it names bytes.
_NOT_READ = {"unreadable", "no_spans", "unused", "no_simulations"}
# Names of attributes are the keys of the model, or they are mapped to its fields.
_ATTRIBUTE = re.compile(
    r"(gen_ai|wb|service|error|llm|ai|openinference|input|output|tool|session)\."
)


def lost(
    path: Path, runs: Runs, loaded: list[Run], *, reader: str, limits: Limits
) -> Iterator[str]:
    """Yield a sentence for each text and number of a file that is nowhere.

    Parameters
    ----------
    path : Path
        The file.
    runs : Runs
        What came of it.
    loaded : list of Run
        The same in full.
    reader : str
        The format that it was read as.
    limits : Limits
        How much was read.
    """
    document = Document(path, path.name, limits)
    if reader == "workbench-runs":
        # which is always lines, and may be somewhat deeper
        document = Document(path, path.name, replace(limits, depth=limits.depth + 16))
        document.is_lines = True
    if reader == "inspect-log":
        document.is_lines = False
    values = list(_values(document))
    told = runs.findings
    notices = [
        Notice(check.partition(".")[2], subject.partition("#")[2], reason, severity)
        for check, subject, severity, reason in zip(
            told["check"], told["subject"], told["severity"], told["evidence"], strict=True
        )
    ]
    found = _Found(loaded, notices)
    content = None if document.is_zip else _unpacked(document)
    if content is not None:
        # a reader of parts of a document may go deeper than its whole would be read
        known = found.leaves | {leaf for _, value in values for leaf in leaves(value)}
        lines = reader == "workbench-runs"
        yield from _unparsed(document, content, known, notices, lines=lines)
    elif not document.is_zip and not any(notice.severity == "error" for notice in notices):
        yield "lost: the file cannot be unpacked, and nothing says so"
    missing = {leaf for leaf, _ in missing_leaves([value for _, value in values], loaded)}
    for leaf, places in found.lost(values, missing).items():
        yield f"lost: {leaf[:80]!r} at {[each[-200:] for each in places[:3]]}"


def _values(document: Document) -> Iterator[tuple[str, Any]]:
    if not document.is_zip:
        yield from document.values()
        return
    archive = Archive(document)
    for name in archive.names:
        if name.endswith(".json"):
            yield f"{name}!", archive.json(name)


def _placed(values: list[tuple[str, Any]], wanted: set[str]) -> dict[str, list[str]]:
    """Return where some leaves stand."""
    found: dict[str, list[str]] = {leaf: [] for leaf in wanted}
    stack = list(values)
    while stack:
        place, value = stack.pop()
        if isinstance(value, (dict, list)):
            members = value.items() if isinstance(value, dict) else enumerate(value)
            stack += [(f"{place}/{key}", each) for key, each in members]
        else:
            for leaf in leaves(value):
                if leaf in wanted:
                    found[leaf].append(place)
    return found


class _Found:
    """All that came of a file: what stands in its runs, and what was said of the rest."""

    def __init__(self, runs: list[Run], notices: list[Notice]) -> None:
        self.leaves = {leaf for run in runs for leaf in leaves(run)}
        reasons = [notice.reason for notice in notices]
        self.text = "\n".join([*self.leaves, *_keys(runs), *reasons])
        self.totals = {
            str((usage.input_tokens or 0) + (usage.output_tokens or 0))
            for run in runs for usage in [run.recorded, *(step.usage for step in run.steps)] if usage
        }  # fmt: skip
        self._unread = [
            notice.place.rpartition("/")[0] if "more like it" in notice.reason else notice.place
            for notice in notices
            if notice.check in _NOT_READ and not re.match(r"\d+ bytes", notice.reason)
        ]

    def lost(self, values: list[tuple[str, Any]], leaves: set[str]) -> dict[str, list[str]]:
        """Return those of some leaves that are nowhere, with their places among values."""
        missing = {leaf for leaf in leaves if not self.has(leaf)}
        places = _placed(values, missing) if missing else {}
        lost = {
            leaf: [each for each in at if not self.excused(each, leaf)]
            for leaf, at in places.items()
        }
        return {leaf: at for leaf, at in lost.items() if at}

    def has(self, leaf: str) -> bool:
        """Tell whether a text or a number is there, as it was or as readers change it."""
        if leaf in self.leaves or leaf.lower().removeprefix("0x") in self.leaves:
            return True
        if leaf.endswith("=") and _hexadecimal(leaf) in self.leaves:
            return True
        if stands_in(self.text, leaf):
            return True
        time_ns = nanoseconds(leaf)
        if time_ns is not None and str(time_ns) in self.leaves:
            return True
        inner = _opened(leaf)
        if isinstance(inner, str):
            return inner != leaf and self.has(inner)
        return isinstance(inner, (dict, list)) and not self.lost([("", inner)], set(leaves(inner)))

    def excused(self, place: str, leaf: str) -> bool:
        """Tell whether a leaf need not be found: it was mapped, or its place was told."""
        # an attribute may be nested instead of named by its path
        key = place.rpartition("/")[2] if not place.endswith(_NESTED_KIND) else _KIND
        if leaf in _MAPPED.get(key, ()) or (key in {"key", "name"} and _ATTRIBUTE.match(leaf)):
            return True
        if _REFERENCE.fullmatch(leaf):
            # the text that it refers to stands in its place, and is looked for itself
            return True
        if key == "schema_version" and leaf.removeprefix("ATIF-v") in self.leaves:
            return True
        if key in {"name", "version"} and leaf == "unknown":
            return True
        if key == "doubleValue" and self._is_double(leaf):
            return True
        if key == "total_tokens" and leaf in self.totals:
            return True
        if re.search(r"time|created", place.rpartition("/")[0][-12:] + key) and self._is_time(leaf):
            return True
        return any(place == each or place.startswith(f"{each}/") for each in self._unread)

    def _is_double(self, leaf: str) -> bool:
        """Tell whether a number is there as the double that it is by its format, to its last digit."""
        try:
            return next(leaves(float(leaf))) in self.leaves
        except ValueError:
            return False

    def _is_time(self, leaf: str) -> bool:
        """Tell whether a number became a time, alone or as seconds or nanoseconds of a pair."""
        try:
            number = float(leaf)
        except ValueError:
            return False
        if not 0 <= number < 1e19:
            return False
        whole = {str(round(number * factor)) for factor in (1e9, 1e6, 1e3)}
        pair = any(
            (len(each) == len(leaf) + 9 and each.startswith(leaf))
            or (len(each) == 19 and each.endswith(leaf.zfill(9)))
            for each in self.leaves
            if each.isdecimal()
        )
        return pair or not whole.isdisjoint(self.leaves)


def _keys(value: Any) -> Iterator[str]:
    """Yield the names of all members of what is kept beside the model."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            yield from one
            stack += one.values()
        elif isinstance(one, (list, tuple)):
            stack += one
        elif isinstance(one, (Run, Step, Part, Annotation)):
            stack += [
                getattr(one, name)
                for name in ("steps", "parts", "annotations", "extra")
                if hasattr(one, name)
            ]


def _hexadecimal(leaf: str) -> str:
    """Return an id that protobuf's own JSON wrote in base64."""
    try:
        return base64.b64decode(leaf, validate=True).hex()
    except ValueError:
        return leaf


def stands_in(text: str, leaf: str) -> bool:
    """Tell whether a text or a number stands within a text, as itself or as JSON or Python write it.

    Examples
    --------
    >>> stands_in("it is 7 or [1.5, 'a']", "7"), stands_in("17", "7"), stands_in("it is 'a'", "a")
    (True, False, True)
    """
    forms = [
        leaf,
        json.dumps(leaf)[1:-1],
        json.dumps(leaf, ensure_ascii=False)[1:-1],
        repr(leaf)[1:-1],
    ]
    if len(leaf) > 3 and any(form in text for form in [*forms, leaf.strip()]):
        return True
    try:
        number = float(leaf)
        forms += [repr(number), json.dumps(number)]
    except (ValueError, OverflowError):
        pass
    if len(leaf) > 40:
        # no number, and looked for already
        return False
    return any(re.search(rf"(?<![\w.]){re.escape(form)}(?![\w.])", text) for form in set(forms))


def _opened(text: str) -> Any:
    """Return what stands in a text as JSON, or as Python prints it."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text) if text[:1] in {"{", "["} else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


# --- what is not parsed


_MENDED = ("unreadable", "encoding", "too_deep", "control_character")
_CUT_SHORT = re.compile("letters more|more like it")
_HALF = re.compile("[\ud800-\udfff]")


def _unparsed(
    document: Document,
    content: bytes,
    known: set[str],
    notices: list[Notice],
    *,
    lines: bool,
) -> Iterator[str]:
    """Yield what Python's own parser finds and nobody knows; lines are lines for certain."""
    said = "\n".join(notice.reason for notice in notices)
    checks = {(notice.check, notice.place) for notice in notices}
    for place, data in _pieces(document, content, lines=lines):
        try:
            value = _parsed(data)
        except (ValueError, RecursionError):
            if not checks & {(each, place) for each in _MENDED}:
                yield f"lost: {place or 'the file'} cannot be parsed, and nothing says so"
            continue
        if ("unreadable", place) in checks or _CUT_SHORT.search(said):
            # Python reads deeper; and of long values and of many notices only the beginning is shown
            continue
        deep = any(check == "too_deep" for check, _ in checks)
        found = _all_leaves(value, document.limits.depth + 1 if deep else 10**9)
        nowhere = (leaf for leaf in found if _HALF.sub("�", leaf) not in known)
        for leaf in nowhere:
            if not stands_in(said, leaf):
                yield f"lost: {leaf[:80]!r} of {place or 'the file'} is not parsed"


def _unpacked(document: Document) -> bytes | None:
    """Return the content; None where its packing is broken."""
    data = document.path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


def _pieces(document: Document, content: bytes, *, lines: bool) -> Iterator[tuple[str, bytes]]:
    try:
        _parsed(content)
        whole = True
    except (ValueError, RecursionError):
        whole = not document.is_lines
    if whole and not lines:
        yield "", content
        return
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield f"L{number}", line


class _Members(list[Any]):
    """The members of an object, those too whose key comes again."""


def _parsed(data: bytes) -> Any:
    return json.loads(
        data.decode("utf-8-sig"),
        object_pairs_hook=lambda pairs: _Members(each for _, each in pairs),
        parse_int=lambda digits: digits if len(digits) >= 4_000 else int(digits),
    )


def _all_leaves(value: Any, depth: int) -> Iterator[str]:
    """Yield the leaves that do not lie too deep."""
    level = [value]
    while level and depth > 0:
        inner = [each for each in level if isinstance(each, list)]
        for each in level:
            if not isinstance(each, list):
                yield from leaves(each)
        level = [each for one in inner for each in one]
        depth -= 1
