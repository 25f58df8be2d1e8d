"""Events of the OpenHands SDK, which bear their `kind`."""

from collections.abc import Callable

from workbench.trajectories.conversations.messages import call_part, content_parts, response_part
from workbench.trajectories.model import Direction, Part, Step
from workbench.trajectories.readers.openhands_log import LAST_WORDS, Log, event_key
from workbench.trajectories.sources.documents import Fields


def _system_prompt(log: Log, step: Step, fields: Fields) -> None:  # noqa: ARG001
    step.kind = "wb.system"
    if (text := fields.inner("system_prompt").text("text")) is not None:
        step.parts.append(Part("system", "system", "text", text))


def _message(log: Log, step: Step, fields: Fields) -> None:  # noqa: ARG001
    step.agent = fields.text("source")
    message = fields.inner("llm_message")
    role = message.text("role") or step.agent or "unknown"
    step.kind = {"agent": "chat", "user": "wb.input"}.get(step.agent or "", "wb.other")
    if step.kind == "chat":
        step.response_id = fields.text("llm_response_id")
    direction: Direction = "in" if step.kind == "wb.input" else "out"
    step.parts += _reasoning(message) + content_parts(message, direction, role)


def _reasoning(fields: Fields) -> list[Part]:
    text = fields.text("reasoning_content")
    return [] if text is None else [Part("out", "assistant", "reasoning", text)]


def _action(log: Log, step: Step, fields: Fields) -> None:
    step.kind, step.agent = "chat", fields.text("source")
    step.response_id = fields.text("llm_response_id")
    thought = Fields({"content": fields.items("thought")})
    step.parts += _reasoning(fields) + content_parts(thought, "out", "assistant")
    written = fields.inner("tool_call")
    name, call_id = written.text("name"), written.text("id")
    for wanted, found in (("tool_name", name), ("tool_call_id", call_id)):
        if fields.peek(wanted) == found:
            fields.take(wanted)
    arguments = written.take("arguments")
    if arguments is None:
        arguments = fields.take("action")
    call = call_part(name or fields.text("tool_name"), arguments, call_id)
    last = call.name in LAST_WORDS
    log.ask(step, call, event_key(fields), f"call {call.call_id}", final=last)


def _observation(log: Log, step: Step, fields: Fields) -> None:
    """Join an answer, an error or a rejection to its action."""
    kind = fields.peek("kind")
    step.agent = fields.text("source")
    call_id = fields.peek("tool_call_id")
    if not log.answer(step, event_key(fields, "action_id"), f"call {call_id}"):
        step.kind, step.flags = "execute_tool", step.flags | {"orphan"}
        step.tool, step.tool_call_id = fields.text("tool_name"), fields.text("tool_call_id")
    observation = fields.inner("observation")
    content = observation.take("content") if "content" in observation else None
    if content is None:
        content = fields.text("error", "rejection_reason")
    step.parts.append(response_part(content, step.tool, step.tool_call_id))
    failed = kind == "AgentErrorEvent" or observation.flag("is_error") is True
    step.status = "error" if failed else "ok"
    if failed:
        step.error_message = step.result
        step.error_type = "agent_error" if kind == "AgentErrorEvent" else "tool_error"
    if kind == "UserRejectObservation":
        step.status = "cancelled"


def _condensation(log: Log, step: Step, fields: Fields) -> None:  # noqa: ARG001
    step.kind, step.response_id = "wb.compaction", fields.text("llm_response_id")
    if (text := fields.text("summary")) is not None:
        step.parts.append(Part("out", "assistant", "text", text))


def _state(log: Log, step: Step, fields: Fields) -> None:
    step.kind, step.name = "wb.state", fields.text("key")
    value = fields.peek("value")
    if step.name == "execution_status" and isinstance(value, str):
        log.end(value)
    stats = value if step.name == "stats" else Fields(value).peek("stats")
    bills = Fields(stats).peek("usage_to_metrics")
    if isinstance(bills, dict):
        log.bill(list(bills.values()))


def _error(log: Log, step: Step, fields: Fields) -> None:
    step.kind, step.status = "wb.error", "error"
    step.error_type, step.error_message = fields.text("code"), fields.text("detail")
    log.end("error")


def other(log: Log, step: Step, fields: Fields) -> None:  # noqa: ARG001
    """Set the kind of an event that has no handler of its own."""
    if fields.peek("kind") == "PauseEvent":
        step.kind = "wb.state"


Handler = Callable[[Log, Step, Fields], None]
HANDLERS: dict[str, Handler] = {
    "SystemPromptEvent": _system_prompt,
    "MessageEvent": _message,
    "ActionEvent": _action,
    "ObservationEvent": _observation,
    "UserRejectObservation": _observation,
    "AgentErrorEvent": _observation,
    "Condensation": _condensation,
    "CondensationRequest": _condensation,
    "CondensationSummaryEvent": _condensation,
    "ConversationStateUpdateEvent": _state,
    "ConversationErrorEvent": _error,
    "PauseEvent": other,
    "TokenEvent": other,
}
"""What makes a step of an event, by its kind."""
