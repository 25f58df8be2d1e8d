"""What the names of a span's attributes can tell, found once for each set of names.

A log has a handful of such sets, however many spans: what none of its names can say need not be
looked for in every span.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.trajectories.model import Json
from workbench.trajectories.spans import genai_spans, openinference_spans
from workbench.trajectories.spans.genai_spans import Direction

Names = tuple[str, ...]

AGENT = ("gen_ai.agent.name", "agent.name", "wb.agent")
MODEL = (
    "gen_ai.response.model", "ai.response.model", "gen_ai.request.model", "llm.model_name",
    "embedding.model_name", "reranker.model_name", "ai.model.id",
)  # fmt: skip
PROVIDER = (
    "gen_ai.provider.name",
    "gen_ai.system",
    "llm.provider",
    "llm.system",
    "ai.model.provider",
)
TOOL = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name")
CALL_ID = ("gen_ai.tool.call.id", "tool_call.id", "tool.id", "ai.toolCall.id")
RESPONSE_ID = ("gen_ai.response.id", "ai.response.id")
ERROR = ("error.type",)
COUNTS = {
    "input_tokens": (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt",
        "llm.usage.prompt_tokens", "ai.usage.inputTokens", "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    "cached_tokens": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read", "ai.usage.cachedInputTokens",
    ),
    "cache_written_tokens": (
        "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
        "llm.token_count.completion", "llm.usage.completion_tokens", "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning", "ai.usage.reasoningTokens",
    ),
}  # fmt: skip
COST = ("wb.cost_usd", "gen_ai.usage.cost", "llm.cost.total")
FACTS = {
    "task_id": ("wb.task_id",),
    "trial": ("wb.trial",),
    "output_id": ("wb.output_id",),
    "outcome": ("wb.outcome",),
    "termination": ("wb.termination",),
    "agent_version": ("wb.agent_version", "gen_ai.agent.version"),
    "conversation_id": ("gen_ai.conversation.id", "session.id"),
}
"""What spans, or their resource, say of the whole run."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Which of the names that are looked for are there, each list in the order of looking.

    Parameters
    ----------
    agent, model, provider, tool, call_id, response_id, error, cost : tuple of str
        Names that say this of a step.
    counts : tuple of (str, tuple of str)
        Names of each count of tokens that some name says.
    messages : tuple of (str, str)
        Names that hold messages of the conventions for generative AI, or lie above such, and their
        direction.
    is_inference, is_judged, is_vercel : bool
        Whether some names are those of OpenInference's parts, of its judgements, of Vercel's SDK.
    """

    agent: Names
    model: Names
    provider: Names
    tool: Names
    call_id: Names
    response_id: Names
    error: Names
    cost: Names
    counts: tuple[tuple[str, Names], ...]
    messages: tuple[tuple[str, Direction], ...]
    is_inference: bool
    is_judged: bool
    is_vercel: bool


def _shape(names: Names) -> Shape:
    there = frozenset(names)
    counts = {count: _known(each, there) for count, each in COUNTS.items()}
    return Shape(
        agent=_known(AGENT, there), model=_known(MODEL, there), provider=_known(PROVIDER, there),
        tool=_known(TOOL, there), call_id=_known(CALL_ID, there),
        response_id=_known(RESPONSE_ID, there), error=_known(ERROR, there),
        cost=_known(COST, there),
        counts=tuple((count, each) for count, each in counts.items() if each),
        messages=tuple(
            (name, direction)
            for name, direction in genai_spans.MESSAGES.items()
            if name in there or _any(names, f"{name}.")
        ),
        is_inference=_any(names, *openinference_spans.PARTS),
        is_judged=_any(names, *(f"{each}." for each in openinference_spans.JUDGEMENTS)),
        is_vercel=_any(names, "ai."),
    )  # fmt: skip


def _known(wanted: Names, there: frozenset[str]) -> Names:
    return tuple(name for name in wanted if name in there)


def _any(names: Iterable[str], *beginnings: str) -> bool:
    return any(name.startswith(beginnings) for name in names)


class _Shapes(dict[Names, Shape]):
    def __missing__(self, names: Names) -> Shape:
        if len(self) > 1_000:
            self.clear()
        self[names] = shape = _shape(names)
        return shape


_SHAPES = _Shapes()


def shape_of(attributes: Mapping[str, Json]) -> Shape:
    """Return what the names of attributes can tell.

    Examples
    --------
    >>> shape = shape_of({"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7})
    >>> shape.model, shape.counts, shape.messages
    (('gen_ai.request.model',), (('input_tokens', ('gen_ai.usage.input_tokens',)),), ())
    """
    return _SHAPES[tuple(attributes)]
