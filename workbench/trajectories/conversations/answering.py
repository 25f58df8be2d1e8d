"""Which call an answer belongs to, and which calls got none: ids are reused, or missing."""

from collections import Counter, deque
from collections.abc import Iterator

from workbench.trajectories.model import Part, Step


def pair_calls(steps: list[Step], *, by_position: bool = True) -> None:
    """Join tool calls and their answers, in place.

    Each `execute_tool` step that has an answer but no call takes the nearest unanswered call before
    it with its id. Once all have, those that found none take, in their order, the oldest call before
    them that is still unanswered. Ids are reused in real logs, even inside one run, so the id alone
    is not enough. The call's arguments become a part of the answering step.

    Parameters
    ----------
    steps : list of Step
        Of one run, in their order.
    by_position : bool
        Whether an answer whose id no call bears takes the oldest call; False where ids are known
        to be right, so that it can only be an orphan.
    """
    open_calls, left = _OpenCalls(), list[tuple[Step, int]]()
    for at, step in enumerate(steps):
        for part in step.calls:
            open_calls.add(at, part)
        if step.kind != "execute_tool" or any(part.type == "tool_call" for part in step.parts):
            continue
        if found := open_calls.with_id(step.tool_call_id):
            _join(step, *found)
        else:
            left.append((step, open_calls.n_asked))
    for step, n_asked in left:
        # no id, or one that no open call bears, a mistake of the source: position decides
        decides = by_position and step.tool_call_id != ""
        if found := open_calls.oldest(n_asked) if decides else None:
            _join(step, *found)
        else:
            step.flags |= {"orphan"}


def _join(step: Step, asked_at: int, call: Part) -> None:
    step.call_step = asked_at
    step.tool = step.tool or call.name
    step.tool_call_id = step.tool_call_id or call.call_id
    step.parts.insert(0, asked_part(call))


def asked_part(call: Part) -> Part:
    """Return a tool call as the step that answers it reads it."""
    asked = Part("in", call.role, "tool_call", call.text, call.name, call.call_id)
    asked.arguments, asked.arguments_valid = call.arguments, call.arguments_valid
    return asked


class _OpenCalls:
    """Tool calls without an answer so far, by age and by id: each step takes constant time."""

    def __init__(self) -> None:
        self._by_age: dict[int, tuple[int, Part]] = {}
        # of each id the messages that ask for it, of each message its calls in their order
        self._by_id: dict[str, list[tuple[int, deque[int]]]] = {}
        self._first = 0
        self.n_asked = 0

    def add(self, at: int, call: Part) -> None:
        """Note a call and the step that asks for it."""
        self._by_age[self.n_asked] = (at, call)
        if call.call_id is not None:
            messages = self._by_id.setdefault(call.call_id, [])
            if not messages or messages[-1][0] != at:
                messages.append((at, deque()))
            messages[-1][1].append(self.n_asked)
        self.n_asked += 1

    def with_id(self, call_id: str | None) -> tuple[int, Part] | None:
        """Take the nearest unanswered call with an id."""
        messages = self._by_id.get(call_id, []) if call_id is not None else []
        while messages and not messages[-1][1]:
            messages.pop()
        return self._by_age.pop(messages[-1][1].popleft()) if messages else None

    def oldest(self, n_asked: int) -> tuple[int, Part] | None:
        """Take the oldest unanswered call of the first so many; to be asked in ascending order."""
        while self._first < n_asked and self._first not in self._by_age:
            self._first += 1
        return self._by_age.pop(self._first, None) if self._first < n_asked else None


def unanswered(steps: list[Step]) -> list[tuple[int, Part]]:
    """Return the tool calls that got no answer, each with the step that asked.

    Call it after `pair_calls`.
    """
    answered: dict[int, Counter[str | None]] = {}
    for step in steps:
        if step.kind == "execute_tool" and step.call_step is not None:
            # the id as it was asked: an answer joined by its position bears another
            asked = [part.call_id for part in step.parts if part.type == "tool_call"]
            call_id = asked[0] if asked else step.tool_call_id
            answered.setdefault(step.call_step, Counter())[call_id] += 1
    found = []
    for at, step in enumerate(steps):
        # most ask for nothing
        if calls := step.calls:
            found += [(at, part) for part in _silent(calls, answered.get(at, Counter()))]
    return found


def _silent(calls: list[Part], left: "Counter[str | None]") -> Iterator[Part]:
    """Yield the calls of a step that got no answer; those that came are counted by their ids."""
    silent = []
    for part in calls:
        if left[part.call_id]:
            left[part.call_id] -= 1
        else:
            silent.append(part)
    # a call without an id is answered by what no other call was
    spare = sum(left.values())
    for part in silent:
        if spare and part.call_id is None:
            spare -= 1
        else:
            yield part


def add_unanswered(steps: list[Step]) -> None:
    """Append an `execute_tool` step, flagged `unanswered`, for each call that got no answer."""
    for at, call in unanswered(steps):
        steps.append(
            Step(
                "execute_tool",
                steps[at].source,
                [asked_part(call)],
                call_step=at,
                tool=call.name,
                tool_call_id=call.call_id,
                flags=frozenset({"unanswered"}),
            )
        )
