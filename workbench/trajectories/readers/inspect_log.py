"""Inspect's logs: one run per sample and epoch, from `.json` and from `.eval` archives.

Events become steps. A prompt is kept as numbers into `message_pool` of the run's `extra`, and its parts
are those messages that no step before has read or written. What concerns the whole log stands in the
extra of its first run, under `log`.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from workbench.trajectories.conversations.answering import add_unanswered
from workbench.trajectories.conversations.pools import whole_ranges
from workbench.trajectories.model import Annotation, Json, Run, Step
from workbench.trajectories.readers.inspect_events import Transcript
from workbench.trajectories.readers.inspect_messages import message_step, summed, usage_of
from workbench.trajectories.readers.inspect_samples import (
    Log,
    Sample,
    Subject,
    read_archive,
    read_json,
)
from workbench.trajectories.sources.documents import Document, Fields

if TYPE_CHECKING:
    from workbench.trajectories.ledger import Ledger
    from workbench.trajectories.readers.inspect_bulk import Indexed

NAME = "inspect-log"

BEGINNING = re.compile(
    rb'\s*\{\s*"version":\s*\d+,\s*"status":\s*"\w+",\s*"eval":\s*\{'
    rb'(?:\s*"\w+":\s*(?:"[^"\\]*"|null|\d+),)*?\s*"task":'
)
"""How Inspect's own files begin: the rest need not be parsed to know them."""

GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Inspect's letters: correct, partial, incorrect, no answer."""

WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
"""Inspect's words, in any case."""


def recognises(first: Json) -> bool:
    """Tell whether the first value is a log's, or a zip archive's entries are."""
    if not isinstance(first, dict):
        return False
    if "zip" in first:
        own = ("header.json", "summaries.json", "reductions.json")
        return any(
            name in own or name.startswith(("samples/", "_journal/")) for name in first["zip"]
        )
    told = first.get("eval")
    return isinstance(told, dict) and "task" in told


def runs(document: Document) -> Iterator[Run]:
    """Yield a run for each sample; a log without samples is told."""
    log = read_archive(document) if document.is_zip else read_json(document)
    seen: set[tuple[str, str]] = set()
    for sample in log.samples:
        first = not seen
        seen.add(_named(sample.fields.peek("id"), sample.fields.peek("epoch")))
        run = run_of(document, log, sample)
        if first:
            run.extra["log"] = log.told
        yield run
    _tell_missing(document, log, seen)


def _named(sample_id: Json, epoch: Json) -> tuple[str, str]:
    return str(sample_id), str(epoch)


def _tell_missing(document: Document, log: Log, seen: set[tuple[str, str]]) -> None:
    """Tell of samples that the log sums up but does not hold, and of a log that holds none."""
    summaries = log.told.get("summaries.json")
    for each in summaries if isinstance(summaries, list) else []:
        if isinstance(each, dict) and _named(each.get("id"), each.get("epoch")) not in seen:
            sample = f"{each.get('id')!r:.80} of epoch {each.get('epoch')!r:.20}"
            document.notice(
                "missing", "summaries.json!", f"the log does not hold sample {sample}", "error"
            )
    if not seen:
        told = json.dumps(log.told, ensure_ascii=False)
        document.notice(
            "no_samples", "", f"the log holds no samples; it says {told:.100000}", "info"
        )


def index(
    document: Document, ledger: "Ledger", name: Callable[[Run], str]
) -> "Iterator[Indexed] | None":
    """Fill a ledger with the runs of a log; see `inspect_bulk.index`."""
    from workbench.trajectories.readers import inspect_bulk

    return inspect_bulk.index(document, ledger, name)


def begun(log: Log, pointer: str, fields: Fields) -> Run:
    """Return the run of a sample, without its steps.

    Parameters
    ----------
    log : Log
        Its log.
    pointer : str
        Where it stands.
    fields : Fields
        What it says of itself.
    """
    run = Run(NAME, pointer, name=fields.text("uuid"), task_id=fields.key("id"))
    epoch = Fields({"epoch": fields.peek("epoch")}).count("epoch")
    run.trial = epoch - 1 if epoch else None
    run.start_ns, run.end_ns = fields.time("started_at"), fields.time("completed_at")
    _take_head(run, log)
    _take_end(run, fields)
    _take_scores(run, fields)
    usage = fields.peek("model_usage")
    if isinstance(usage, dict):
        run.recorded = summed([each for each in map(usage_of, usage.values()) if each])
    return run


