"""Prompts as Markdown files: front matter, variables, examples, and what is wrong with them by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadKind, BadValue, InputError
from workbench.prompts import Message, Prompt
from workbench.prompts.documents import parse

WHOLE = """\
---
name: short
description: One sentence.
variables:
  input: {description: the article}
  language: {default: English}
parameters:
  temperature: 0.5
  response_format: {type: json_object}
examples:
  - {input: It rained all day., assistant: Rain.}
  - user: Hello {{ sir }}
    assistant: Good day.
---
# system

You write in {{ language }}.

# user

Summarise: {{ input }}
"""


def test_a_whole_file():
    prompt = parse(WHOLE, name="file", source="short.md")
    assert prompt == Prompt(
        "short",
        (
            Message("system", "You write in {{ language }}."),
            Message("user", "Summarise: It rained all day.", literal=True),
            Message("assistant", "Rain.", literal=True),
            Message("user", "Hello {{ sir }}", literal=True),
            Message("assistant", "Good day.", literal=True),
            Message("user", "Summarise: {{ input }}"),
        ),
        {"temperature": 0.5, "response_format": {"type": "json_object"}},
        {"language": "English"},
    )
    assert [each.line for each in prompt.messages] == [17, 11, 11, 12, 12, 21]
    assert prompt.description == "One sentence."
    assert prompt.source == "short.md"
    assert prompt.render({"input": "x"})[-1] == {"role": "user", "content": "Summarise: x"}


@pytest.mark.parametrize(
    "text", ["Hi {{ a }}", "---\n---\nHi {{ a }}", "---\n# none\n\n---\n\nHi {{ a }}\n"]
)
def test_front_matter_may_be_left_out(text):
    prompt = parse(text, name="file")
    assert (prompt.name, prompt.messages) == ("file", (Message("user", "Hi {{ a }}"),))


@given(st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.sampled_from(["", "\n", " \n\n"]))
def test_a_digest_depends_on_no_line_ends_no_byte_order_mark_and_no_name(end, mark, tail):
    text = "\ufeff" * mark + (WHOLE.replace("name: short\n", "") + tail).replace("\n", end)
    assert parse(text, name="x", source="y.md").digest == parse(WHOLE, name="short").digest


@pytest.mark.parametrize(
    "change",
    [
        ("0.5", "0.6"),
        ("Rain.", "Wet."),
        ("English", "French"),
        ("# system", "# developer"),
        ("Hello", "Hallo"),
    ],
)
def test_a_digest_depends_on_what_is_sent(change):
    assert parse(WHOLE.replace(*change), name="x").digest != parse(WHOLE, name="x").digest


def test_a_description_is_for_people():
    other = WHOLE.replace("One sentence.", "Two.").replace("the article", "a text")
    assert parse(other, name="x").digest == parse(WHOLE, name="x").digest


def front(*lines, body="Say {{ a }} and {{ b }}."):
    return "\n".join(["---", *lines, "---", body])


def test_variables_may_be_a_list():
    assert parse(front("variables: [a, b]"), name="p").variables == ("a", "b")


P = "the prompt 'p.md'"
REFUSED = {
    "an unused variable": (
        front("variables:", "  - a", "  - b", "  - c"), BadValue,
        f"a declared variable must be used, but line 5 of {P} declares 'c', which no message uses; use "
        "it, or remove it.",
    ),
    "an unused variable with a default": (
        front("variables:", "  a:", "  b:", "  c: {default: 1}"), BadValue,
        f"a declared variable must be used, but line 5 of {P} declares 'c', which no message uses; use "
        "it, or remove it.",
    ),
    "an undeclared variable": (
        front("variables: [a, bb]"), BadValue,
        f"a declared variable must be used, but line 2 of {P} declares 'bb', which no message uses; use "
        "it, or remove it.",
    ),
    "only an undeclared variable": (
        front("variables: [a]", body="Say\n{{ a }}\n{{ b }}"), BadValue,
        f"a used variable must be declared, but line 6 of {P} uses 'b', which `variables` does not name; "
        "declare it, or mend the name.",
    ),
    "a variable told by a text": (
        front("variables:", "  a: the article", "  b:"), BadKind,
        "a variable must be told by its `default` and `description`, but line 3 of "
        f"{P} gives 'a' a str; write `{{default: …}}`.",
    ),
    "a variable told by something else": (
        front("variables:", "  a: {type: string}", "  b:"), InputError,
        f"what is told of a variable (line 3 of {P}) must be one of 'default', 'description', but 'type' "
        "came.",
    ),
    "variables of another kind": (
        front("variables: a"), BadKind,
        f"`variables` must be a list of names, or a mapping from names, but line 2 of {P} has neither; "
        "write `- input`.",
    ),
    "an unknown name": (
        front("name: p", "temperature: 1"), InputError,
        f"a name in the front matter (line 3 of {P}) must be one of 'name', 'description', 'variables', "
        "'parameters', 'examples', but 'temperature' came.",
    ),
    "parameters of another kind": (
        front("parameters: [1]"), BadKind,
        f"'parameters' must be a mapping, but line 2 of {P} has a list; write it as one.",
    ),
    "no end": (
        "---\nname: p\n\nHi", BadValue,
        f"front matter must end in a line '---', but that of {P} does not; add one.",
    ),
    "broken YAML": (
        front("name: p", "parameters: {a: [1}"), BadValue,
        f"in the front matter of {P}, the text must be YAML, but in line 3 expected ',' or ']', but got "
        "'}'; mend it there.",
    ),
    "an alias": (
        front("parameters: {a: &x [1], b: *x}"), BadValue,
        f"in the front matter of {P}, the text must write everything out, but an alias ('*') repeats what "
        "stands in line 2; copy it instead.",
    ),
    "a key twice": (
        front("name: p", "name: q"), BadValue,
        f"in the front matter of {P}, each key must stand once in a mapping, but 'name' comes again in "
        "line 3; remove one of them.",
    ),
    "an object": (
        front("parameters: !!python/object/apply:os.system [ls]"), BadValue,
        f"in the front matter of {P}, a collection must be a mapping or a list, but one of the kind "
        "'python/object/apply:os.system' stands in line 2; write it plainly.",
    ),
    "a list": (
        front("- a"), BadKind,
        f"front matter must hold names and values, but that of {P} is a list; write `name: …`.",
    ),
    "half a character": (
        front('description: "\\ud83d"'), BadValue,
        f"{P} must hold whole characters, but it has '\\ud83d', half of a surrogate pair; write U+FFFD in "
        "its place.",
    ),
    "an example without an answer": (
        front("examples:", "  - {a: 1, b: 2, assistant: x}", "  - {user: x}"), BadValue,
        f"an example must have a text under `assistant`, but that in line 4 of {P} has none; write `user` "
        "(or the variables) and `assistant`.",
    ),
    "an example that is a text": (
        front("examples: [x]"), BadValue,
        f"an example must have a text under `assistant`, but that in line 2 of {P} has none; write `user` "
        "(or the variables) and `assistant`.",
    ),
    "an example of both kinds": (
        front("examples:", "  - {user: x, a: 1, assistant: y}"), BadValue,
        f"an example must be two texts, `user` and `assistant`, but that in line 3 of {P} has more, or "
        "other ones; give it either a `user` or variables.",
    ),
    "an example that lacks a variable": (
        front("examples:", "  - {a: x, assistant: y}"), BadValue,
        f"in the example in line 3 of {P}, a row must have every variable of a prompt, but the row given "
        f"has no 'b', which line 5 of {P} uses; add it, or give a default under `variables`.",
    ),
    "an example of no message": (
        front("examples: [{user: x, assistant: y}]", body="# system\n\nHi"), BadValue,
        f"examples must stand before a message of the user, but {P} has none; add one.",
    ),
    "a template": (
        front("name: p", body="# user\n\nHi\n{{ a b }}"), BadValue,
        f"a template must be Jinja2 of the kind that prompts may use, but in line 7 of {P} expected token "
        "'end of print statement', got 'b'; mend it there.",
    ),
    "a name that is a number": (
        front("name: 5"), BadKind,
        "the name of a prompt must be a str, but a int came; write it as one.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_is_refused_by_its_line(what):
    text, kind, told = REFUSED[what]
    with pytest.raises(kind) as caught:
        parse(text, name="p", source="p.md")
    assert str(caught.value) == told


def test_an_example_of_a_variable_called_user_is_one_of_variables():
    prompt = parse(front("examples: [{user: x, assistant: y}]", body="Hi {{ user }}"), name="p")
    assert prompt.messages[0] == Message("user", "Hi x", literal=True)


def test_examples_may_stand_in_the_body():
    prompt = parse("# user\n\n1+1\n\n# assistant\n\n2\n\n# user\n\n{{ input }}", name="p")
    assert [each["content"] for each in prompt.render({"input": "3"})] == ["1+1", "2", "3"]


@given(st.text())
def test_any_text_is_a_prompt_or_a_sentence(text):
    for each in (text, f"---\n{text}\n---\nHi", f"{{{{ {text} }}}}", f"# user\n{{% {text} %}}"):
        assert "\n" not in outcome(each)


def outcome(text):
    try:
        parse(text, name="p").render({})
    except InputError as error:
        return str(error)
    return ""
