"""Codex's rollouts, one line for each thing that happened.

What the model wrote (`response_item`: reasoning, messages, calls) is one step until its tools answer
or `token_count` closes the call of the API; of its two figures `last_token_usage` is the call's own,
and one that comes again with the same total is not counted again. Events that repeat what an item
says (`user_message`, `agent_message`, the ends of commands) stay in the run's `extra`, under `events`.
"""

import re
from collections.abc import Iterator

from workbench.trajectories.conversations.answering import add_unanswered, pair_calls
from workbench.trajectories.conversations.messages import (
    as_text,
    call_part,
    content_parts,
    response_part,
    time_answers,
)
from workbench.trajectories.model import (
    Direction,
    Json,
    Part,
    Run,
    Step,
    Usage,
)
from workbench.trajectories.sources.documents import Document, Fields, nanoseconds

NAME = "codex"
_LINES = {"session_meta", "turn_context", "response_item", "event_msg", "compacted"}
_TOKENS = {
    "input_tokens": "input_tokens",
    "cached_tokens": "cached_input_tokens",
    "cache_written_tokens": "cache_write_input_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "reasoning_output_tokens",
}
# What shells say of a command, in the text of its output.
_EXIT_CODE = re.compile(r"^(?:Exit code:|Process exited with code) (-?\d{1,10})$", re.MULTILINE)
_ROLES = {"user": "wb.input", "developer": "wb.system", "system": "wb.system"}


def recognises(first: Json) -> bool:
    """Tell whether the first value is a line of a rollout, or a list of lines."""
    one = first[0] if isinstance(first, list) and first else first
    if not isinstance(one, dict):
        return False
    if isinstance(one.get("payload"), dict):
        return isinstance(one.get("type"), str) and one["type"] in _LINES
    return _is_old_start(one)


def _is_old_start(value: dict[str, Json]) -> bool:
    """Tell whether a line is the first of a rollout from before lines had a payload."""
    return {"id", "timestamp", "instructions"} <= value.keys() and "type" not in value


def runs(document: Document) -> Iterator[Run]:
    """Yield the one run of a rollout."""
    rollout = _Rollout(document)
    for pointer, value in document.objects("a line"):
        rollout.add(value, pointer)
    if rollout.seen:
        yield rollout.finish()


