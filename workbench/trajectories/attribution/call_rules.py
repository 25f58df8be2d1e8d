"""Rules over single calls: those that fail, are broken, or are made again and again."""

import re
from collections import defaultdict
from collections.abc import Iterator

from workbench.trajectories.attribution.clues import AGENT, DATA, TOOL, Clue, Owner, Rule, shown
from workbench.trajectories.attribution.tracing import Call, Trace
from workbench.trajectories.model import Step

_OUTSIDE = re.compile(
    r"time[ds]?[ _-]?out|did not answer|unavailable|connection|rate.?limit|\b429\b|\b50[0-4]\b|"
    r"internal.?(?:server)?.?error|quota|network|\bdns\b|\breset\b|gateway|overloaded",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"not.?found|\b404\b|does not exist|there is no|no such|no (?:record|result|match|data)|missing",
    re.IGNORECASE,
)
_MISUSE = re.compile(
    r"invalid|validation|bad.?request|\b400\b|\b422\b|argument|parameter|schema|type.?error|"
    r"permission|denied|forbidden|\b40[13]\b|conflict|\b409\b|already|key.?error|syntax|"
    r"not (?:enough|allowed|available)|insufficient|does not|must|cannot|exceed",
    re.IGNORECASE,
)
# A failure that a later try mended did little harm; one that was met before is no news.
_MENDED = 0.35
_AGAIN = 0.5


def failed_calls(trace: Trace) -> Iterator[Clue]:
    """Find calls that fail: the tool's fault, a missing record, or a wrong call, by what is said."""
    mended_at = {call.key: call.at for call in trace.calls if not call.trouble}
    met: set[tuple[str, str]] = set()
    for call in trace.calls:
        if not call.trouble:
            continue
        owner, weight, what = _trouble(call.trouble)
        mended = mended_at.get(call.key, -1) > call.at
        share = (_MENDED if mended else 1.0) * (_AGAIN if call.key in met else 1.0)
        met.add(call.key)
        told = f"{shown(call.tool)} {what}: {shown(call.trouble, 80)}"
        blamed = call.asked_at if owner == AGENT else call.at
        yield Clue(blamed, owner, weight * share, told + ", and answered later" * mended)


def _trouble(told: str) -> tuple[Owner, float, str]:
    if _OUTSIDE.search(told):
        return TOOL, 3.5, "did not answer"
    if _MISSING.search(told):
        return DATA, 2.5, "found nothing"
    if _MISUSE.search(told):
        return AGENT, 2.0, "refused the call"
    return TOOL, 2.0, "failed"


def repeated_calls(trace: Trace) -> Iterator[Clue]:
    """Find the same call with the same answer again; trying again what timed out is none."""
    met: dict[tuple[object, ...], list[Call]] = defaultdict(list)
    for call in trace.calls:
        if not _OUTSIDE.search(call.trouble):
            met[(*call.key, call.step.result, call.trouble)].append(call)
    for same in met.values():
        if len(same) > 1:
            told = (
                f"calls {shown(same[1].tool)} again as in step {same[0].at} and gets the same answer "
                f"({len(same)} times in all)"
            )
            yield Clue(same[1].asked_at, AGENT, min(4.0, 1.0 + 0.75 * (len(same) - 1)), told)


def broken_steps(trace: Trace) -> Iterator[Clue]:
    """Find calls with arguments that are no JSON, those never answered, and answers cut short."""
    for at in trace.transcript.positions:
        step = trace.run.steps[at]
        if any(not part.arguments_valid for part in step.calls):
            yield Clue(at, AGENT, 2.5, "calls a tool with arguments that are no valid JSON")
        if "unanswered" in step.flags:
            asked = at if step.call_step is None else step.call_step
            yield Clue(asked, TOOL, 1.5, f"calls {shown(step.tool or 'a tool')} and gets no answer")
        if _is_cut(step):
            yield Clue(at, AGENT, 2.0, "is cut short: the limit of tokens was reached")
        elif step.finish_reason in {"content_filter", "error"}:
            yield Clue(at, TOOL, 2.0, f"ends with {step.finish_reason}")


def _is_cut(step: Step) -> bool:
    return "truncated" in step.flags or step.finish_reason in {"length", "max_tokens"}


CALL_RULES: tuple[Rule, ...] = (failed_calls, repeated_calls, broken_steps)
