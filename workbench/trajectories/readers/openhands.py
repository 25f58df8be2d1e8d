"""OpenHands' events, of the first generation (V0: actions and observations) and of the SDK (V1).

An action of the agent is what its model asked for: all actions with one response are one step, and
each observation joins its action by `cause` (V0) or `action_id` (V1), never by position. V0 writes
tokens and dollars as totals so far: a step has what they grew by. V1 tells them by response.
A file holds a list of events, one event a line, or lines of evaluation output with a `history`; of a
folder `events` with a file for each, the first file stands for all.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from workbench.trajectories.conversations.messages import call_part, response_part
from workbench.trajectories.model import Direction, Json, Part, Run, Step, Usage
from workbench.trajectories.readers.openhands_log import LAST_WORDS, Log, event_key
from workbench.trajectories.readers.openhands_sdk import HANDLERS, Handler, other
from workbench.trajectories.sources.documents import Document, Fields

NAME = "openhands"
_SOURCES = {"agent", "user", "environment", "hook"}
_EVENT_FILE = re.compile(r"(?:event-)?(\d{1,9})(?:-[\w-]*)?\.json")
# Actions with which the agent's model has nothing to do, and the kinds of their steps.
_OWN_ACTIONS = {
    "system": "wb.system",
    "recall": "wb.other",
    "condensation": "wb.compaction",
    "condensation_request": "wb.compaction",
    "change_agent_state": "wb.state",
    "start": "wb.state",
    "pause": "wb.state",
    "resume": "wb.state",
    "stop": "wb.state",
    "null": "wb.other",
}
_OWN_OBSERVATIONS = {
    "agent_state_changed": "wb.state",
    "recall": "retrieval",
    "error": "wb.error",
    "null": "wb.other",
    "success": "wb.other",
    "condense": "wb.compaction",
}


def recognises(first: Json) -> bool:
    """Tell whether the first value is an event, a list of events, or has a history of them."""
    one = first[0] if isinstance(first, list) and first else first
    if isinstance(one, dict) and isinstance(one.get("history"), list) and one["history"]:
        one = one["history"][0]
        # the oldest evaluations keep pairs of an action and its observation
        one = one[0] if isinstance(one, list) and one else one
    return _is_event(one)


def _is_event(value: Json) -> bool:
    fields = Fields(value)
    if fields.text("source") not in _SOURCES:
        return False
    return fields.text("kind") in HANDLERS or fields.text("action", "observation") is not None


def runs(document: Document) -> Iterator[Run]:
    """Yield a run for each history, and one for all events that stand by themselves."""
    files = _files_of(document)
    if files:
        yield from _joined(document, files)
        return
    loose = Log(Run(NAME), document)
    for pointer, value in document.objects("an event"):
        if isinstance(value.get("history"), list):
            yield _evaluated(value, pointer, document)
        else:
            _add(loose, value, pointer)
    if loose.run.steps:
        yield loose.finish()


def _files_of(document: Document) -> list[Path]:
    """Return the files of a conversation that has one for each event, in their order."""
    path = document.path
    if document.data is not None or path.parent.name != "events":
        return []
    named = [(_EVENT_FILE.fullmatch(each.name), each) for each in path.parent.iterdir()]
    numbered = sorted((int(found[1]), each) for found, each in named if found)
    files = [each for _, each in numbered]
    return files if path in files else []


def _joined(document: Document, files: list[Path]) -> Iterator[Run]:
    """Yield the run of a conversation from its first file; the others tell where they went."""
    if document.path != files[0]:
        document.notice("joined", "", f"it is read with {files[0].name}", "info")
        return
    log = Log(Run(NAME, conversation_id=document.path.parent.parent.name or None), document)
    for path in files:
        part = Document(path, path.name, document.limits)
        _add(log, part.json(), f"{path.name}!")
        for told in part.notices:
            document.notice(told.check, f"{path.name}!{told.place}", told.reason, told.severity)
    yield log.finish()


def _evaluated(value: Json, pointer: str, document: Document) -> Run:
    """Return the run of a line of evaluation output."""
    fields = Fields(value)
    log = Log(Run(NAME, pointer, task_id=fields.key("instance_id")), document)
    for at, each in enumerate(fields.items("history")):
        place = f"{pointer}/history/{at}"
        if isinstance(each, list):
            for inner, event in enumerate(each):
                _add(log, event, f"{place}/{inner}")
        else:
            _add(log, each, place)
    log.bill([fields.peek("metrics")])
    run = log.finish()
    if isinstance(error := fields.peek("error"), str) and error:
        run.status, run.termination = "error", error
    run.extra |= fields.rest()
    return run


def _action(log: Log, step: Step, fields: Fields) -> None:
    name = fields.text("action") or ""
    step.name, step.agent = name, fields.text("source")
    args = fields.inner("args")
    if name in _OWN_ACTIONS:
        step.kind = _OWN_ACTIONS[name]
        _say(step, "system" if name == "system" else "out", args.text("content", "summary"))
        about = Fields(args.rest())
        log.run.agent = log.run.agent or about.text("agent_class")
        log.run.agent_version = log.run.agent_version or about.text("openhands_version")
        return
    if step.agent == "agent":
        step.kind = "chat"
        _decide(log, step, fields)
    elif step.agent == "user":
        step.kind = "wb.input"
    direction: Direction = "in" if step.kind == "wb.input" else "out"
    _say(step, direction, args.text("thought"))
    if name == "message":
        _say(step, direction, args.text("content"))
    else:
        _call(log, step, fields, args)
    if name == "finish":
        log.end("finished")


def _say(step: Step, direction: Direction, text: str | None) -> None:
    role = "assistant" if step.agent == "agent" else step.agent or "environment"
    if text is not None:
        step.parts.append(Part(direction, role, "text", text))


def _decide(log: Log, step: Step, fields: Fields) -> None:
    """Set what the model's response says; several actions of one response are one step."""
    response = Fields(Fields(fields.peek("tool_call_metadata")).peek("model_response"))
    step.response_id, step.model = response.text("id"), response.text("model")
    usage = response.inner("usage")
    log.report(
        step,
        Usage(
            input_tokens=usage.count("prompt_tokens"),
            cached_tokens=usage.inner("prompt_tokens_details").count("cached_tokens"),
            output_tokens=usage.count("completion_tokens"),
        ),
    )


