"""What a model read that no step before it said: agents repeat the conversation in every request."""

from collections import Counter
from collections.abc import Hashable, Iterable

from workbench.trajectories.model import Part, Step


class Hearing:
    """Keeps count of what was said, so that what is repeated is written once.

    Examples
    --------
    >>> hearing = Hearing()
    >>> hello, yes = Part("in", "user", "text", "Hello"), Part("out", "assistant", "text", "Yes?")
    >>> [part.text for part in hearing.new(Step("chat", "/0", [hello, yes]))]
    ['Hello']
    >>> hearing.say([yes])
    >>> again = Part("in", "assistant", "text", "Yes?")
    >>> hearing.new(Step("chat", "/1", [hello, again]))
    []
    """

    def __init__(self) -> None:
        self._said: Counter[Hashable] = Counter()

    def say(self, parts: Iterable[Part]) -> None:
        """Count what a step says."""
        self._said.update(map(_key, parts))

    def said(self, part: Part) -> bool:
        """Tell whether something was said."""
        return self._said[_key(part)] > 0

    def new(self, step: Step) -> list[Part]:
        """Return what a step read and nobody said so often; from now on it is said."""
        read: Counter[Hashable] = Counter()
        found = []
        for part in step.parts:
            if part.direction != "out":
                read[_key(part)] += 1
                if read[_key(part)] > self._said[_key(part)]:
                    found.append(part)
        # not `|=`, which walks through all that was ever said
        for key, n in read.items():
            self._said[key] = max(n, self._said[key])
        return found


def _key(part: Part) -> Hashable:
    of_a_tool = part.type in {"tool_call", "tool_call_response"}
    return (part.type, part.text, part.call_id, None if of_a_tool else part.role)
