"""SWE-agent's trajectories (`.traj`): what the model thought and did, and what its computer answered.

Each entry of `trajectory` becomes two steps: the model's answer, and the command that ran. The messages
of `history` before the first answer become steps of their own; the later ones repeat the entries, in the
words that the model was shown, which are the input of the next answer. Demonstrations are flagged `demo`.
"""

import json
import re
from collections.abc import Iterator

from workbench.trajectories.conversations.answering import add_unanswered
from workbench.trajectories.conversations.messages import content_parts, message_step
from workbench.trajectories.conversations.pools import MessagePool
from workbench.trajectories.model import Json, Part, Run, Step, Usage
from workbench.trajectories.sources.documents import Document, Fields

NAME = "swe-agent"

_IMAGE = re.compile(r"data:(image/[\w.+-]{1,40});base64,[A-Za-z0-9+/=]+")
# A history may hold answers that led to no entry; more than a few in a row are another history.
_SKIPPED = 5


def recognises(first: Json) -> bool:
    """Tell whether the first value has a `trajectory` of actions, or a `history` of an agent's messages."""
    if not isinstance(first, dict):
        return False
    entries, history = first.get("trajectory"), first.get("history")
    if isinstance(entries, list):
        entry = entries[0] if entries else None
        acts = isinstance(entry, dict) and {"action", "observation"} <= entry.keys()
        return acts or (entry is None and bool({"history", "info"} & first.keys()))
    message = history[0] if isinstance(history, list) and history else None
    return (
        isinstance(message, dict)
        and "role" in message
        and bool({"agent", "message_type"} & message.keys())
    )


def runs(document: Document) -> Iterator[Run]:
    """Yield the run of each JSON value; one that is no object is told and left out."""
    for pointer, value in document.objects("a trajectory"):
        yield _run(document, value, pointer)


def _run(document: Document, value: dict[str, Json], pointer: str) -> Run:
    fields = Fields(value)
    run = Run(NAME, pointer)
    entries, history = fields.items("trajectory"), fields.items("history")
    run.steps = list(_opening(history, pointer))
    if "trajectory" in value and isinstance(value["trajectory"], list):
        reader = _Entries(document, run.steps, history)
        for at, entry in enumerate(entries):
            reader.add(entry, f"{pointer}/trajectory/{at}")
        if reader.pool.messages:
            run.extra["message_pool"] = reader.pool.messages
    else:
        run.steps += _from_history(history, len(run.steps), pointer)
    add_unanswered(run.steps)
    run.extra["n_entries"] = len(entries)
    if history:
        run.extra["history"] = history
    _take_config(run, fields.peek("replay_config"))
    _take_end(run, fields.peek("info"))
    run.agent = next((step.agent for step in run.steps if step.agent and not step.flags), None)
    run.extra |= fields.rest()
    return run


def _opening(history: list[Json], pointer: str) -> Iterator[Step]:
    """Yield the messages before the agent's first answer: instructions, demonstrations, the task."""
    for at, message in enumerate(history):
        demo = isinstance(message, dict) and message.get("is_demo") is True
        if not demo and _role(message) == "assistant":
            return
        yield _message(message, f"{pointer}/history/{at}", demo=demo)


def _role(message: Json) -> str:
    return str(message.get("role")) if isinstance(message, dict) else "unknown"


def _message(message: Json, source: str, *, demo: bool = False) -> Step:
    """Return the step of a message; what is not mapped of it stands in the run's `history`."""
    step = message_step(message, source)
    step.agent, step.extra = _agent(message), {}
    if demo:
        step.flags |= {"demo"}
        # what a demonstration calls was never run
        for part in step.parts:
            part.direction = "in" if part.type == "tool_call" else part.direction
    return step


def _agent(message: Json) -> str | None:
    return Fields(message if isinstance(message, dict) else None).text("agent")


def _from_history(history: list[Json], start: int, pointer: str) -> list[Step]:
    """Return the steps of a file without `trajectory`: its messages from the first answer on."""
    steps: list[Step] = []
    asked: tuple[int, Part] | None = None
    for at in range(start, len(history)):
        message, source = history[at], f"{pointer}/history/{at}"
        step = _message(message, source)
        if step.kind == "chat":
            _act(step, message, None)
            asked = (at, step.calls[0]) if step.calls else None
        elif asked:
            # in text mode the computer answers as if it were the user
            told = content_parts(Fields(message), "out", _role(message))
            answer = "\n".join(part.text for part in told if part.text)
            step = _executed(asked[1], asked[0], answer, source)
            asked = None
        steps.append(step)
    return steps


