"""Who&When: failed runs of several agents, each with the step that people hold for the mistake.

One step per entry of `history`. An entry that begins with the exit code of a program is a terminal's
answer to the code in the entry before it.
"""

import re
from collections.abc import Iterator

from workbench.trajectories.conversations.messages import as_text
from workbench.trajectories.model import Annotation, Json, Part, Run, Step
from workbench.trajectories.sources.documents import Document, Fields

NAME = "who-and-when"

_EXIT = re.compile(r"exitcode: (-?\d{1,9})")
_USERS = {"human", "user_proxy"}


def recognises(first: Json) -> bool:
    """Tell whether the first value is a log, or a list of logs, with `history` and `mistake_step`."""
    one = first[0] if isinstance(first, list) and first else first
    return isinstance(one, dict) and {"history", "mistake_step"} <= one.keys()


def runs(document: Document) -> Iterator[Run]:
    """Yield the logs as runs; one that is no object is told and left out."""
    for place, value in document.values():
        for at, each in enumerate(value if isinstance(value, list) else [value]):
            pointer = f"{place}/{at}" if isinstance(value, list) else place
            if isinstance(each, dict):
                yield _run(document, each, pointer)
            elif each is not None:
                document.notice(
                    "unreadable", pointer, f"a log must be an object: {each!r:.500}", "error"
                )


def _run(document: Document, value: dict[str, Json], pointer: str) -> Run:
    fields = Fields(value)
    # the question stays in extra too: there the logs of one question find each other
    run = Run(NAME, pointer, task_id=Fields(value).key("question_ID", "question_id"))
    run.outcome = value["is_correct"] if isinstance(value.get("is_correct"), bool) else None
    for at, entry in enumerate(fields.items("history")):
        run.steps.append(_step(entry, f"{pointer}/history/{at}"))
    for at, step in enumerate(run.steps):
        if step.kind == "execute_tool" and at and "```" in run.steps[at - 1].text:
            step.call_step = at - 1
    run.annotations = list(_mistakes(document, fields, run, pointer))
    run.extra = fields.rest()
    return run


def _step(entry: Json, source: str) -> Step:
    fields = Fields(entry)
    role = fields.text("role")
    step = Step("chat", source, agent=fields.text("name") or role)
    said = fields.take("content")
    content = as_text(said)
    if found := _EXIT.match(content or ""):
        step.kind, step.tool = "execute_tool", step.agent
        failed = int(found[1]) != 0
        step.status = "error" if failed else "ok"
        step.error_type = f"exit code {int(found[1])}" if failed else None
        step.parts = [Part("out", role or "tool", "tool_call_response", content, step.agent)]
    elif role in _USERS:
        step.kind = "wb.input"
        step.parts = [Part("in", role, "text", content)]
    else:
        step.parts = [Part("out", role or "assistant", "text", content)]
    if said is not None and not isinstance(said, str):
        step.parts[0].extra["structured"] = True
    step.extra = fields.rest()
    return step


def _mistakes(document: Document, fields: Fields, run: Run, pointer: str) -> Iterator[Annotation]:
    """Yield what people say of the mistake; a step that the log does not have is told."""
    step = fields.count("mistake_step")
    agent, reason = fields.text("mistake_agent"), fields.text("mistake_reason")
    if step is not None and step >= len(run.steps):
        document.notice(
            "no_such_step", f"{pointer}/mistake_step",
            f"the mistake is in step {step} of {len(run.steps)}; it is kept for the run as a whole",
        )  # fmt: skip
        yield Annotation(
            "mistake", agent, None, reason, None, "HUMAN", extra={"mistake_step": step}
        )
    elif step is not None or agent is not None or reason is not None:
        yield Annotation("mistake", agent, None, reason, step, "HUMAN")
