"""Claude Code's sessions, one event a line; also what it prints as `stream-json`.

One answer of the model stands on several lines, each with a block of it and with the tokens so far:
the lines of one `message.id` are one step, and the last usage counts. `input_tokens` leaves out what
came from or went to the cache, so all three are added. Answers of tools are lines of the user. What
a sub-agent did lies under the step of the call that started it. One run per session.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from workbench.trajectories.conversations.answering import add_unanswered, pair_calls
from workbench.trajectories.conversations.messages import call_part, response_part, time_answers
from workbench.trajectories.model import (
    Direction,
    Json,
    Part,
    Run,
    Step,
    Usage,
)
from workbench.trajectories.sources.documents import Document, Fields, nanoseconds

NAME = "claude-code"
_TYPES = {
    "user",
    "assistant",
    "system",
    "summary",
    "result",
    "file-history-snapshot",
    "queue-operation",
    "progress",
    "attachment",
    "last-prompt",
}
_MARKS = {"uuid", "sessionId", "session_id", "leafUuid", "messageId"}
# Lines of type `system` that are something of their own.
_SUBTYPES = {
    "compact_boundary": "wb.compaction",
    "microcompact_boundary": "wb.compaction",
    "api_error": "wb.error",
    "init": "wb.state",
}
_SPAWNED_BY = ("parent_tool_use_id", "parentToolUseID")


def recognises(first: Json) -> bool:
    """Tell whether the first value is a line of a session, or a list of lines."""
    one = first[0] if isinstance(first, list) and first else first
    if not isinstance(one, dict) or not isinstance(one.get("type"), str):
        return False
    return one["type"] in _TYPES and bool(_MARKS & one.keys())


def runs(document: Document) -> Iterator[Run]:
    """Yield a run for each session; a line that names none belongs to that before it."""
    sessions: dict[str | None, _Session] = {}
    owners: dict[str, str | None] = {}
    early: list[tuple[str, dict[str, Json]]] = []
    current: str | None = None
    for pointer, value in document.objects("a line"):
        fields = Fields(value)
        named = fields.text("sessionId", "session_id")
        named = named or owners.get(fields.text("leafUuid", "messageId") or "")
        if named is None and current is None:
            early.append((pointer, value))
            continue
        current = named or current
        if (uuid := fields.text("uuid")) is not None:
            owners[uuid] = current
        if current not in sessions:
            sessions[current] = _Session(document, pointer, current, early)
            early = []
        sessions[current].add(value, pointer)
    if early:
        sessions[None] = _Session(document, early[0][0], None, early)
    for session in sessions.values():
        yield session.finish()


class _Session:
    """Makes the steps of a session, line by line."""

    def __init__(
        self,
        document: Document,
        pointer: str,
        name: str | None,
        early: list[tuple[str, dict[str, Json]]],
    ) -> None:
        self._document = document
        self.run = Run(NAME, pointer, name=name, conversation_id=name, agent=NAME)
        self._seen: dict[str, Json] = {}
        self._answers: dict[str, int] = {}
        self._blocks: dict[str, list[Json]] = {}
        self._chains = _Chains()
        # the last totals, and the sum of those that ended before
        self._told, self._before = Usage(), Usage()
        # what stands before all that names a session, such as summaries of those before
        for place, value in early:
            self.add(value, place)

    def add(self, value: dict[str, Json], pointer: str) -> None:
        """Add a line; one that is repeated word for word counts once."""
        fields = Fields(value)
        uuid = fields.text("uuid")
        if uuid is not None:
            if self._seen.get(uuid) == value:
                return
            self._seen[uuid] = value
        self._about(fields)
        before = len(self.run.steps)
        match fields.peek("type"):
            case "assistant":
                self._assistant(fields, pointer, uuid)
            case "user":
                self._user(fields, pointer, uuid)
            case "result":
                self._result(fields, pointer, uuid)
            case _:
                self._event(fields, pointer, uuid)
        for at in range(before, len(self.run.steps)):
            self._chains.add(at, value, self.run.steps[at])

    def finish(self) -> Run:
        """Return the run: calls joined to answers, and sub-agents under what started them."""
        pair_calls(self.run.steps, by_position=False)
        time_answers(self.run.steps)
        add_unanswered(self.run.steps)
        self._chains.hang(self.run)
        if any(step.start_ns is not None for step in self.run.steps):
            self.run.time_source = "recorded"
        return self.run

    def _about(self, fields: Fields) -> None:
        """Take what a line repeats of its session."""
        for name in ("sessionId", "session_id"):
            if fields.peek(name) == self.run.name:
                fields.take(name)
        if isinstance(version := fields.peek("version"), str):
            self.run.agent_version = self.run.agent_version or version
            if version == self.run.agent_version:
                fields.take("version")

    def _step(self, kind: str, fields: Fields, pointer: str, uuid: str | None) -> Step:
        step = Step(kind, pointer, span_id=uuid)
        step.start_ns = nanoseconds(fields.peek("timestamp"))
        agent, caller = fields.peek("agentId"), fields.peek("parent_tool_use_id")
        if fields.peek("isSidechain") is True or agent is not None or caller is not None:
            step.agent = agent if isinstance(agent, str) else "sidechain"
        self.run.steps.append(step)
        return step

    def _assistant(self, fields: Fields, pointer: str, uuid: str | None) -> None:
        """Add a line of an answer of the model to the step of its message."""
        message = fields.inner("message")
        key = message.text("id")
        blocks = _blocks(message)
        if key is None or key not in self._answers:
            step = self._step("chat", fields, pointer, uuid)
            step.response_id, step.model = key, message.text("model")
            step.parts = [_part(each, "out", "assistant") for each in blocks]
            if key is not None:
                self._answers[key], self._blocks[key] = len(self.run.steps) - 1, blocks
            _bill(step, message, fields)
            _fail(step, fields)
            step.extra = fields.rest()
            return
        step, known = self.run.steps[self._answers[key]], self._blocks[key]
        # a line may repeat what the lines before it said
        news = blocks[len(known) :] if known and blocks[: len(known)] == known else blocks
        step.parts += [_part(each, "out", "assistant") for each in news]
        known += news
        step.end_ns = nanoseconds(fields.peek("timestamp")) or step.end_ns
        if message.peek("model") == step.model:
            message.take("model")
        _bill(step, message, fields)
        line = {"source": pointer, "uuid": uuid} | fields.rest()
        step.extra.setdefault("lines", []).append(line)

    def _user(self, fields: Fields, pointer: str, uuid: str | None) -> None:
        """Add a step for each tool's answer on a line, and one for what the user said."""
        blocks = _blocks(fields.inner("message"))
        answers = [each for each in blocks if Fields(each).peek("type") == "tool_result"]
        said = [each for each in blocks if Fields(each).peek("type") != "tool_result"]
        interrupted = Fields(fields.peek("toolUseResult")).peek("interrupted") is True
        again = Fields(
            {
                name: fields.peek(name)
                for name in ("timestamp", "agentId", "isSidechain", *_SPAWNED_BY)
            }
        )
        steps: list[Step] = []
        for each in answers:
            step = self._step("execute_tool", again if steps else fields, pointer, uuid)
            _answer(step, Fields(each), interrupted=interrupted)
            steps.append(step)
        if said or not steps:
            kind = "wb.compaction" if fields.peek("isCompactSummary") is True else "wb.input"
            step = self._step(kind, again if steps else fields, pointer, uuid)
            step.parts = [_part(each, "in", "user") for each in said]
            steps.append(step)
        steps[0].extra |= fields.rest()

    def _event(self, fields: Fields, pointer: str, uuid: str | None) -> None:
        """Add a line that is no message."""
        name = fields.text("type")
        subtype = fields.text("subtype")
        kind = {"summary": "wb.compaction", "file-history-snapshot": "wb.state"}.get(name or "")
        step = self._step(kind or _SUBTYPES.get(subtype or "", "wb.other"), fields, pointer, uuid)
        step.name = subtype if name == "system" else name
        if name != "system" and subtype is not None:
            step.extra["subtype"] = subtype
        text = fields.text("summary", "content")
        if text is not None:
            step.parts.append(Part("out", "system", "text", text))
        if step.kind == "wb.error":
            step.status, step.error_type = "error", subtype
            step.error_message = text
        if subtype == "init":
            self.run.model = self.run.model or Fields(fields.rest()).text("model")
        step.extra |= fields.rest()

    def _result(self, fields: Fields, pointer: str, uuid: str | None) -> None:
        """Take the totals that are told at the end; a session that was resumed has several ends."""
        result = fields.rest()
        told = Fields(result)
        total = _usage(Fields(told.peek("usage")))
        total.cost_usd = told.number("total_cost_usd")
        if total.cost_usd is None:
            total.cost_usd = self._told.cost_usd
        if (total.cost_usd or 0) < (self._told.cost_usd or 0):
            self._document.notice(
                "totals_shrank",
                pointer,
                "the dollars so far are fewer than before; they begin anew",
            )
            self._before = _added(self._before, self._told)
        self._told = total
        self.run.recorded = _added(self._before, total) or None
        self.run.termination = told.text("subtype")
        failed = told.peek("is_error") is True or str(self.run.termination).startswith("error")
        self.run.status = "error" if failed else "ok"
        self.run.extra.setdefault("results", []).append({"uuid": uuid} | result)