class _Rollout:
    """Makes the steps of a rollout, line by line."""

    def __init__(self, document: Document) -> None:
        self.run = Run(NAME, agent=NAME)
        self.seen = False
        self._document = document
        self._model: str | None = None
        # the step of the call of the API that is under way, and whether a tool has answered since
        self._chat: Step | None = None
        self._answered = False
        self._unbilled: Step | None = None
        self._total: Usage | None = None
        self._exits: dict[str, int] = {}

    def add(self, value: dict[str, Json], pointer: str) -> None:
        """Add a line."""
        self.seen = True
        line = Fields(value)
        if isinstance(value.get("payload"), dict):
            kind, payload = line.peek("type"), line.inner("payload")
        else:
            kind, payload = "session_meta" if _is_old_start(value) else "response_item", line
        if kind == "event_msg":
            self._event(value, payload, pointer)
        elif kind == "response_item":
            self._item(line, payload, pointer)
        else:
            self._other(str(kind), line, payload, pointer)

    def finish(self) -> Run:
        """Return the run, with its calls joined to their answers."""
        run = self.run
        pair_calls(run.steps, by_position=False)
        time_answers(run.steps)
        for step in run.calls:
            code = self._exits.get(step.tool_call_id or "")
            if code is not None and step.status == "unset":
                _end(step, code)
        add_unanswered(run.steps)
        if any(step.start_ns is not None for step in run.steps):
            run.time_source = "recorded"
        return run

    def _step(self, kind: str, line: Fields, pointer: str) -> Step:
        step = Step(kind, pointer)
        step.start_ns = nanoseconds(line.peek("timestamp"))
        self.run.steps.append(step)
        return step

    def _other(self, kind: str, line: Fields, payload: Fields, pointer: str) -> None:
        """Add a line that is neither item nor event: session, turn, compaction, or unknown."""
        kinds = {"session_meta": "wb.system", "turn_context": "wb.state"}
        self._chat = None
        step = self._step(kinds.get(kind, "wb.other"), line, pointer)
        step.name = kind
        if kind == "session_meta":
            self._meta(step, payload)
        elif kind == "turn_context":
            model = payload.peek("model")
            self._model = model if isinstance(model, str) else self._model
        elif kind == "compacted":
            step.kind = "wb.compaction"
            if (text := payload.text("message")) is not None:
                step.parts.append(Part("out", "assistant", "text", text))
        step.extra = line.rest()

    def _meta(self, step: Step, payload: Fields) -> None:
        """Take what names the session; a fork repeats that of its parent after its own."""
        if self.run.name is None:
            self.run.name = self.run.conversation_id = payload.text("id")
            self.run.agent_version = payload.text("cli_version")
            self.run.provider = payload.text("model_provider")
        text = payload.inner("base_instructions").text("text") or payload.text("instructions")
        if text is not None:
            step.parts.append(Part("system", "system", "text", text))

    def _item(self, line: Fields, payload: Fields, pointer: str) -> None:
        """Add an item: of the model, of a tool, or of somebody else."""
        kind = payload.peek("type")
        kind = kind if isinstance(kind, str) else ""
        if kind.endswith("_output"):
            self._output(line, payload, pointer)
        elif kind == "message" and payload.peek("role") != "assistant":
            role = payload.text("role") or "unknown"
            step = self._step(_ROLES.get(role, "wb.other"), line, pointer)
            direction: Direction = "system" if step.kind == "wb.system" else "in"
            step.parts = content_parts(payload, direction, role)
            step.extra = line.rest()
            if not step.parts:
                step.extra.setdefault("role", role)
            self._chat = None
        elif parts := _written(kind, payload):
            self._say(parts, line, pointer)
        else:
            step = self._step(
                "wb.compaction" if "compaction" in kind else "wb.other", line, pointer
            )
            step.name, step.extra = kind or None, line.rest()

    def _say(self, parts: list[Part], line: Fields, pointer: str) -> None:
        """Add what the model wrote to the call of the API that is under way, or to a new one."""
        if self._chat is None or self._answered:
            self._chat = self._unbilled = self._step("chat", line, pointer)
            self._chat.model, self._answered = self._model, False
        else:
            self._chat.end_ns = nanoseconds(line.peek("timestamp"))
        parts[0].extra["line"] = {"source": pointer, **line.rest()}
        self._chat.parts += parts

    def _output(self, line: Fields, payload: Fields, pointer: str) -> None:
        """Add the answer of a tool."""
        step = self._step("execute_tool", line, pointer)
        step.tool_call_id = payload.key("call_id")
        output = payload.take("output")
        part = response_part(output, None, step.tool_call_id)
        step.parts.append(part)
        if isinstance(output, dict) and isinstance(output.get("content"), str):
            part.text = output["content"]
        _judge(step, output)
        step.extra = line.rest()
        self._answered = True

    def _event(self, value: dict[str, Json], payload: Fields, pointer: str) -> None:
        """Note an event; it becomes a step where no item tells of it."""
        kind = payload.peek("type")
        if kind == "token_count":
            self._count(value, payload, pointer)
            return
        if kind in ("error", "stream_error", "turn_aborted"):
            step = self._step(
                "wb.error" if kind != "turn_aborted" else "wb.state", Fields(value), pointer
            )
            step.name, step.extra = kind, dict(value)
            if step.kind == "wb.error":
                step.status, step.error_type = "error", kind
                step.error_message = Fields(payload.rest()).text("message")
        else:
            self.run.extra.setdefault("events", []).append({"source": pointer, **value})
        self._follow(kind, payload)

    def _follow(self, kind: Json, payload: Fields) -> None:
        """Follow how turns begin and end, and with what commands did."""
        if kind in ("task_started", "turn_started", "user_message"):
            self._chat = None
            self.run.status, self.run.termination = "unset", None
        elif kind in ("task_complete", "turn_complete"):
            self.run.status, self.run.termination = "ok", kind
        elif kind == "turn_aborted":
            self.run.status = "cancelled"
            self.run.termination = Fields(payload.rest()).text("reason") or kind
        elif kind == "error":
            self.run.status, self.run.termination = "error", kind
        call, code = payload.peek("call_id"), payload.peek("exit_code")
        if isinstance(call, str) and isinstance(code, int):
            self._exits[call] = code

    def _count(self, value: dict[str, Json], payload: Fields, pointer: str) -> None:
        """Give the tokens of a call of the API to its step."""
        info = Fields(payload.peek("info"))
        total, last = _counted(info, "total_token_usage"), _counted(info, "last_token_usage")
        again = total is not None and total == self._total
        last = last or _grown(total, self._total)
        step = self._unbilled
        if last is None or again or not _any(last):
            step = None
        else:
            step = step or self._step("wb.other", Fields(value), pointer)
            step.usage = last
            # closed: the next item is of another call
            self._chat = self._unbilled = None
        self._keep_total(total, pointer)
        home = self.run.extra if step is None else step.extra
        home.setdefault("token_counts", []).append({"source": pointer, **value})

    def _keep_total(self, total: Usage | None, pointer: str) -> None:
        if total is None:
            return
        if (total.input_tokens or 0) < ((self._total and self._total.input_tokens) or 0):
            self._document.notice(
                "totals_shrank", pointer, "the tokens so far are fewer than before; they begin anew"
            )
        self._total = self.run.recorded = total


