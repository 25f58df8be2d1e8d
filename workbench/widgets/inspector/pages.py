"""Pages for the trajectory inspector: what a browser gets of runs and steps, a little at a time.

Only texts and numbers leave here, each page at most 64 KB as JSON, whatever a log holds. Nothing is
dropped: a text that is cut says how long it is, and the rest comes when it is asked for.
"""

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from workbench.display import plain
from workbench.trajectories.analysis.outcomes import TOLERANCE
from workbench.trajectories.model import MODEL_KINDS, Json, Part, Run, Step
from workbench.widgets.inspector.links import links_of

if TYPE_CHECKING:
    from workbench.trajectories.attribution import Suspect
    from workbench.trajectories.auditing.policy import Policy
    from workbench.trajectories.collection import Runs

PAGE_BYTES = 64_000
"""No page is larger, as JSON in UTF-8."""
ROWS = 100
"""Steps of a page."""

_TEXT_BYTES = 4_096  # of a text that comes with its step
_STEP_BYTES = 48_000  # of all parts that come with a step
_PIECE_BYTES = 40_000  # of a text that is read on
_PART_NAMES = ("direction", "role", "type", "name", "call_id", "mime_type")
_MOST_MARKS = 100  # of each kind in an outline
_NAME_WIDTH, _LINE_WIDTH, _FACT_WIDTH = 40, 120, 300
_NAME_BYTES, _LINE_BYTES = 100, 360  # a page of rows holds a hundred of each
_MARKS_BYTES = 56_000  # of an outline
_MOST_AGENTS = 12  # by which steps are filtered
_MOST_PLACES = 7_000  # of steps, in one answer
_SOON = 200  # steps in which a call is answered, or it is not linked
_MOST_RANKED = 5_000  # steps of a run whose suspects are told while somebody waits
_HALVES = re.compile("[\ud800-\udfff]")

What = Literal["error", "tool", "model", "agent"]
Way = Literal[1, -1]


def _whole(value: Any) -> int | None:  # noqa: ANN401 - a cell
    return None if is_missing(value) else int(value)


def is_missing(value: Any) -> bool:  # noqa: ANN401 - a cell
    """Tell whether a cell of a table holds nothing."""
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def nothing(runs: "Runs") -> str:
    """Say that there are no runs, and what the readers found instead.

    Examples
    --------
    >>> from workbench.trajectories import Runs
    >>> nothing(Runs.of([]))
    'There are no runs.'
    """
    found = runs.findings
    if not len(found):
        return "There are no runs."
    first = f"{plain(found['subject'].iloc[0], width=_LINE_WIDTH)}: {found['evidence'].iloc[0]}"
    more = f" ({len(found) - 1} more in .findings)" if len(found) > 1 else ""
    return f"There are no runs. {plain(first, width=_FACT_WIDTH)}{more}"


def step_row(step: Step) -> list[Json]:
    r"""Return the one line that a list shows of a step: kind, name, text, status, tokens, ms.

    Examples
    --------
    >>> said = Part("out", "assistant", "text", "Hello\nthere")
    >>> step_row(Step("chat", "/0", [said], agent="bot"))
    ['chat', 'bot', 'Hello there', 'unset', None, None]
    """
    usage, timed = step.usage, step.start_ns is not None and step.end_ns is not None
    counts = [usage.input_tokens, usage.output_tokens] if usage else []
    known = [count for count in counts if count is not None]
    named = step.tool or step.agent or step.name or ""
    return [
        cut(plain(step.kind[:400], width=_NAME_WIDTH), _NAME_BYTES),
        cut(plain(named[:400], width=_NAME_WIDTH), _NAME_BYTES),
        cut(plain(_line(step)[:800], width=_LINE_WIDTH), _LINE_BYTES),
        step.status[:10],
        sum(known) if known else None,
        (step.end_ns - step.start_ns) // 1_000_000 if timed else None,  # type: ignore[operator]
    ]


def _line(step: Step) -> str:
    """Return what says most of a step: an error, what was said, or which tools were asked for."""
    if step.status == "error" and step.error_message:
        return step.error_message
    said = [part for part in step.parts if part.text and part.type in ("text", "reasoning")]
    for part in (part for way in ("out", "in", "system") for part in said if part.direction == way):
        return part.text or ""
    if step.result:
        return step.result
    return "; ".join(f"{part.name or '?'}({(part_text(part))[:200]})" for part in step.calls)


