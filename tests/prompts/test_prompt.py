"""A prompt: what it is made of, what its digest depends on, and what a row must have."""

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.prompts import Message, Prompt
from workbench.prompts.messages import ROLES, split


def refusal(kind, work):
    with pytest.raises(kind) as caught:
        work()
    return str(caught.value)


# --- messages -------------------------------------------------------------------------------


def test_a_body_is_split_at_its_roles():
    body = (
        "# system\n\nBe brief.\n\n# USER\n\n## Task\n# Users\n\nSay {{ input }}.\n\n# assistant\nOK"
    )
    assert [(each.role, each.text, each.line) for each in split(body, what="it", line=10)] == [
        ("system", "Be brief.", 12),
        ("user", "## Task\n# Users\n\nSay {{ input }}.", 16),
        ("assistant", "OK", 22),
    ]


def test_a_body_without_roles_is_the_users():
    assert split("\n\n  Say {{ input }}.\n\n", what="it") == (
        Message("user", "  Say {{ input }}."),
    )


def test_a_text_may_look_like_a_role():
    (message,) = split("a\n\\# user\n\\\\# system\n\\# users", what="it")
    assert message.text == "a\n# user\n\\# system\n\\# users"


def test_a_text_before_the_first_role_is_refused():
    assert refusal(BadValue, lambda: split("\n# Title\n# user\nHi", what="the prompt 'p'")) == (
        "a body with roles must begin with one, but in line 2 of the prompt 'p' a text comes first; put "
        "`# system` or `# user` above it."
    )


def test_a_message_without_a_text_is_refused():
    for body in ("", " \n\t\n", "# user", "# system\n\n# user\nHi"):
        told = refusal(BadValue, lambda body=body: split(body, what="it"))
        assert told.startswith("a message must have a text, but that of the ")
        assert told.endswith(" of it has none; write one, or remove it.")


def escaped(text):
    """Write a text so that a body says it: the rule, told a second time."""
    lines = text.split("\n")
    like = [line.lstrip("\\").lower().split() for line in lines]
    return "\n".join(
        f"\\{line}"
        if words in [["#", role] for role in ROLES] and line.lstrip("\\")[0] == "#"
        else line
        for line, words in zip(lines, like, strict=True)
    )


LINES = st.one_of(
    st.sampled_from(
        ["# user", "\\# system", "\\\\# USER ", "#\tassistant", "# users", "---", "", "é"]
    ),
    st.text(st.characters(exclude_characters="\r\n{", codec="utf-8"), max_size=9),
)


@given(
    st.lists(
        st.tuples(st.sampled_from(ROLES), st.lists(LINES, min_size=1, max_size=5)),
        min_size=1,
        max_size=4,
    )
)
def test_every_text_comes_back(messages):
    texts = [(role, "\n".join(["x", *lines, "x"])) for role, lines in messages]
    body = "\n".join(f"# {role}\n{escaped(text)}" for role, text in texts)
    rendered = Prompt.of(body).render({})
    assert [(each["role"], each["content"]) for each in rendered] == texts


# --- digest ---------------------------------------------------------------------------------

BASE = {
    "text": "# system\n\nA.\n\n# user\n\nB {{ input }}",
    "parameters": {"temperature": 0, "stop": ["x"]},
}


def made(**changes):
    given = {**BASE, **changes}
    return Prompt.of(given.pop("text"), **given)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"text": BASE["text"].replace("\n", "\r\n")},
        {"text": f"\n\n{BASE['text']}\n\n"},
        {"parameters": {"stop": ["x"], "temperature": 0}},
    ],
)
def test_a_digest_does_not_depend_on(change):
    assert made(**change).digest == made().digest


@pytest.mark.parametrize(
    "change",
    [
        {"text": BASE["text"].replace("# system", "# developer")},
        {"text": BASE["text"].replace("A.", "A")},
        {"text": BASE["text"].replace("B ", "B  ")},
        {"parameters": {"temperature": 1, "stop": ["x"]}},
        {"parameters": {"temperature": 0, "stop": ["y"]}},
        {"parameters": None},
        {"system": "C"},
    ],
)
def test_a_digest_depends_on(change):
    assert made(**change).digest != made().digest


def test_a_digest_is_the_hash_of_the_canonical_content():
    import hashlib

    prompt = Prompt("p", (Message("user", "é {{ a }}"),), {"b": 1, "a": [True]}, {"a": None})
    content = '{"defaults":{"a":null},"messages":[["user","é {{ a }}",false]],"parameters":{"a":[true],"b":1}}'
    assert prompt.digest == hashlib.sha256(content.encode()).hexdigest()


