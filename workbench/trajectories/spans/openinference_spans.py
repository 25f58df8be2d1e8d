"""OpenInference's names: `llm.input_messages.0.message.role` and the like, flattened or nested.

Phoenix nests the flattened names in its exports, so both are read as one. A span that wraps others
(AGENT, CHAIN) may repeat their tokens: `counted_usage` counts leaves only.
"""

from collections.abc import Mapping

from workbench.trajectories.conversations.messages import as_text
from workbench.trajectories.model import Annotation, Json, Part, Step
from workbench.trajectories.sources.documents import Fields
from workbench.trajectories.spans import genai_spans
from workbench.trajectories.spans.nesting import flattened, tree
from workbench.trajectories.spans.span_texts import opened_literal

_KINDS = {
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RETRIEVER": "retrieval",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
    "GUARDRAIL": "wb.guardrail",
    "EVALUATOR": "wb.evaluation",
}
_OTHERS = ("CHAIN", "RERANKER", "PROMPT", "UNKNOWN")
# The first parts of names that a nested export turns into objects.
_ROOTS = (
    "llm", "input", "output", "openinference", "tool", "tool_call", "embedding", "retrieval",
    "reranker", "session", "user", "agent", "graph", "annotations", "evaluations", "trace", "tag",
    "gen_ai", "ai", "wb", "exception", "error",
)  # fmt: skip
_WHOLE = frozenset(
    {
        "metadata", "json_schema", "invocation_parameters", "parameters", "arguments", "vector",
        "result", "messages", "system_instructions", "value", "definitions", "documents_json",
    }
)  # fmt: skip
PARTS = (
    "llm.input_messages.", "llm.output_messages.", "input.value", "output.value",
    "retrieval.documents.",
)  # fmt: skip
"""With these begin the names that hold parts of a step."""
JUDGEMENTS = {
    "annotations": None,
    "evaluations": None,
    "trace.annotations": "trace",
    "trace.evaluations": "trace",
    "session.annotations": "session",
    "session.evaluations": "session",
}
"""With these, and a dot, begin the names of judgements; and whom they judge, if not the step."""
_ANNOTATORS = ("HUMAN", "LLM", "CODE")


def flat(attributes: Mapping[str, Json]) -> dict[str, Json]:
    """Return attributes under flattened names, whether they came so or nested.

    Examples
    --------
    >>> flat({"llm": {"input_messages": [{"message": {"role": "user"}}]}, "b": {"c": 1}})
    {'b': {'c': 1}, 'llm.input_messages.0.message.role': 'user'}
    """
    nested = [name for name, value in attributes.items() if _is_nested(name, value)]
    found = dict(attributes)
    for name in nested:
        opened = flattened(attributes[name], name, _WHOLE)
        # what is told both ways stays as it came
        if not opened.keys() & (found.keys() - {name}):
            del found[name]
            found |= opened
    return found


def _is_nested(name: str, value: Json) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    return name.partition(".")[0] in _ROOTS and name.rpartition(".")[2] not in _WHOLE


def kind(fields: Fields) -> str | None:
    """Return the kind that `openinference.span.kind` tells."""
    told = fields.peek("openinference.span.kind")
    value = str(told).upper()
    if value in _KINDS:
        # a spelling of its own stays, in `extra`
        if told == value:
            fields.take("openinference.span.kind")
        return _KINDS[value]
    # these have no kind of their own here, and keep their name in `extra`
    return "wb.other" if value in _OTHERS else None


def parts(fields: Fields, step: Step, *, known: bool) -> list[Part]:
    """Take the parts that flattened messages, documents, `input.value` and `output.value` hold.

    Parameters
    ----------
    fields : Fields
        Attributes under flattened names.
    step : Step
        Whose they are.
    known : bool
        Whether the step has parts already; input and output values only repeat them.
    """
    found = []
    for name, direction in (("llm.input_messages", "in"), ("llm.output_messages", "out")):
        for message in _items(tree(fields, name)):
            plain, found_parts = _message(message), genai_spans.message_parts
            found += found_parts([plain], direction)  # type: ignore[arg-type]
    if known or (found and step.kind == "chat"):
        return found
    if step.kind == "execute_tool":
        return found + _tool(fields)
    return found + _values(fields) + _documents(fields)


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _message(value: Json) -> Json:
    """Return a message as OpenTelemetry's schema has it."""
    wrapper = Fields(value)
    if not isinstance(wrapper.peek("message"), dict):
        return value
    fields = Fields(wrapper.take("message"))
    pieces = [_piece(each) for each in fields.items("contents")]
    text = fields.peek("content")
    if isinstance(text, str) and not _repeats(text, pieces):
        pieces.insert(0, {"type": "text", "content": fields.take("content")})
    role = fields.text("role")
    called = fields.peek("tool_call_id")
    if isinstance(called, str) and any(map(_is_text, pieces)):
        fields.take("tool_call_id")
        pieces = [_answered(each, called) for each in pieces]
    pieces += [_call(each) for each in fields.items("tool_calls")]
    named = {} if role is None else {"role": role}
    return _whole(named | {"parts": pieces}, fields, wrapper)