def run_of(document: Document, log: Log, sample: Sample) -> Run:
    """Return the run of a sample.

    Parameters
    ----------
    document : Document
        For notices.
    log : Log
        Its log.
    sample : Sample
        The sample.
    """
    fields, attachments = sample.fields, sample.attachments
    run = begun(log, sample.pointer, fields)
    run.steps = Transcript(document, sample).read()
    run.time_source = "recorded" if any(step.start_ns is not None for step in run.steps) else "none"
    messages = fields.take("messages")
    if not run.steps and isinstance(messages, list):
        run.steps = _from_messages(attachments.resolved(messages), f"{sample.pointer}/messages")
    run.extra |= {"n_events": len(sample.events), **sample.extra}
    _take_messages(run, sample, messages)
    run.extra["sample"] = attachments.resolved(fields.rest())
    if attachments.unused:
        run.extra["attachments"] = attachments.unused
    if attachments.n_missing:
        reason = f"{attachments.n_missing} references lead to no attachment"
        document.notice("missing", sample.pointer, reason, "error")
    return run


def _from_messages(messages: list[Json], pointer: str) -> list[Step]:
    """Return the steps of a sample that recorded no events."""
    steps = [message_step(each, f"{pointer}/{at}") for at, each in enumerate(messages)]
    asked: dict[str | None, list[int]] = {}
    for at, step in enumerate(steps):
        for call in step.calls:
            asked.setdefault(call.call_id, []).append(at)
        if step.kind == "execute_tool":
            found = asked.get(step.tool_call_id)
            step.call_step = found.pop() if found else None
            if step.call_step is None:
                step.flags |= {"orphan"}
    add_unanswered(steps)
    return steps


def _take_messages(run: Run, sample: Sample, messages: Json) -> None:
    """Keep the conversation as it ended, as numbers into the pool."""
    pool, refs = sample.pool, sample.fields.take("message_refs")
    if isinstance(messages, list) and run.extra["n_events"]:
        refs = pool.refer(messages, kept=sample.attachments.resolved)
    elif messages is not None and not isinstance(messages, list):
        run.extra["messages"] = messages
    if refs is not None:
        run.extra["message_refs"] = refs
    ranges = whole_ranges(refs, len(pool.messages))
    told = sum(end - first for first, end in ranges)
    run.extra["n_messages"] = told or (len(messages) if isinstance(messages, list) else 0)
    run.extra["message_pool"] = pool.messages


def _take_head(run: Run, log: Log) -> None:
    """Take who was evaluated from the head of the log, the same for each of its runs."""
    if log.subject is None:
        log.subject = _subject(log.head)
    (
        run.format_version, run.model, run.agent, run.provider, run.agent_version, told,
    ) = log.subject  # fmt: skip
    run.extra["eval"] = dict(told)


def _subject(head: dict[str, Json]) -> Subject:
    told = head.get("eval")
    told = told if isinstance(told, dict) else {}
    fields = Fields(told)
    model, agent = fields.text("model"), fields.text("solver") or fields.text("task")
    provider, stroke, _ = (model or "").partition("/")
    version = fields.inner("revision").text("commit") or fields.key("task_version")
    # its list of samples is as long as the log has runs: that stands in the first alone
    kept = {name: each for name, each in told.items() if name != "dataset"}
    return Subject(
        Fields(head).key("version"), model, agent, provider if stroke else None, version, kept
    )


def _take_end(run: Run, fields: Fields) -> None:
    """Take how the sample ended; the texts stay in the extra."""
    error, limit = fields.peek("error"), fields.peek("limit")
    run.status = "error" if error else "ok"
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        run.termination = error["message"]
    elif isinstance(limit, dict) and isinstance(limit.get("type"), str):
        run.termination = f"{limit['type']} limit"


def _take_scores(run: Run, fields: Fields) -> None:
    for name, value, explanation in scored(fields):
        number = _number(value)
        if number is not None:
            run.scores[name] = number
        label = value if isinstance(value, str) else None
        run.annotations.append(Annotation(name, label, number, explanation))
    if len(run.scores) == 1:
        run.outcome = next(iter(run.scores.values()))


def scored(fields: Fields) -> Iterator[tuple[str, Json, str | None]]:
    """Yield the name, value and explanation of each score of a sample; a value of parts as its parts.

    Parameters
    ----------
    fields : Fields
        What the sample says of itself.
    """
    scores = fields.peek("scores")
    if scores is None and fields.peek("score") is not None:
        # the first logs had one scorer
        scores = {"score": fields.peek("score")}
    for name, score in scores.items() if isinstance(scores, dict) else []:
        told = Fields(score)
        value, explanation = told.take("value"), told.text("explanation")
        for part, each in value.items() if isinstance(value, dict) else [(None, value)]:
            yield (name if part is None else f"{name}/{part}"), each, explanation


def _number(value: Json) -> float | None:
    """Return a value as Inspect's `value_to_float` counts it; None where that warns and says 0."""
    if not isinstance(value, str):
        told = Fields({"value": value})
        return float(value) if isinstance(value, bool) else told.number("value")
    known = GRADES.get(value, WORDS.get(value.lower()))
    try:
        number = float(value) if known is None else known
    except ValueError:
        return None
    return number if math.isfinite(number) else None