def part_text(part: Part) -> str:
    """Return the text of a part; of a tool call its arguments, as JSON where it was no text."""
    if part.text or part.arguments is None:
        return part.text or _content(part)
    return _dumped(part.arguments)


def _content(part: Part) -> str:
    """Return the content of a file that its reader left in the extra, as in a message of Claude's."""
    source = part.extra.get("source") if part.type == "blob" else None
    data = source.get("data") if isinstance(source, dict) else None
    return data if isinstance(data, str) else ""


def _dumped(value: Json) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "(nested too deeply to be shown)"


def whole(step: Step) -> dict[str, Json]:
    """Return all of a step as texts and numbers.

    What is in `extra` becomes one text: it may hold NaN, or a hundred thousand levels.
    """
    told = _facts(step)
    if step.extra:
        told["extra"] = clean(_dumped(step.extra))
    told["parts"] = [_part(part) for part in step.parts]
    for part, each in zip(step.parts, told["parts"], strict=True):
        if part.extra:
            each["extra"] = clean(_dumped(part.extra))
    return told


def _facts(step: Step) -> dict[str, Json]:
    """Return what a step says of itself, without its parts."""
    told: dict[str, Json] = {}
    for each in fields(Step):
        value = getattr(step, each.name)
        if each.name in ("parts", "usage", "extra", "flags") or value is None:
            continue
        # nanoseconds since 1970 are larger than a number of JavaScript can be
        told[each.name] = clean(str(value) if each.name.endswith("_ns") else value)
    if step.flags:
        told["flags"] = sorted(step.flags)
    if step.usage:
        counts = {each.name: getattr(step.usage, each.name) for each in fields(step.usage)}
        told["usage"] = {name: count for name, count in counts.items() if count is not None}
    return told


def _part(part: Part, longest: int | None = None) -> dict[str, Json]:
    """Return a part, its texts cut to so many characters."""
    named = {name: getattr(part, name) for name in _PART_NAMES}
    told = {name: clean(value[:longest]) for name, value in named.items() if value is not None}
    text = part_text(part)
    told["text"] = clean(text[:longest])
    if longest is not None and len(text) > longest:
        told["n_chars"] = len(text)
    if not part.arguments_valid:
        told["broken"] = True
    return told


def clean(value: Json) -> Json:
    """Replace halves of characters, which no message can carry."""
    return _HALVES.sub("�", value) if isinstance(value, str) else value


def answers_of(steps: Sequence[Step], at: int) -> list[int]:
    """Return the steps that answer the calls of a step, of those that soon follow.

    Examples
    --------
    >>> asks = Step("chat", "", [Part("out", "assistant", "tool_call", "{}", "f")])
    >>> answers_of([asks, Step("execute_tool", "", call_step=0), Step("chat", "")], 0)
    [1]
    """
    if not steps[at].calls:
        return []
    soon = range(at + 1, min(len(steps), at + 1 + _SOON))
    return [place for place in soon if steps[place].call_step == at]


def step_page(step: Step, start: int = 0) -> dict[str, Json]:
    """Return a step for the detail pane, long texts cut: as many of its parts as a page holds.

    Parameters
    ----------
    step : Step
        The step.
    start : int
        The first part.

    Examples
    --------
    >>> page = step_page(Step("chat", "/0", [Part("out", "assistant", "text", "x" * 9000)]))
    >>> len(page["parts"][0]["text"]), page["parts"][0]["n_chars"]
    (4096, 9000)
    """
    told = _facts(step)
    for name, value in told.items():
        if isinstance(value, str):
            told[name] = plain(value[:2_000], width=_FACT_WIDTH)
    told |= {"n_parts": len(step.parts), "from": start, "parts": []}
    left = _STEP_BYTES
    for part in islice(step.parts, start, None):
        shown = _shown(part)
        left -= len(json.dumps(shown, ensure_ascii=False).encode())
        if left < 0 and told["parts"]:
            break
        told["parts"].append(shown)
    return told


def _shown(part: Part) -> dict[str, Json]:
    """Return a part for the detail pane."""
    told = _part(part, _TEXT_BYTES)
    for name in (name for name in _PART_NAMES if name in told):
        told[name] = plain(told[name], width=_NAME_WIDTH)
    text = cut(told["text"], _TEXT_BYTES)
    if len(text) < len(told["text"]):
        told = {"n_chars": len(told["text"]), **told, "text": text}
    return told