def _whole(found: dict[str, Json], inner: Fields, wrapper: Fields) -> dict[str, Json]:
    """Add what is left of an object and of the one around it, which may have members of one name."""
    found = found | inner.rest()
    rest = wrapper.rest() if wrapper is not inner else {}
    clashing = {name: rest.pop(name) for name in list(rest) if name in found}
    return found | rest | ({"around": clashing} if clashing else {})


def _repeats(text: str, pieces: list[Json]) -> bool:
    """Tell whether a message's `content` is what its `contents` say already."""
    return any(isinstance(each, dict) and each.get("content") == text for each in pieces)


def _piece(value: Json) -> Json:
    wrapper = Fields(value)
    if not isinstance(wrapper.peek("message_content"), dict):
        return value
    fields = Fields(wrapper.take("message_content"))
    kind, image = fields.text("type"), fields.inner("image").inner("image")
    if (url := image.text("url")) is not None:
        return _whole({"type": "uri", "uri": url, "modality": kind or "image"}, fields, wrapper)
    text = fields.text("text")
    named: dict[str, Json] = {} if kind is None else {"type": kind}
    if text is not None:
        named |= {"type": "reasoning" if kind == "reasoning" else "text", "content": text}
        if kind not in {"text", "reasoning", None}:
            named["content_type"] = kind
    return _whole(named, fields, wrapper)


def _is_text(piece: Json) -> bool:
    return isinstance(piece, dict) and piece.get("type") == "text" and "content" in piece


def _answered(piece: Json, call_id: str) -> Json:
    """Return a text that a tool answered as the answer it is."""
    if not _is_text(piece):
        return piece
    answer = {name: each for name, each in piece.items() if name not in {"type", "content"}}
    return answer | {"type": "tool_call_response", "id": call_id, "response": piece["content"]}


def _call(value: Json) -> Json:
    wrapper = Fields(value)
    fields = Fields(wrapper.take("tool_call")) if "tool_call" in wrapper else wrapper
    function = fields.inner("function")
    call: dict[str, Json] = {"type": "tool_call"}
    for name, each in (("name", function.text("name")), ("id", fields.key("id"))):
        if each is not None:
            call[name] = each
    if "arguments" in function:
        call["arguments"] = function.take("arguments")
    return _whole(call, fields, wrapper)


def _tool(fields: Fields) -> list[Part]:
    """Take what a tool was called with and what it answered."""
    found = genai_spans.tool_parts(fields, "input.value", "output.value")
    for part in found:
        if part.type == "tool_call" and not part.arguments_valid:
            literal = opened_literal(part.text)
            # a tool of one argument may be handed its bare text
            part.arguments_valid = not (isinstance(literal, str) and literal[:1] in {"{", "["})
            part.arguments = literal if part.arguments_valid else None
    _mime_types(fields, found)
    return found


def _values(fields: Fields) -> list[Part]:
    found = []
    for name, direction, role in (("input", "in", "user"), ("output", "out", "assistant")):
        if (value := fields.peek(f"{name}.value")) is not None:
            fields.take(f"{name}.value")
            found.append(Part(direction, role, "text", as_text(value)))  # type: ignore[arg-type]
            if not isinstance(value, str):
                found[-1].extra["structured"] = True
    _mime_types(fields, found)
    return found


def _mime_types(fields: Fields, found: list[Part]) -> None:
    for part in found:
        name = "input.mime_type" if part.direction == "in" else "output.mime_type"
        part.mime_type = fields.text(name)


def _documents(fields: Fields) -> list[Part]:
    """Take the documents that a retrieval found."""
    found = []
    for value in _items(tree(fields, "retrieval.documents")):
        wrapper = Fields(value)
        document = Fields(wrapper.take("document")) if "document" in wrapper else wrapper
        text = document.text("content")
        part = Part("out", "tool", "opaque" if text is None else "text", text)
        part.extra["document"] = document.rest()
        if wrapper is not document and (rest := wrapper.rest()):
            part.extra["around"] = rest
        found.append(part)
    return found


def annotations(fields: Fields) -> list[Annotation]:
    """Take the judgements; those of a whole trace or session have `extra["target"]`."""
    found = []
    for prefix, target in JUDGEMENTS.items():
        for value in _items(tree(fields, prefix)):
            wrapper = Fields(value)
            inner = Fields(wrapper.take("annotation")) if "annotation" in wrapper else wrapper
            each = Annotation(
                inner.text("name") or "annotation", inner.text("label"), inner.number("score"),
                inner.text("explanation"), identifier=inner.text("identifier"),
            )  # fmt: skip
            if inner.peek("annotator_kind") in _ANNOTATORS:
                each.annotator_kind = inner.take("annotator_kind")
            each.extra = _whole({}, inner, wrapper)
            if target:
                each.extra["target"] = target
            found.append(each)
    return found
