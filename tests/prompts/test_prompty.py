"""Prompty files of both shapes; the texts are written for these tests after the format's description."""

import pytest

from workbench.errors import BadValue
from workbench.prompts import Message
from workbench.prompts.prompty import parse

FIRST = """\
---
name: Customer help
description: Answers questions of customers.
authors:
  - somebody
model:
  api: chat
  configuration:
    type: azure_openai
    azure_endpoint: ${env:ENDPOINT}
    api_key: canary
  parameters:
    max_tokens: 300
    temperature: 0.2
    stream: true
inputs:
  firstName:
    type: string
    default: Jane
  unused:
    type: string
    default: x
  question:
    type: string
sample:
  question: What is the meaning of life?
template: jinja2
---
system:
You help {{firstName}}.

# Customer
Use the name.

user:
{{question}}
"""

NEWER = """\
---
name: Customer help
description: Answers questions of customers.
metadata:
  authors: [somebody]
model:
  id: some-model
  provider: azure
  connection:
    kind: key
    apiKey: canary
  options:
    maxOutputTokens: 300
    temperature: 0.2
inputSchema:
  properties:
    - name: firstName
      kind: string
      default: Jane
    - name: question
      kind: string
template:
  format:
    kind: jinja2
  parser:
    kind: prompty
---
system:
You help {{firstName}}.

# Customer
Use the name.

User:
{{question}}
"""


@pytest.mark.parametrize("text", [FIRST, NEWER], ids=["first", "newer"])
def test_both_shapes_are_the_same_prompt(text):
    prompt = parse(text, name="file", source="a.prompty")
    assert (prompt.name, prompt.description) == ("Customer help", "Answers questions of customers.")
    assert prompt.messages == (
        Message("system", "You help {{firstName}}.\n\n# Customer\nUse the name."),
        Message("user", "{{question}}"),
    )
    assert prompt.parameters == {"max_tokens": 300, "temperature": 0.2}
    assert prompt.defaults == {"firstName": "Jane"}
    assert prompt.digest == parse(FIRST, name="x").digest
    assert "canary" not in f"{prompt!r}{prompt._canonical}{prompt.__dict__}"


def test_a_sample_is_no_default():
    for inputs in ("inputs: {question: What}", "inputs: [question]", "sample: {question: What}"):
        prompt = parse(f"---\n{inputs}\n---\nuser:\n{{{{question}}}}", name="p")
        with pytest.raises(BadValue, match="has no 'question'"):
            prompt.render({})


def test_a_text_before_the_first_role_is_the_systems():
    prompt = parse("Be brief.\n\n# user:\nHi\n\n assistant :\nHello", name="p")
    assert [(each.role, each.text, each.line) for each in prompt.messages] == [
        ("system", "Be brief.", 1), ("user", "Hi", 4), ("assistant", "Hello", 7),
    ]  # fmt: skip


def test_a_model_may_be_a_name():
    assert parse("---\nmodel: some-model\n---\nuser:\nHi", name="p").parameters == {}


def test_options_get_the_names_that_endpoints_know():
    options = (
        "{topP: 0.5, topK: 3, stopSequences: [x], seed: 1, additionalProperties: {min_p: 0.1}}"
    )
    prompt = parse(f"---\nmodel: {{options: {options}}}\n---\nuser:\nHi", name="p")
    assert prompt.parameters == {"top_p": 0.5, "top_k": 3, "stop": ["x"], "seed": 1, "min_p": 0.1}


P = "the prompt 'a.prompty'"
CANNOT = "a Prompty file must be messages and parameters to be read, but {} has {}, which a prompt cannot hold; remove that."
REFUSED = {
    "tools": ("---\ntools: [{id: x}]\n---\nuser:\nHi", CANNOT.format(f"line 2 of {P}", "tools")),
    "tools among parameters": (
        "---\nmodel: {parameters: {tools: '${file:x.json}'}}\n---\nuser:\nHi",
        CANNOT.format(P, "tools among the parameters"),
    ),
    "a file": (
        "---\nmodel: {parameters: {response_format: '${file:x.json}'}}\n---\nuser:\nHi",
        CANNOT.format(P, "'${file:x.json}' among the parameters"),
    ),
    "a thread": (
        "system:\nHi\n![thread]\n{{q}}", CANNOT.format(f"line 3 of {P}", "a thread or an image"),
    ),
    "an image": (
        "user:\nSee ![it](x.png)", CANNOT.format(f"line 2 of {P}", "a thread or an image"),
    ),
    "an input that is a thread": (
        "---\ninputs: {talk: {kind: thread}}\n---\nuser:\n{{talk}}",
        CANNOT.format(P, "an input 'talk' that is no text"),
    ),
    "a role of tools": (
        "tools:\n- name: x\nuser:\nHi", CANNOT.format(f"line 1 of {P}", "a message 'tools:'"),
    ),
    "a role with attributes": (
        'system[name="x"]:\nHi', CANNOT.format(f"line 1 of {P}", "a message 'system[name=\"x\"]:'"),
    ),
    "another language": (
        "---\ntemplate: mustache\n---\nuser:\nHi",
        f"a template must be Jinja2, but {P} says that it is 'mustache'; translate it.",
    ),
    "another language, newer": (
        "---\ntemplate: {format: {kind: mustache}}\n---\nuser:\nHi",
        f"a template must be Jinja2, but {P} says that it is 'mustache'; translate it.",
    ),
    "parameters of another kind": (
        "---\nmodel: {parameters: [1]}\n---\nuser:\nHi",
        f"the parameters of a model must be a mapping, but those of {P} are a list; write names and "
        "values.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_change_what_a_model_reads_is_refused(what):
    text, told = REFUSED[what]
    with pytest.raises(BadValue) as caught:
        parse(text, name="p", source="a.prompty")
    assert str(caught.value) == told
