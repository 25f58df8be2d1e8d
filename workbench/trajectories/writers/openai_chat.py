"""OpenAI's chat messages: an object with `messages` per run, as fine-tuning files have it.

What a message cannot say (times, usage, parents, spans that are no message) stands in the object's
member `wb`. A model's step that repeats what it read gives the messages that were not there yet.
"""

from collections import Counter
from itertools import groupby

from workbench.trajectories.conversations.messages import as_text
from workbench.trajectories.model import MODEL_KINDS, Json, Part, Run, Step
from workbench.trajectories.readers.openai_chat import EXTENSION, conversation
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers.hearing import Hearing
from workbench.trajectories.writers.lossless import lossless, members, result_value

NAME = "openai-chat"

_ROLES = {"wb.system": "system", "wb.input": "user", "execute_tool": "tool"}
_ROLES |= dict.fromkeys(MODEL_KINDS, "assistant")
# Members that mean something to the reader.
_RESERVED = {
    "messages", "model", "request", "response", "body", "choices", "usage", "id", "created",
    "object", EXTENSION,
}  # fmt: skip


def line(run: Run) -> bytes:
    """Return a run as one line of JSON.

    Examples
    --------
    >>> line(Run("mine", "", [Step("wb.input", "/0", [Part("in", "user", "text", "Hello")])])).decode()
    '{"messages":[{"role":"user","content":"Hello"}]}'
    """
    talk = _Talk(run)
    native: dict[str, Json] = {"messages": talk.messages}
    if run.model is not None:
        native["model"] = run.model
    if run.format == NAME:
        native |= {name: each for name, each in run.extra.items() if name not in _RESERVED}

    def attach(written: Json, lacking: dict[str, Json]) -> None:
        written[EXTENSION] = lacking

    def read(value: Json, document: Document) -> Run:
        return conversation("", value, document)

    return lossless(run, native, talk.places, read, attach)


class _Talk:
    """The messages of a run, and where each of its steps stands in them."""

    def __init__(self, run: Run) -> None:
        self.messages: list[Json] = []
        self.places: list[str | None] = []
        self._own = run.format == NAME
        self._hearing = Hearing()
        self._open_ids: dict[int, list[str]] = {}
        self._n_unanswered: Counter[int] = Counter()
        for at, step in enumerate(run.steps):
            self.places.append(self._place(at, step))

    def _place(self, at: int, step: Step) -> str | None:
        role = _ROLES.get(step.kind) or (_unknown_role(step) if step.kind == "wb.other" else None)
        if role is None:
            return None
        if "unanswered" in step.flags and step.call_step is not None:
            return self._place_unanswered(step.call_step)
        if role == "assistant":
            self._hear(step)
        message = self._answer(at, step) if role == "tool" else self._message(at, step, role)
        # what a model read is counted as it is heard
        self._hearing.say(
            part for part in step.parts if role != "assistant" or part.direction == "out"
        )
        self.messages.append(message)
        return f"/messages/{len(self.messages) - 1}"

    def _place_unanswered(self, asking: int) -> str | None:
        # the reader adds these after the messages, each at the place of its call
        self._n_unanswered[asking] += 1
        place = self.places[asking] if asking < len(self.places) else None
        return place and f"{place}#{self._n_unanswered[asking] + 1}"

    def _hear(self, step: Step) -> None:
        """Add the messages that a model read and that no step before it said."""
        new = self._hearing.new(step)
        for (role, call_id), parts in groupby(new, lambda part: (part.role, _answered(part))):
            listed = list(parts)
            if call_id is not None:
                self.messages.append(_result(listed[0], call_id))
            else:
                self.messages.append({"role": role, **_content(listed), **_calls(listed, [])})

    def _message(self, at: int, step: Step, role: str) -> dict[str, Json]:
        direction = {"system": "system", "user": "in"}.get(role, "out")
        parts = [part for part in step.parts if part.direction == direction] or step.parts
        if role == "system" and parts and parts[0].role == "developer":
            role = "developer"
        calls = [part for part in parts if part.type == "tool_call"]
        legacy = self._own and [part.call_id for part in calls] == [None]
        ids = (
            [] if legacy else [f"call_{at}_{n}" for n, part in enumerate(calls) if not part.call_id]
        )
        self._open_ids[at] = list(ids)
        message: dict[str, Json] = {"role": role}
        if step.agent is not None:
            message["name"] = step.agent
        return {**message, **_content(parts), **_calls(parts, ids), **self._extra(step)}

    def _answer(self, at: int, step: Step) -> dict[str, Json]:
        """Return a tool's answer; a call that nobody asked for is asked for in a message before it."""
        ids = self._open_ids.get(at if step.call_step is None else step.call_step, [])
        own = step.tool_call_id or (ids.pop(0) if ids else None)
        asked = [part for part in step.parts if part.type == "tool_call"]
        if step.call_step is None and asked and not self._hearing.said(asked[0]):
            own = own or f"call_{at}_0"
            self.messages.append({"role": "assistant", "content": None, **_calls(asked[:1], [own])})
        answers = [part for part in step.parts if part.type == "tool_call_response"]
        found = _result(answers[0], own) if answers else {"role": "tool", "content": None}
        return {**found, **self._extra(step)}

    def _extra(self, step: Step) -> dict[str, Json]:
        """Return what else a message of the API had; what other formats had is in the extension."""
        if not self._own:
            return {name: None for name in ("content",) if step.extra.get(name, "") is None}
        return {name: each for name, each in step.extra.items() if name not in {"role", "choice"}}