class _Member(NamedTuple):
    """A step of a sub-agent, with all that may say whose it is."""

    at: int
    agent: str | None
    caller: str | None
    uuid: str | None


class _Chains:
    """Finds the call that started each sub-agent."""

    def __init__(self) -> None:
        self._parents: dict[str, str | None] = {}
        self._roots: dict[str, str] = {}
        self._members: list[_Member] = []

    def add(self, at: int, line: dict[str, Json], step: Step) -> None:
        """Note a step, if it is one of a sub-agent."""
        fields = Fields(line)
        caller = fields.text(*_SPAWNED_BY)
        if fields.peek("isSidechain") is not True and caller is None:
            return
        uuid = step.span_id
        if uuid is not None:
            self._parents[uuid] = fields.text("parentUuid", "logicalParentUuid")
        self._members.append(_Member(at, fields.text("agentId"), caller, uuid))

    def hang(self, run: Run) -> None:
        """Set the parent of each sub-agent's steps; where nothing tells it, they are orphans."""
        chains: dict[str, list[_Member]] = {}
        for member in self._members:
            key = member.agent or member.caller or self._root(member.uuid)
            chains.setdefault(key, []).append(member)
        asked = sum("unanswered" in step.flags for step in run.steps)
        if len(chains) == 1 and len(self._members) + asked == len(run.steps):
            # a file of its own: what started it is in that of the session
            run.name = run.name and f"{run.name}/{next(iter(chains))}"
            return
        callers = _Callers(run.steps)
        for members in chains.values():
            own_steps = (run.steps[each.at] for each in members)
            prompt = next((step.text for step in own_steps if step.kind == "wb.input"), None)
            parent = callers.find(members[0], prompt)
            own = {each.at for each in members}
            for at in own:
                if parent is None:
                    run.steps[at].flags |= {"orphan"}
                elif parent not in own:
                    run.steps[at].parent = parent

    def _root(self, uuid: str | None) -> str:
        """Return the first line of the chain that a line belongs to."""
        found, walked = uuid or "", list[str]()
        while found not in self._roots and (up := self._parents.get(found)) in self._parents:
            # a circle ends where it began
            self._roots[found] = found
            walked.append(found)
            found = up or ""
        root = self._roots.get(found, found)
        self._roots |= dict.fromkeys(walked, root)
        return root