def _written(kind: str, payload: Fields) -> list[Part]:
    """Return what the model wrote in an item; nothing where it is no item of a model."""
    parts: list[Part] = []
    if kind == "message":
        payload.take("role")
        parts = content_parts(payload, "out", "assistant") or [Part("out", "assistant", "text")]
    elif kind == "reasoning":
        texts = [Fields(each) for name in ("summary", "content") for each in payload.items(name)]
        parts = [_thought(each) for each in texts] or [Part("out", "assistant", "reasoning")]
    elif kind == "function_call":
        arguments = payload.take("arguments")
        parts = [call_part(payload.text("name"), arguments, payload.key("call_id"))]
    elif kind == "custom_tool_call":
        parts = [_free_call(payload)]
    elif kind == "local_shell_call":
        parts = [call_part("local_shell", payload.take("action"), payload.key("call_id", "id"))]
    elif kind.endswith("_call"):
        # run by the provider, inside the model's own answer
        part = Part("out", "assistant", "server_tool_call", name=kind.removesuffix("_call"))
        part.arguments = payload.take("action")
        part.text, part.call_id = as_text(part.arguments), payload.key("id")
        parts = [part]
    return parts


def _thought(block: Fields) -> Part:
    return Part("out", "assistant", "reasoning", block.text("text"), extra=block.rest())


def _free_call(payload: Fields) -> Part:
    """Return a call whose argument is a text of the tool's own language, such as a patch."""
    part = Part("out", "assistant", "tool_call", payload.text("input"), payload.text("name"))
    part.call_id, part.arguments = payload.key("call_id"), part.text
    return part


def _judge(step: Step, output: Json) -> None:
    """Set how a command ended, where its output says so."""
    told = output
    if isinstance(output, str):
        told = call_part(None, output, None).arguments if output.startswith("{") else None
        found = _EXIT_CODE.search(output[:2000])
        if found:
            _end(step, int(found[1]))
    fields = Fields(told)
    code = fields.inner("metadata").peek("exit_code")
    success = fields.peek("success")
    if isinstance(code, int):
        _end(step, int(code))
    elif isinstance(success, bool):
        _end(step, 0 if success else None)


def _end(step: Step, code: int | None) -> None:
    """Set how a command ended; without a code it failed."""
    step.status = "ok" if code == 0 else "error"
    if step.status == "error":
        step.error_type = "tool_error" if code is None else f"exit_code_{code}"
        step.error_message = step.result


def _counted(info: Fields, name: str) -> Usage | None:
    usage = Fields(info.peek(name))
    found = Usage(**{ours: usage.count(theirs) for ours, theirs in _TOKENS.items()})
    return found or None


def _any(usage: Usage) -> bool:
    return any(getattr(usage, name) for name in _TOKENS)


def _grown(total: Usage | None, before: Usage | None) -> Usage | None:
    """Return what totals grew by, for logs that tell no more."""
    if total is None:
        return None
    found = Usage()
    for name in _TOKENS:
        now, then = getattr(total, name), getattr(before, name, None) or 0
        setattr(found, name, None if now is None else max(now - then, 0))
    return found