@given(st.text(st.characters(exclude_characters="{", codec="utf-8"), min_size=1).filter(str.strip))
def test_a_digest_tells_any_two_texts_apart(text):
    one, other = (Prompt("p", (Message("user", each),)) for each in (text, f"{text}."))
    assert one.digest != other.digest
    assert one.digest == Prompt("q", (Message("user", one.messages[0].text),)).digest


def test_a_literal_text_is_another_content_than_a_template():
    one, other = (
        Prompt("p", (Message("user", "{{ a }}", literal=each),)) for each in (False, True)
    )
    assert one.digest != other.digest
    assert other.render({}) == [{"role": "user", "content": "{{ a }}"}]


# --- a thing that stays as it is ---------------------------------------------------------------


def test_prompts_are_values():
    prompt = made(name="p")
    assert prompt == made(name="p") == copy.deepcopy(prompt) == pickle.loads(pickle.dumps(prompt))
    assert hash(prompt) == hash(made(name="p"))
    assert prompt != made(name="q")
    with pytest.raises(TypeError):
        prompt.parameters["temperature"] = 1


def test_parameters_are_copied():
    parameters = {"stop": ["x"]}
    prompt = Prompt.of("a", parameters=parameters)
    parameters["stop"].append("y")
    assert prompt.parameters == {"stop": ["x"]}


def test_a_prompt_tells_what_it_is():
    prompt = made(name="p")
    assert repr(prompt) == f"p (2 messages; variables: input; {prompt.digest[:8]})"
    assert repr(Prompt.of("a", name="q")).startswith("q (1 message; no variables; ")
    assert Prompt.of("a").name == f"prompt {Prompt.of('a').digest[:7]}"
    html = prompt._repr_html_()
    assert html == made(name="p")._repr_html_()
    assert "B {{ input }}" in html
    assert "temperature" in html


# --- rows -----------------------------------------------------------------------------------


def test_only_what_is_used_is_taken_from_a_row():
    prompt = Prompt.of("{{ b }} {% for c in d %}{{ c }}{% endfor %}{% set e = a %}{{ e }}")
    assert prompt.variables == ("a", "b", "d")
    assert prompt.render({"a": 1, "b": 2, "d": [3], "c": 9, "z": object()})[0]["content"] == "2 31"


@pytest.mark.parametrize("row", [{}, {"input": None}, {"input": float("nan")}, {"input": pd.NA}])
def test_a_row_must_have_every_variable(row):
    prompt = Prompt.of("# system\n\nBe {{ tone }}.\n# user\n\nSay\n{{ input }}.", name="p")
    state = "nothing in 'input'" if row else "no 'input'"
    assert refusal(BadValue, lambda: prompt.render({"row_id": 7, "tone": "kind", **row})) == (
        f"a row must have every variable of a prompt, but row '7' has {state}, which line 7 of the prompt "
        "'p' uses; add it, or give a default under `variables`."
    )


def test_a_default_stands_in_for_what_a_row_lacks():
    prompt = Prompt(
        "p", (Message("user", "{{ a }}{% if b %}!{% endif %}"),), defaults={"a": 1, "b": None}
    )
    for row, text in (({}, "1"), ({"a": None}, "1"), ({"a": 2, "b": "x"}, "2!")):
        assert prompt.render(row)[0]["content"] == text


def test_a_template_may_ask_whether_a_variable_is_there():
    cared = "{{ a | default('x') }}{% if b is defined %}{{ b }}{% endif %}"
    assert Prompt.of(cared).render({})[0]["content"] == "x"
    assert Prompt.of(cared).render({"a": 1, "b": 2})[0]["content"] == "12"
    with pytest.raises(BadValue, match="has no 'a'"):
        Prompt.of(f"# system\n{cared}\n# user\n{{{{ a }}}}").render({})
    with pytest.raises(BadValue, match="'a' is undefined"):
        Prompt.of(f"{cared}{{{{ a }}}}").render({})


def test_cells_of_frames_are_written_as_people_write_them():
    row = {
        "i": np.int64(3),
        "f": np.float64(0.1),
        "l": np.array(["x", "y"]),
        "t": pd.Timestamp("2024-02-03"),
    }
    text = Prompt.of("{{ i }} {{ f }} {{ l | join(' ') }} {{ t }}").render(row)[0]["content"]
    assert text == "3 0.1 x y 2024-02-03 00:00:00"