class _Callers:
    """The steps that started sub-agents, by what may tell them."""

    def __init__(self, steps: list[Step]) -> None:
        self._by_agent: dict[str, int] = {}
        self._by_call: dict[str, int] = {}
        self._by_prompt: dict[str, int] = {}
        for at, step in enumerate(steps):
            if step.kind != "execute_tool":
                continue
            if step.tool_call_id is not None:
                self._by_call[step.tool_call_id] = at
            agent = Fields(step.extra.get("toolUseResult")).text("agentId")
            prompt = Fields(step.arguments).text("prompt")
            if agent is not None:
                self._by_agent[agent] = at
            if prompt is not None:
                self._by_prompt.setdefault(prompt, at)

    def find(self, member: _Member, prompt: str | None) -> int | None:
        """Return the step that started a sub-agent, by one of its steps and its first words."""
        for known, key in (
            (self._by_call, member.caller),
            (self._by_agent, member.agent),
            (self._by_prompt, prompt),
        ):
            if key is not None and key in known:
                return known[key]
        return None


def _blocks(message: Fields) -> list[Json]:
    text = message.text("content")
    if text is not None:
        return [{"type": "text", "text": text}]
    return list(message.items("content"))


def _part(value: Json, direction: Direction, role: str) -> Part:
    """Return the part of a block of a message."""
    block = Fields(value)
    kind = block.peek("type")
    make: Any = _MAKERS.get(kind) if isinstance(kind, str) else None
    if make is None:
        part = Part(direction, role, "opaque")
    else:
        block.take("type")
        part = make(block, direction, role)
    part.extra |= block.rest()
    return part