def _unknown_role(step: Step) -> str | None:
    role = step.parts[0].role if step.parts else step.extra.get("role")
    return role if isinstance(role, str) and role != "unknown" else None


def _answered(part: Part) -> str | None:
    return part.call_id if part.type == "tool_call_response" else None


def _result(part: Part, call_id: str | None) -> dict[str, Json]:
    found: dict[str, Json] = {"role": part.role if part.role == "function" else "tool"}
    if call_id is not None:
        found["tool_call_id"] = call_id
    if part.name is not None:
        found["name"] = part.name
    found["content"] = result_value(part, own=True)
    return found


def _content(parts: list[Part]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    reasoning = [part.text for part in parts if part.type == "reasoning" and part.text is not None]
    if reasoning:
        found["reasoning_content"] = "\n".join(reasoning)
    shown = [part for part in parts if part.type not in {"reasoning", "tool_call"}]
    if len(shown) == 1 and shown[0].type == "text" and not shown[0].extra:
        found["content"] = shown[0].text
    elif shown:
        found["content"] = [_piece(part) for part in shown]
    return found


def _piece(part: Part) -> dict[str, Json]:
    if part.type == "text":
        kind = part.extra.get("type", "text")
        return {**part.extra, "type": kind, "refusal" if kind == "refusal" else "text": part.text}
    if part.type == "uri":
        image = {**members(part.extra.get("image_url")), "url": part.text}
        return {**part.extra, "type": "image_url", "image_url": image}
    if part.type == "blob":
        url = f"data:{part.mime_type or 'application/octet-stream'};base64,{part.text}"
        return {"type": "image_url", "image_url": {"url": url}}
    if part.type == "file":
        return {"type": "file", "file": {"file_id": part.text}}
    return (
        dict(part.extra) if "type" in part.extra else {"type": part.type, "text": part.text or ""}
    )


def _calls(parts: list[Part], ids: list[str]) -> dict[str, Json]:
    """Return the calls, those without an id under the next of `ids`; one without any is legacy."""
    calls, spare = [part for part in parts if part.type == "tool_call"], iter(ids)
    named = [(part, part.call_id or next(spare, None)) for part in calls]
    if len(named) == 1 and named[0][1] is None:
        return {"function_call": _function(calls[0])}
    return {"tool_calls": [_call(part, own) for part, own in named]} if named else {}


def _call(part: Part, call_id: str | None) -> dict[str, Json]:
    call: dict[str, Json] = {} if call_id is None else {"id": call_id}
    if part.extra.get("type") == "custom":
        return {**call, **part.extra, "custom": {"name": part.name, "input": part.text}}
    return {**call, "type": "function", "function": _function(part), **part.extra}


def _function(part: Part) -> dict[str, Json]:
    text = as_text(part.arguments) if part.text is None else part.text
    return {"name": part.name, "arguments": text}
