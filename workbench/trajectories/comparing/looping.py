"""Loops: the same call with the same observation again, which brings a run no further."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from workbench.display import Sheet, plain
from workbench.trajectories.collection import each_run
from workbench.trajectories.comparing.toolcalls import same_json_text
from workbench.trajectories.model import UNCOUNTED, Run, Step

Observe = Callable[[Step], str]
"""Makes of a step what is compared as its observation."""

# Cycles longer than this are told as single repeats.
_LONGEST = 20


@dataclass(frozen=True)
class Loop:
    """Calls of a run that came again and were answered as before.

    Parameters
    ----------
    run_id : str
        The run.
    step : int
        The first of the calls that are repeated.
    length : int
        How many calls come again in turn: 1 for one call.
    times : int
        How often the whole turn was gone through, the first time included.
    n_repeats : int
        Calls that brought nothing.
    n_between : int
        Other calls in between; 0 for a cycle, in which nothing else happened.
    last_step : int
        The last of the calls.
    tools : tuple of str
        The tools of a turn.
    """

    run_id: str
    step: int
    length: int
    times: int
    n_repeats: int
    n_between: int
    last_step: int
    tools: tuple[str, ...]

    @property
    def reason(self) -> str:
        """What happened, in words."""
        tools = ", ".join(plain(tool, width=40) for tool in self.tools[:5])
        more = f" and {self.length - 5} more" if self.length > 5 else ""
        what = f"{tools} was called" if self.length == 1 else f"{tools}{more} were called in turn"
        between = (
            "with no other call in between"
            if not self.n_between
            else f"with {self.n_between} other call{'s' * (self.n_between != 1)} in between"
        )
        return (
            f"{what} {self.times} times from step {self.step} to {self.last_step} with the same "
            f"arguments and the same result, {between}"
        )

    @property
    def severity(self) -> str:
        """A warning for a cycle; only information where something else was tried in between."""
        return "info" if self.n_between else "warning"


@dataclass(frozen=True)
class Made:
    """A call with its observation: its step, and numbers of the call alone and of both."""

    step: int
    tool: str
    call: int
    both: int


def loops(runs: Run | Iterable[Run], *, observe: Observe | None = None) -> Sheet:
    """Find calls that bring a run no further: the same call, the same observation, again.

    Parameters
    ----------
    runs : Run, Runs or iterable of Run
        Where to look.
    observe : callable, optional
        Makes of an `execute_tool` step what is compared; the result by default. Use it to leave out
        what always changes, such as times and ids.

    Returns
    -------
    Sheet
        `.frame` holds FINDINGS, one row per loop, with more columns: `run_id`, `step` (the first),
        `length`, `times`, `n_repeats` (which is also `value`), `n_between`; `n` is the number of
        calls looked at in the run.

    Raises
    ------
    BadKind
        If something is no run.

    Notes
    -----
    A call is a repeat where its tool and its arguments (as JSON) came before in the run, were
    answered the last time as they are now, and no call in between was answered otherwise than the
    time before: what changes is progress. So no repeats are

    * calls with other arguments, such as the pages of a list,
    * polling whose result changes, with whatever waits in between,
    * a call that is made again after a change and answered otherwise.

    Repeats that follow each other at one distance `k`, at least `k` of them, are a cycle of length
    `k`, a warning, unless it ends because its next call is at last answered otherwise: then it was
    waiting. Other repeats, with something new in between, are told for each call as information. A
    call whose arguments or result the log does not hold can be no repeat. A tool that is answered
    otherwise each time, such as a clock, looks like progress: let `observe` return a constant for it.

    Examples
    --------
    >>> from workbench.trajectories.conversations.messages import message_step
    >>> from workbench.trajectories.conversations.answering import pair_calls
    >>> ask = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    >>> steps = [message_step(each, "") for each in [ask, {"role": "tool", "content": "no"}] * 3]
    >>> pair_calls(steps)
    >>> found = loops(Run("mine", run_id="r", steps=steps))
    >>> found.frame[["step", "length", "times", "n_repeats"]].values.tolist()
    [[1, 1, 3, 2]]
    """
    import pandas as pd

    n_runs, rows, loops_found = 0, [], list[Loop]()
    for run in each_run(runs, "loops are found in"):
        n_runs += 1
        calls = known_calls(run, observe=observe)
        for loop in _loops(run.run_id, calls):
            loops_found.append(loop)
            rows.append(_finding(loop, len(calls)))
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    whole = ["step", "length", "times", "n_repeats", "n_between", "n"]
    frame = frame.astype({**dict.fromkeys(whole, "Int64"), "value": "float64", "run_id": "str"})
    n_in = len({loop.run_id for loop in loops_found})
    n_repeats = sum(loop.n_repeats for loop in loops_found)
    caption = (
        f"{len(rows)} loop{'s' * (len(rows) != 1)} in {n_in} of {n_runs} runs: {n_repeats} calls "
        "that were made before and answered the same"
    )
    body = [
        [loop.run_id, str(loop.step), str(loop.length), str(loop.times), loop.severity, loop.reason]
        for loop in loops_found
    ]
    header = ["run", "first step", "length", "times", "severity", "reason"]
    return Sheet(frame, caption, header, body)


_COLUMNS = [
    "check", "subject", "severity", "value", "evidence", "n", "run_id", "step", "length", "times",
    "n_repeats", "n_between",
]  # fmt: skip


def _finding(loop: Loop, n_calls: int) -> dict[str, object]:
    return {
        "check": "trajectories.loop",
        "subject": f"{loop.run_id}#{loop.step}",
        "severity": loop.severity,
        "value": loop.n_repeats,
        "evidence": loop.reason,
        "n": n_calls,
        "run_id": loop.run_id,
        "step": loop.step,
        "length": loop.length,
        "times": loop.times,
        "n_repeats": loop.n_repeats,
        "n_between": loop.n_between,
    }


def loops_of(run: Run, *, observe: Observe | None = None) -> list[Loop]:
    """Return the loops of one run, as in `loops`."""
    return list(_loops(run.run_id, known_calls(run, observe=observe)))


def known_calls(run: Run, *, observe: Observe | None = None) -> list[Made]:
    """Return the calls of a run of which the log holds arguments and result."""
    calls: dict[tuple[str, str], int] = {}
    both: dict[tuple[int, str], int] = {}
    found = []
    for at, step in enumerate(run.steps):
        asked = next((part for part in step.parts if part.type == "tool_call"), None)
        own = step.kind == "execute_tool" and not step.flags & UNCOUNTED
        if not own or asked is None or step.result is None:
            continue
        tool = step.tool or asked.name or ""
        arguments = same_json_text(asked.arguments if asked.arguments_valid else asked.text)
        call = calls.setdefault((tool, arguments), len(calls))
        observed = observe(step) if observe else step.result
        found.append(Made(at, tool, call, both.setdefault((call, observed), len(both))))
    return found


def _loops(run_id: str, calls: Sequence[Made]) -> Iterator[Loop]:
    """Yield cycles, then what else came again; each repeat is in one loop."""
    repeated = _repeats(calls)
    single: dict[int, list[int]] = {}
    found, at = [], 0
    while at < len(calls):
        period, n = _cycle(calls, repeated, at) if repeated[at] else (0, 1)
        if period and not _waited(calls, at, period, n):
            found.append(_cyclic(run_id, calls, at, period, n))
        elif repeated[at] and not period:
            single.setdefault(calls[at].both, []).append(at)
        at += n
    where: dict[int, list[int]] = {}
    for number, made in enumerate(calls):
        where.setdefault(made.both, []).append(number)
    found += [_apart(run_id, calls, where[both], places) for both, places in single.items()]
    yield from sorted(found, key=lambda loop: (loop.step, loop.last_step))


def _repeats(calls: Sequence[Made]) -> list[bool]:
    """Tell for each call whether it is a repeat."""
    last: dict[int, int] = {}
    found = []
    # what is answered anew is progress; a repeat must lie within one stretch without it
    progress = -1
    for at, made in enumerate(calls):
        earlier = last.get(made.call, -1)
        same = earlier >= 0 and calls[earlier].both == made.both
        if earlier >= 0 and not same:
            progress = at
        found.append(same and progress <= earlier)
        last[made.call] = at
    return found


def _cycle(calls: Sequence[Made], repeated: Sequence[bool], at: int) -> tuple[int, int]:
    """Return the shortest period that is gone through again from here, and for how many calls.

    A period of 0 says that there is none: then it is this one call.
    """
    for period in range(1, min(at, _LONGEST) + 1):
        n = 0
        while (
            at + n < len(calls)
            and repeated[at + n]
            and calls[at + n].both == calls[at + n - period].both
        ):
            n += 1
        if n >= period:
            return period, n
    return 0, 1


def _waited(calls: Sequence[Made], at: int, period: int, n: int) -> bool:
    """Tell whether a cycle ends with its next call, answered otherwise at last."""
    end = at + n
    if end >= len(calls):
        return False
    now, then = calls[end], calls[end - period]
    return now.call == then.call and now.both != then.both


def _cyclic(run_id: str, calls: Sequence[Made], at: int, period: int, n: int) -> Loop:
    turn = calls[at - period : at]
    return Loop(
        run_id,
        step=turn[0].step,
        length=period,
        times=1 + n // period,
        n_repeats=n,
        n_between=0,
        last_step=calls[at + n - 1].step,
        tools=tuple(made.tool for made in turn),
    )


def _apart(run_id: str, calls: Sequence[Made], where: Sequence[int], places: Sequence[int]) -> Loop:
    """Return one call's repeats that are in no cycle, given where it was made at all."""
    first = where[bisect_left(where, places[0]) - 1]
    same = bisect_left(where, places[-1]) - bisect_left(where, first)
    return Loop(
        run_id,
        step=calls[first].step,
        length=1,
        times=1 + len(places),
        n_repeats=len(places),
        n_between=places[-1] - first - same,
        last_step=calls[places[-1]].step,
        tools=(calls[first].tool,),
    )


__all__ = ["Loop", "loops", "loops_of"]