def _text(block: Fields, direction: Direction, role: str) -> Part:
    return Part(direction, role, "text", block.text("text"))


def _thinking(block: Fields, direction: Direction, role: str) -> Part:
    return Part(direction, role, "reasoning", block.text("thinking"))


def _tool_use(block: Fields, direction: Direction, role: str) -> Part:  # noqa: ARG001
    return call_part(block.text("name"), block.take("input"), block.key("id"), role=role)


def _server_tool_use(block: Fields, direction: Direction, role: str) -> Part:
    part = _tool_use(block, direction, role)
    part.type = "server_tool_call"
    return part


def _image(block: Fields, direction: Direction, role: str) -> Part:
    part = Part(direction, role, "blob")
    part.mime_type = block.inner("source").text("media_type")
    return part


_MAKERS = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _thinking,
    "tool_use": _tool_use,
    "server_tool_use": _server_tool_use,
    "image": _image,
}


def _answer(step: Step, block: Fields, *, interrupted: bool) -> None:
    block.take("type")
    step.tool_call_id = block.key("tool_use_id")
    step.parts.append(response_part(block.take("content"), None, step.tool_call_id))
    failed = block.flag("is_error")
    step.status = "error" if failed else "ok"
    if failed:
        step.error_type, step.error_message = "tool_error", step.result
    if interrupted:
        step.status = "cancelled"
    step.parts[0].extra |= block.rest()


def _usage(usage: Fields) -> Usage:
    """Return tokens with those of the cache in the input, where they are counted at all."""
    read, wrote = usage.count("cache_read_input_tokens"), usage.count("cache_creation_input_tokens")
    total = usage.count("input_tokens")
    if total is not None:
        total += (read or 0) + (wrote or 0)
    if total is not None and total >= 2**63:
        total = None
    return Usage(total, read, wrote, usage.count("output_tokens"))


def _added(one: Usage, other: Usage) -> Usage:
    found = Usage()
    for name in Usage.__slots__:
        known = [each for usage in (one, other) if (each := getattr(usage, name)) is not None]
        # what no column of 64 bits holds, no provider has counted
        setattr(found, name, sum(known) if known and sum(known) < 2**63 else None)
    return found


def _bill(step: Step, message: Fields, line: Fields) -> None:
    """Set what a message took so far; each line tells it anew, and the last one counts."""
    usage = _usage(Fields(message.peek("usage")))
    usage.cost_usd = Fields({"cost": line.peek("costUSD")}).number("cost")
    if usage:
        step.usage = usage
    reason = message.peek("stop_reason")
    if isinstance(reason, str):
        step.finish_reason = reason


def _fail(step: Step, line: Fields) -> None:
    """Set that a line is no answer but the error that came instead of one."""
    if line.peek("isApiErrorMessage") is True or step.model == "<synthetic>":
        # written by the program itself: no model answered
        step.usage = None
        step.kind = "wb.other"
    if line.peek("isApiErrorMessage") is True:
        step.kind, step.status = "wb.error", "error"
        step.error_type, step.error_message = line.text("error") or "api_error", step.text