def test_a_prompt_renders_rows_of_a_dataset():
    rows = wb.read("news-summaries")
    (prompt,) = wb.prompts.read({"p": "{{ row_id }}: {{ references | join(' ') }}"})
    row = rows.iloc[0].to_dict()
    assert prompt.render(row)[0]["content"] == f"{row['row_id']}: {' '.join(row['references'])}"


# --- what is refused -------------------------------------------------------------------------


def test_what_is_written_for_str_format_is_refused():
    assert refusal(BadValue, lambda: Prompt.of("Shorten:\n{input}", name="p")) == (
        "a variable must be written {{ input }}, but line 2 of the prompt 'p' has {input} and no "
        "variable; write it so, or {% raw %}{input}{% endraw %} for the text itself."
    )
    for text in (
        "{input} {{ input }}",
        "{% raw %}{input}{% endraw %}",
        '{"a": 1} {} {0}',
        "{# {a} #}b",
    ):
        Prompt.of(text)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x1b[1m", "a" * 81, " a"])
def test_a_name_is_one_plain_line(name):
    told = refusal(BadValue, lambda: Prompt(name, (Message("user", "a"),)))
    assert told.startswith(
        "the name of a prompt must be one line of 1 to 80 plain characters, but "
    )


REFUSED = {
    "a name of another kind": (
        BadKind, lambda: Prompt(5, (Message("user", "a"),)),
        "the name of a prompt must be a str, but a int came; write it as one.",
    ),
    "a role": (
        UnknownName, lambda: Message("sistem", "a"),
        "the role of a message must be one of 'system', 'developer', 'user', 'assistant', but 'sistem' "
        "came; did you mean 'system'?",
    ),
    "a text of another kind": (
        BadKind, lambda: Message("user", 5),
        "the text of a message must be a str, but a int came; write it as one.",
    ),
    "no message": (
        BadValue, lambda: Prompt("p", ()),
        "the prompt 'p' must hold a message with a text, but it holds none; write one.",
    ),
    "too many messages": (
        BadValue, lambda: Prompt("p", (Message("user", "a"),) * 1_001),
        "the prompt 'p' must have at most 1,000 messages, but it has 1,001; remove some.",
    ),
    "parameters of another kind": (
        BadKind, lambda: Prompt.of("a", name="p", parameters=["x"]),
        "the parameters of the prompt 'p' must be a mapping, but a list came; write names and values.",
    ),
    "a parameter that is no JSON": (
        BadValue, lambda: Prompt.of("a", name="p", parameters={"x": {1, 2}}),
        "the parameters of the prompt 'p' must be values that JSON knows, but they are not (Object of "
        "type set is not JSON serializable); write texts, numbers, true, false, null, lists or records.",
    ),
    "a parameter without a name": (
        BadValue, lambda: Prompt.of("a", name="p", parameters={1: 2}),
        "the parameters of the prompt 'p' must be values that JSON knows, but they are not (1 is no "
        "name); write texts, numbers, true, false, null, lists or records.",
    ),
    "a model": (
        BadValue, lambda: Prompt.of("a", name="p", parameters={"model": "m"}),
        "the parameters of the prompt 'p' must leave the rest to the run, but 'model' came; remove it.",
    ),
    "a secret": (
        BadValue, lambda: Prompt.of("a", name="p", parameters={"API-Key": "canary"}),
        "the parameters of the prompt 'p' must hold no secrets, but 'API-Key' came; keep keys in the "
        "environment.",
    ),
    "half a character": (
        BadValue, lambda: Prompt.of("a \ud83d", name="p"),
        "the prompt 'p' must hold whole characters, but it has '\\ud83d', half of a surrogate pair; write "
        "U+FFFD in its place.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_prompt_refuses(what):
    kind, work, told = REFUSED[what]
    assert refusal(kind, work) == told


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_parameter_is_a_number_that_json_can_write(value):
    with pytest.raises(BadValue, match="must be values that JSON knows, but they are not"):
        Prompt.of("a", parameters={"temperature": value})


def test_parameters_are_what_json_holds():
    parameters = {"response_format": {"type": "json_schema", "json_schema": {"a": [1, None, True]}}}
    assert (
        json.loads(json.dumps(dict(Prompt.of("a", parameters=parameters).parameters))) == parameters
    )