class _Entries:
    """Turns the entries of `trajectory` into steps, with what `history` knows of each."""

    def __init__(self, document: Document, steps: list[Step], history: list[Json]) -> None:
        self.pool = MessagePool()
        self._document, self._steps, self._history = document, steps, history
        self._at = len(steps)
        self._shown: list[Part] = []

    def add(self, entry: Json, source: str) -> None:
        """Add the steps of one entry."""
        if not isinstance(entry, dict):
            reason = f"an entry must be an object: {entry!r:.500}"
            self._document.notice("unreadable", source, reason, "error")
            return
        fields = Fields(entry)
        message = self._answered(entry)
        step = Step("chat", source, [*self._shown], agent=_agent(message))
        self._take_prompt(step, fields)
        action = fields.peek("action")
        _say(step, message, fields)
        _act(step, message, action if isinstance(action, str) else None)
        self._steps.append(step)
        observation = fields.peek("observation")
        if isinstance(observation, str):
            fields.take("observation")
        done = self._done(step, observation, source, fields)
        step.extra |= fields.rest()
        self._steps += done
        self._shown = list(self._seen_next())

    def _done(self, step: Step, observation: Json, source: str, fields: Fields) -> list[Step]:
        """Return the step of the command that ran, where one did."""
        text = observation if isinstance(observation, str) else None
        if not step.calls:
            if not text:
                return []
            return [
                Step("wb.other", source, [Part("out", "user", "text", text)], name="observation")
            ]
        done = _executed(step.calls[0], len(self._steps) - 1, text, source)
        for name in ("execution_time", "state"):
            if name in fields:
                done.extra[name] = fields.take(name)
        return [done]

    def _answered(self, entry: dict[str, Json]) -> Json:
        """Return the message of the history that holds the entry's answer; None where there is none."""
        skipped = 0
        for at in range(self._at, len(self._history)):
            message = self._history[at]
            if _role(message) != "assistant" or message.get("is_demo") is True:
                continue
            same = [name for name in ("action", "thought") if message.get(name) == entry.get(name)]
            if len(same) == 2 or message.get("content") == entry.get("response"):
                self._at = at + 1
                return message
            skipped += 1
            if skipped > _SKIPPED:
                break
        return None

    def _seen_next(self) -> Iterator[Part]:
        """Yield what the model is shown after its answer, up to the next one."""
        while self._at < len(self._history) and _role(self._history[self._at]) in {"user", "tool"}:
            message = self._history[self._at]
            yield from content_parts(Fields(message), "in", _role(message))
            self._at += 1

    def _take_prompt(self, step: Step, fields: Fields) -> None:
        """Keep the prompt as numbers into the pool; before 1.1 `messages` were those of the next step."""
        for name, kept in (("query", "input_refs"), ("messages", "next_input_refs")):
            if isinstance(fields.peek(name), list):
                step.extra[kept] = self.pool.refer(fields.items(name))
        if not self._history:
            for number in self.pool.unread(step.extra.get("input_refs")):
                message = self.pool.messages[number]
                role = _role(message)
                step.parts += content_parts(
                    Fields(message), "system" if role == "system" else "in", role
                )


def _say(step: Step, message: Json, fields: Fields) -> None:
    """Take what the model wrote; its thought is the answer without the command."""
    thinking = message.get("thinking_blocks") if isinstance(message, dict) else None
    for block in thinking if isinstance(thinking, list) else []:
        if isinstance(block, dict) and isinstance(block.get("thinking"), str):
            step.parts.append(Part("out", "assistant", "reasoning", block["thinking"]))
    if (text := fields.text("response", "thought")) is not None:
        step.parts.append(Part("out", "assistant", "text", text))


def _act(step: Step, message: Json, action: str | None) -> None:
    """Add the command: the call of a function where the model made one, or else its text."""
    if not step.calls:
        step.parts += (
            message_step({**message, "content": []}, "").calls if isinstance(message, dict) else []
        )
    if action is None:
        action = Fields(message).text("action")
    if not step.calls and action and action.strip():
        command = Part("out", "assistant", "tool_call", action, action.split(maxsplit=1)[0][:100])
        command.arguments = {"command": action}
        step.parts.append(command)


def _executed(call: Part, call_step: int, observation: str | None, source: str) -> Step:
    """Return the step of a command that ran, with the images that it showed."""
    asked = Part("in", "assistant", "tool_call", call.text, call.name, call.call_id, call.arguments)
    asked.arguments_valid = call.arguments_valid
    answer = Part("out", "tool", "tool_call_response", observation, call.name, call.call_id)
    step = Step("execute_tool", source, [asked, answer], call_step=call_step, tool=call.name)
    step.tool_call_id = call.call_id
    for image in _IMAGE.finditer(observation or ""):
        step.parts.append(Part("out", "tool", "blob", image[0], mime_type=image[1]))
    return step


def _take_config(run: Run, config: Json) -> None:
    """Take task and model from the configuration, which some versions wrote as a text."""
    if isinstance(config, str):
        try:
            config = json.loads(config)
        except (ValueError, RecursionError):
            return
    told = Fields(config if isinstance(config, dict) else None)
    run.task_id = told.inner("problem_statement").key("id")
    run.model = told.inner("agent").inner("model").text("name")


def _take_end(run: Run, info: Json) -> None:
    """Take how the run ended, and what it took; the patch stays in the extra."""
    told = Fields(info if isinstance(info, dict) else None)
    run.termination = told.text("exit_status")
    if run.termination is not None:
        run.status = "ok" if run.termination.startswith("submitted") else "error"
    stats = told.inner("model_stats")
    # the total runs on over the instances of a batch
    cost = stats.number("instance_cost", "total_cost")
    usage = Usage(
        stats.count("tokens_sent"), output_tokens=stats.count("tokens_received"), cost_usd=cost
    )
    run.recorded = usage if usage else None