def _call(log: Log, step: Step, fields: Fields, args: Fields) -> None:
    metadata = Fields(fields.peek("tool_call_metadata"))
    call_id = metadata.text("tool_call_id")
    arguments = _written(metadata.peek("model_response"), call_id)
    role = "assistant" if step.kind == "chat" else step.agent or "environment"
    name = metadata.text("function_name") or step.name
    call = call_part(name, args.rest() if arguments is None else arguments, call_id, role=role)
    log.ask(step, call, event_key(fields), final=step.name in LAST_WORDS)


def _written(response: Json, call_id: str | None) -> Json:
    """Return the arguments of a call as the model wrote them."""
    for choice in Fields(response).items("choices"):
        for each in Fields(choice).inner("message").items("tool_calls"):
            if call_id is not None and Fields(each).peek("id") == call_id:
                return Fields(each).inner("function").peek("arguments")
    return None


def _observation(log: Log, step: Step, fields: Fields) -> None:
    name = fields.text("observation") or ""
    step.name, step.agent = name, fields.text("source")
    cause = event_key(fields, "cause")
    call_id = Fields(fields.peek("tool_call_metadata")).text("tool_call_id")
    joined = log.answer(step, cause)
    if not joined:
        tool = "execute_tool" if call_id or cause else "wb.other"
        step.kind = _OWN_OBSERVATIONS.get(name, tool)
        step.flags |= {"orphan"} if step.kind == "execute_tool" else set()
    extras = Fields(fields.peek("extras"))
    content = fields.take("content")
    if step.kind == "execute_tool":
        step.tool = step.tool or name
        step.parts.append(response_part(content, step.tool, step.tool_call_id))
        _judge(step, fields, extras)
    elif isinstance(content, str):
        _say(step, "out", content)
    elif content is not None:
        step.extra["content"] = content
    if step.kind == "wb.error":
        step.status, step.error_message = "error", step.text
    if name == "agent_state_changed":
        log.end(extras.text("agent_state"))


def _judge(step: Step, fields: Fields, extras: Fields) -> None:
    """Set how an action ended: as its observation says, or by the exit code of its command."""
    code = extras.inner("metadata").peek("exit_code")
    failed = isinstance(code, int) and not isinstance(code, bool) and code != 0
    if step.name == "user_rejected":
        step.status = "cancelled"
    elif step.name == "error" or failed or fields.peek("success") is False:
        step.status = "error"
        step.error_type = f"exit_code_{code}" if failed else "tool_error"
        step.error_message = step.result
    else:
        step.status = "ok"


def _handler(fields: Fields) -> Handler:
    kind = fields.peek("kind")
    if isinstance(kind, str):
        return HANDLERS.get(kind, other)
    if isinstance(fields.peek("action"), str):
        return _action
    return _observation if isinstance(fields.peek("observation"), str) else other


def _add(log: Log, value: Json, pointer: str) -> None:
    """Add an event to a log."""
    fields = Fields(value)
    step = Step("wb.other", pointer, start_ns=fields.time("timestamp"))
    _handler(fields)(log, step, fields)
    log.keep(step, fields, Fields(Fields(value).peek("llm_metrics")))