def _size(text: str) -> int:
    """Count the bytes of a text in JSON, where a control takes six."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def cut(text: str, n_bytes: int) -> str:
    """Return as much of the beginning of a text as fits in so many bytes of JSON.

    Examples
    --------
    >>> cut("héllo", 3), cut("abc", 0), cut("abc", 9)
    ('hé', '', 'abc')
    """
    head = text[: max(0, n_bytes)]
    if _size(head) <= n_bytes:
        return head
    return head[: bisect_left(range(len(head) + 1), n_bytes + 1, key=lambda n: _size(head[:n])) - 1]


def text_piece(step: Step, part: int, start: int) -> dict[str, Json]:
    """Return more of a text, from a character on.

    Parameters
    ----------
    step : Step
        Whose text.
    part : int
        Which of its parts; -1 is the whole step as JSON, with what no reader mapped.
    start : int
        The character to begin at.
    """
    if part < 0:
        text = json.dumps(whole(step), ensure_ascii=False, indent=2)
    elif part < len(step.parts):
        text = part_text(step.parts[part])
    else:
        text = ""
    piece = _HALVES.sub("�", text[start : start + _PIECE_BYTES])
    return {"text": cut(piece, _PIECE_BYTES), "n_chars": len(text)}


def find_next(steps: Sequence[Step], what: What, start: int, *, way: Way = 1) -> int:
    """Return the next error, tool call or agent after a step or before it; -1 for none.

    Examples
    --------
    >>> steps = [Step("chat", ""), Step("execute_tool", ""), Step("chat", "", status="error")]
    >>> find_next(steps, "error", 0), find_next(steps, "tool", 2, way=-1), find_next(steps, "tool", 1)
    (2, 1, -1)
    >>> steps = [Step("chat", "", agent=name) for name in ("a", "a", None, "b")]
    >>> find_next(steps, "agent", 0), find_next(steps, "agent", 3, way=-1)
    (3, 1)
    """
    places = range(start + 1, len(steps)) if way > 0 else range(min(start, len(steps)) - 1, -1, -1)
    if what == "agent":
        acting = _acting(steps, start)
        return next((at for at in places if steps[at].agent not in (None, acting)), -1)
    return next((at for at in places if _is(steps[at], what)), -1)


def _acting(steps: Sequence[Step], start: int) -> str | None:
    """Return who acts at a step: who is named there, or was last."""
    before = range(min(start, len(steps) - 1), -1, -1)
    return next((steps[at].agent for at in before if steps[at].agent is not None), None)


def _is(step: Step, what: What) -> bool:
    if what == "error":
        return step.status == "error"
    return step.kind == "execute_tool" if what == "tool" else step.kind in MODEL_KINDS


def agents_of(run: Run) -> list[str]:
    """Return who acts most in a run, of more than one."""
    acts = Counter(step.agent for step in run.steps if step.agent is not None)
    found = [name for name, _ in acts.most_common(_MOST_AGENTS)]
    return found if len(found) > 1 else []


def agent_name(name: str) -> str:
    """Return a name as it is shown."""
    return cut(plain(name[:400], width=_NAME_WIDTH), _NAME_BYTES)


def places_of(
    steps: Sequence[Step], what: What, start: int, *, agent: str | None = None
) -> tuple[list[int], int]:
    """Return the places of steps of one sort, from one on, and where to go on; -1 for nowhere.

    Parameters
    ----------
    steps : sequence of Step
        All steps of a run.
    what : {"error", "tool", "model", "agent"}
        The sort.
    start : int
        The first step that is looked at.
    agent : str, optional
        Who acts, of the sort "agent".

    Examples
    --------
    >>> places_of([Step("chat", ""), Step("execute_tool", ""), Step("chat", "")], "model", 0)
    ([0, 2], -1)
    """
    fits = (
        at
        for at in range(start, len(steps))
        if (steps[at].agent == agent if what == "agent" else _is(steps[at], what))
    )
    found = list(islice(fits, _MOST_PLACES))
    return found, next(fits, -1)


def outline(
    run: Run, policy: "Policy | None" = None, findings: Iterable[dict[str, Json]] = ()
) -> list[dict[str, Json]]:
    """Return the marks of a run in the order of its steps: errors, loops, breaches and notes.

    Parameters
    ----------
    run : Run
        The run.
    policy : Policy, optional
        Whose breaches are marked.
    findings : iterable of dict
        Marks that come from elsewhere.
    """
    marks = [*_errors(run), *_loops(run), *_notes(run), *(_breaches(run, policy) if policy else ())]
    marks += [each for each in findings if each["step"] < max(1, len(run.steps))]
    told = {(each["type"], each["step"], each["text"]): each for each in marks}
    longest = _MARKS_BYTES // max(1, len(told)) - 60
    found = [{**each, "text": cut(each["text"], longest)} for each in told.values()]
    return sorted(found, key=lambda each: each["step"])


def mark(kind: str, step: int, text: str) -> dict[str, Json]:
    """Return a mark of an outline."""
    return {"type": kind, "step": step, "text": plain(text[:800], width=160)}


def _errors(run: Run) -> list[dict[str, Json]]:
    found = [at for at, step in enumerate(run.steps) if step.status == "error"][:_MOST_MARKS]
    return [mark("error", at, f"{run.steps[at].tool or ''} {_line(run.steps[at])}") for at in found]


def _loops(run: Run) -> list[dict[str, Json]]:
    from workbench.trajectories.comparing.looping import loops

    rows = loops(run).frame.head(_MOST_MARKS).to_dict("records")
    return [mark("loop", int(row["step"]), str(row["evidence"])) for row in rows]


def _breaches(run: Run, policy: "Policy") -> list[dict[str, Json]]:
    rows = policy.check([run]).head(_MOST_MARKS).to_dict("records")
    return [
        mark("policy", _whole(row["step"]) or 0, f"{row['check']}: {row['evidence']}")
        for row in rows
    ]


def _notes(run: Run) -> list[dict[str, Json]]:
    notes = [each for each in run.annotations if each.step is not None][:_MOST_MARKS]
    return [
        mark("note", each.step or 0, f"{each.name} {each.label or ''} {each.explanation or ''}")
        for each in notes
        if 0 <= (each.step or 0) < len(run.steps)
    ]


def suspects(run: Run, *, top: int = 5) -> dict[str, Json]:
    """Return the steps that may have made a run fail, or the reason why there are none.

    Examples
    --------
    >>> suspects(Run("mine", outcome=1.0))
    {'suspects': [], 'reason': 'This run succeeded: there is nothing to suspect.'}
    """
    from workbench.trajectories.attribution import attribute

    reason = _unranked(run)
    found = () if reason else attribute(run).suspects[:top]
    return {"suspects": [_suspect(each) for each in found], "reason": reason or _doubt(run)}


def _unranked(run: Run) -> str:
    """Say why no step of a run is suspected; empty where some are."""
    if run.outcome is not None and run.outcome >= 1 - TOLERANCE:
        return "This run succeeded: there is nothing to suspect."
    if not run.steps:
        return "This run has no steps."
    if len(run.steps) > _MOST_RANKED:
        return f"Only runs of up to {_MOST_RANKED:,} steps are ranked here; ask wb.trajectories.attribute."
    return ""


def _doubt(run: Run) -> str:
    """Say that a run may not have failed at all, where it does not say so."""
    if run.outcome is not None or run.status == "error":
        return ""
    return "This run does not say that it failed; if it did, these are the suspects."


def _suspect(found: "Suspect") -> dict[str, Json]:
    why = found.evidence[0] if found.evidence else "nothing but its place"
    told = mark("suspect", found.step, f"{found.confidence:.0%} {found.owner}: {why}")
    return told | {"owner": found.owner, "confidence": round(found.confidence, 4)}


def first_of(found: Sequence[dict[str, Json]]) -> list[Json] | None:
    """Return step, owner and confidence of the first suspect; None where there is none."""
    return [found[0][name] for name in ("step", "owner", "confidence")] if found else None


def chunks(run: Run, *, n_bytes: int = 500_000) -> Iterator[dict[str, Json]]:
    """Cut a run for a file: its rows and whole steps, so many bytes at a time."""
    start, rows, steps, size = 0, list[Json](), list[Json](), 0
    for at, step in enumerate(run.steps):
        told = whole(step) | {"answers": answers_of(run.steps, at)} | links_of(run.steps, at)
        rows.append(step_row(step))
        steps.append(told)
        size += len(json.dumps(told, ensure_ascii=False))
        if size >= n_bytes:
            yield {"from": start, "rows": rows, "steps": steps}
            start, rows, steps, size = at + 1, [], [], 0
    if rows or not run.steps:
        yield {"from": start, "rows": rows, "steps": steps}
