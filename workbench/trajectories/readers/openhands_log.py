"""What both generations of OpenHands' events need: steps by response, answers by event, totals."""

from decimal import Decimal

from workbench.trajectories.conversations.answering import asked_part
from workbench.trajectories.conversations.messages import time_answers
from workbench.trajectories.model import (
    Json,
    Part,
    Run,
    Status,
    Step,
    Usage,
)
from workbench.trajectories.sources.documents import Document, Fields

# Nothing answers these.
LAST_WORDS = {"finish", "reject", "message"}
_ENDS: dict[str, Status] = {
    "finished": "ok",
    "error": "error",
    "stuck": "error",
    "stopped": "cancelled",
    "rejected": "cancelled",
}
_TOKENS = {
    "input_tokens": "prompt_tokens",
    "cached_tokens": "cache_read_tokens",
    "cache_written_tokens": "cache_write_tokens",
    "output_tokens": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
}


class Log:
    """Makes the steps of a run, event by event."""

    def __init__(self, run: Run, document: Document) -> None:
        self.run, self._document = run, document
        # by the ids of event and of tool call: the step that asked, and the call
        self.asked: dict[str, tuple[int, Part]] = {}
        self._open: dict[int, tuple[int, Part]] = {}
        self._responses: dict[str, int] = {}
        self._reported: dict[int, Usage] = {}
        self._total: dict[str, Decimal] = {}
        self._grown: dict[int, dict[str, Decimal]] = {}
        self._anew = False

    def ask(self, step: Step, call: Part, *keys: str | None, final: bool = False) -> None:
        """Note that a step asks for a call, known by the ids of its event and of itself."""
        step.parts.append(call)
        asked = (self._place(step), call)
        self.asked |= {key: asked for key in keys if key is not None}
        if not final:
            self._open[id(call)] = asked

    def answer(self, step: Step, *keys: str | None) -> bool:
        """Join a step to the call that it answers; tell whether there is one."""
        found = next((self.asked[key] for key in keys if key in self.asked), None)
        if found is None:
            return False
        step.call_step, call = found
        self._open.pop(id(call), None)
        step.kind = "execute_tool"
        step.tool, step.tool_call_id = call.name, call.call_id
        step.parts.insert(0, asked_part(call))
        return True

    def bill(self, bills: list[Json]) -> None:
        """Take what the log says of its responses one by one, and of each model in all."""
        found = [_totals(Fields(metrics)) for metrics in bills]
        self.run.recorded = _added([each for each in found if each]) or self.run.recorded
        for metrics in bills:
            self._bill(Fields(metrics))

    def _bill(self, fields: Fields) -> None:
        usages, costs = fields.items("token_usages"), fields.items("costs")
        for number, each in enumerate(usages):
            usage = Fields(each)
            at = self._responses.get(usage.text("response_id") or "")
            if at is None:
                continue
            found = _counted(usage)
            if len(costs) == len(usages):
                found.cost_usd = Fields(costs[number]).number("cost")
            self._reported[at] = found
            self.run.steps[at].model = self.run.steps[at].model or usage.text("model")

    def report(self, step: Step, usage: Usage) -> None:
        """Note what a response says of itself, which counts where no totals are written."""
        if usage:
            self._reported.setdefault(self._place(step), usage)

    def end(self, state: str | None) -> None:
        """Note the state in which the agent is."""
        if state in _ENDS:
            self.run.status, self.run.termination = _ENDS[state], state

    def finish(self) -> Run:
        """Return the run, with a step for each call that nothing answered."""
        steps = self.run.steps
        if self._total:
            # totals that began anew are not those of the run
            self.run.recorded = None if self._anew else _usage(self._total)
        grown = {at: _usage(each) for at, each in self._grown.items()}
        for at, usage in (grown or self._reported).items():
            steps[at].usage = usage
        for at, call in self._open.values():
            step = Step("execute_tool", steps[at].source, [asked_part(call)], call_step=at)
            step.tool, step.tool_call_id = call.name, call.call_id
            step.flags = frozenset({"unanswered"})
            steps.append(step)
        time_answers(steps)
        if any(step.start_ns is not None for step in steps):
            # the zone is not written
            self.run.time_source = "derived"
        return self.run

    def _place(self, step: Step) -> int:
        """Return where a step stands, or will stand: with others of the same response."""
        return self._responses.get(step.response_id or "", len(self.run.steps))

    def keep(self, step: Step, fields: Fields, metrics: Fields) -> None:
        """Append a step, or add it to that of the same response.

        Parameters
        ----------
        step : Step
            Made from an event.
        fields : Fields
            The event, of which the rest is kept.
        metrics : Fields
            What was taken up to this event.
        """
        at, steps = self._place(step), self.run.steps
        step.extra |= fields.rest()
        if at == len(steps):
            steps.append(step)
            if step.response_id:
                self._responses[step.response_id] = at
        else:
            steps[at].parts += step.parts
            own = {name: getattr(step, name) for name in ("source", "start_ns", "agent", "name")}
            event = own | step.extra
            steps[at].extra.setdefault("events", []).append(event)
            steps[at].end_ns = step.start_ns
        self._grow(at, metrics)

    def _grow(self, at: int, metrics: Fields) -> None:
        """Give a step what the totals have grown by; totals that shrank have begun anew."""
        total = _exact_totals(metrics)
        if not total:
            return
        before = self._total
        if any(value < before.get(name, 0) for name, value in total.items()):
            before, self._anew = {}, True
            self._document.notice(
                "totals_shrank",
                self.run.steps[at].source,
                "what was taken so far is less than before; it is counted as begun anew",
            )
        grown = {name: value - before.get(name, 0) for name, value in total.items()}
        if any(grown.values()):
            known = self._grown.setdefault(at, {})
            for name, value in grown.items():
                known[name] = known.get(name, Decimal(0)) + value
        self._total = {**before, **total}


def _counted(fields: Fields) -> Usage:
    return Usage(**{ours: fields.count(theirs) for ours, theirs in _TOKENS.items()})


def _totals(metrics: Fields) -> Usage | None:
    usage = _counted(metrics.inner("accumulated_token_usage"))
    usage.cost_usd = metrics.number("accumulated_cost")
    return usage or None


def _added(usages: list[Usage]) -> Usage | None:
    """Return the sum of what several models took."""
    total: dict[str, Decimal] = {}
    for usage in usages:
        for name in (*_TOKENS, "cost_usd"):
            if (value := getattr(usage, name)) is not None:
                total[name] = total.get(name, Decimal(0)) + Decimal(repr(value))
    return _usage(total) or None


def _exact_totals(metrics: Fields) -> dict[str, Decimal]:
    """Return totals as decimals, so that their differences are those of what was written."""
    usage = _totals(metrics)
    values = {name: getattr(usage, name, None) for name in (*_TOKENS, "cost_usd")}
    return {name: Decimal(repr(value)) for name, value in values.items() if value is not None}


def _usage(total: dict[str, Decimal]) -> Usage:
    # what no column of 64 bits holds, no provider has counted
    counts = {name: int(value) for name, value in total.items() if name in _TOKENS}
    usage = Usage(**{name: value for name, value in counts.items() if value < 2**63})
    if "cost_usd" in total:
        usage.cost_usd = float(total["cost_usd"])
    return usage


def event_key(fields: Fields, name: str = "id") -> str | None:
    """Return the id of an event as the log knows it."""
    key = Fields({name: fields.peek(name)}).key(name)
    return None if key is None else f"event {key}"
