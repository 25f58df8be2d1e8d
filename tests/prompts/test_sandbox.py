"""What a template may do, and how much: nothing hangs, nothing reaches Python, each refusal is a sentence."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadValue
from workbench.prompts import Prompt, sandbox

ROW = {
    "row_id": "r1",
    "input": "a" * 1_000,
    "items": ["x", "y"] * 50,
    "record": {"items": 1, "b": [2]},
    "deep": functools.reduce(lambda inner, _: [inner], range(150), list(range(10_000))),
}


def rendered(text, row=ROW):
    return Prompt.of(text, name="p").render(row)[0]["content"]


def refusal(text, row=ROW):
    with pytest.raises(BadValue) as caught:
        rendered(text, row)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ items | length }} {{ items[0] ~ 1 }} {{ input[:3] }}", "100 x1 aaa"),
        ("{{ ' b '.strip().upper() }}{{ 'a b'.split() | join('+') }}", "Ba+b"),
        ("{% for each in items[:2] %}{{ loop.index }}. {{ each }}\n{% endfor %}", "1. x\n2. y\n"),
        ("{% for each in range(3) %}{{ each }}{{ ',' if not loop.last }}{% endfor %}", "0,1,2"),
        ("{{ record.items }} {{ record['b'][0] }} {{ record.keys() | join }}", "1 2 itemsb"),
        ("{% for name, value in {'a': 1}.items() %}{{ name }}={{ value }}{% endfor %}", "a=1"),
        ("{% if 'x' in items and input is string %}yes{% else %}no{% endif %}", "yes"),
        ("{% set n = 2 %}{{ n * 3 + 1 - 4 / 2 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ -n }}", "5.0 3 3 -2"),
        ("{{ items[:2] | map('upper') | join(', ') }}", "X, Y"),
        ("{{ record | tojson }} {{ '<é>' | tojson }}", '{"items": 1, "b": [2]} "<é>"'),
        ("{{ 'a\n\nb' | indent(2) }}", "a\n\n  b"),
        ("{{ 'aba' | replace('a', '<b>') }} {{ 2.345 | round(1) }}", "<b>b<b> 2.3"),
        ("{{ [{'n': 'q'}] | join(', ', 'n') }}", "q"),
        ("{{ ' xax ' | trim }}|{{ 'xax' | trim('x') }}|{{ 'a-b'.split('-')[1] }}", "xax|a|b"),
        ("{{ 'x' if false }}{{ 1.26 | round(1) }}{{ [1] | tojson(2) }}", "1.3[\n  1\n]"),
        ("{{ other | default('none') }}{% if other is defined %}!{% endif %}", "none"),
        ("{% raw %}{{ input }}{% endraw %}{# a remark #}", "{{ input }}"),
        ("a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc"),
    ],
)
def test_what_prompts_need_works(text, shown):
    assert rendered(text) == shown


BOMBS = {
    "a text times a number": "{{ 'a' * 10000000000 }}",
    "a list times a number": "{{ items * 10000000000 }}",
    "a power": "{{ 9 ** 9 ** 9 ** 9 }}",
    "squares": "{% set x = 9999999999 %}" + "{% set x = x * x %}" * 60 + "{{ x }}",
    "a long range": "{{ range(10000000000) | list | length }}",
    "an endless range": "{{ range(10 * 1000000000000000000) | list }}",
    "nested loops": "{% for a in range(9999) %}" * 5 + "." + "{% endfor %}" * 5,
    "empty loops": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "loops that search": (
        "{% for a in range(9999) %}{% for b in range(99) %}{{ 'b' in input }}{% endfor %}{% endfor %}"
    ),
    "loops that compare": (
        "{% set c = input ~ '' %}{% for a in range(9999) %}{% for b in range(99) %}{{ c == input }}"
        "{% endfor %}{% endfor %}"
    ),
    "much text": "{% for a in range(99999) %}{{ input }}{% endfor %}",
    "much literal text": "{% for a in range(99999) %}" + "b" * 1_000 + "{% endfor %}",
    "doublings": "{% set a = input %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "doublings by join": "{% set a = input %}"
    + "{% set a = [1, 2] | join(a) ~ a %}" * 60
    + "{{ a }}",
    "doublings by replace": "{{ input | replace('a', input) | replace('a', input) | length }}",
    "replacements in a list": "{{ items | map('replace', 'x', input) | map('replace', 'a', input) | list | length }}",
    "a wide indent": "{{ input | indent(10000000000, true) }}",
    "indented JSON": "{{ record | tojson(10000000000) }}",
    "JSON indented deeply": "{{ deep | tojson(8) }}",
    "a rounding": "{{ 5 | round(-1000000000) }}",
    "a strip": "{{ (input ~ input).strip('b' ~ input ~ input) }}",
    "a trim": "{{ input | trim('b' ~ input ~ input) }}",
    "steps given back": "{% set a = items | map(' rounds', -99999999) | list %}{{ a }}",
    "a list in a list": "{% set a = [items, items] %}{{ a }}",
    "a record in a list": "{% set a = [{'b': items}] %}{{ a }}",
    "a wide format": "{{ '%99999999999d' % 1 }}",
    "a wide field": "{{ '{:99999999999}'.format(1) }}",
    "a wide centre": "{{ input | center(10000000000) }}",
    "a justified text": "{{ input.ljust(10000000000) }}",
    "a recursive loop": "{% for a in items recursive %}{{ loop(items) }}{% endfor %}",
    "a recursive macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "parentheses": "{{" + "(" * 10_000,
    "deep conditions": "{% if 1 %}" * 900 + "{% endif %}" * 900,
    "deep loops": "{% for a in items %}" * 40 + "{% endfor %}" * 40,
    "many parts": "{{a.b}}" * 3_000,
    "many marks": "{{ a }}" * 10_000,
    "a long number": "{{ " + "9" * 10_000 + " }}",
    "a long sum": "{{ 1" + " + 1" * 3_000 + " }}",
}

ESCAPES = {
    "a class": "{{ ''.__class__ }}",
    "a class in brackets": "{{ ''['__class__'] }}",
    "a class by filter": "{{ '' | attr('__class__') }}",
    "a class by map": "{{ items | map(attribute='__class__.__mro__') | list | first }}",
    "a class by sort": "{{ items | sort(attribute='__class__.__mro__') | join }}",
    "a filter by map": "{{ items | map('attr', '__class__') | list }}",
    "a format": "{{ '{0.__class__}'.format(input) }}",
    "the globals": "{{ cycler.__init__.__globals__ }}",
    "the template": "{{ self.__init__.__globals__ }}",
    "the loop": "{% for a in items %}{{ loop.__init__ }}{% endfor %}",
    "the meter": "{{ _meter }}",
    "a file": "{% include '/etc/passwd' %}",
    "an import": "{% import 'os' as os %}",
    "a parent": "{% extends 'x' %}",
    "a call": "{{ lipsum() }}",
    "a method that changes": "{{ items.append('z') }}",
    "a part of the meter": "{{ items.rounds(-9) }}",
    "a block": "{% block a %}{% endblock %}",
    "a namespace": "{% set ns = namespace() %}",
    "a filter block": "{% filter upper %}a{% endfilter %}",
}


@pytest.mark.parametrize("name", [*BOMBS, *ESCAPES])
def test_a_hostile_template_is_refused_in_one_sentence(name):
    told = refusal({**BOMBS, **ESCAPES}[name])
    # `cycler` and `_meter` are names like any other, of which the row has none
    unknown = name in {"the globals", "the meter"}
    assert told.startswith("a row must have every variable" if unknown else "a template must be ")
    assert "line 1 of the prompt 'p'" in told
    assert len(told) < 500
    assert told.endswith(".")
    assert "\n" not in told


def test_what_a_rendering_may_do_has_one_limit():
    assert refusal(BOMBS["nested loops"]) == (
        "a template must be rendered for each row, but line 1 of the prompt 'p' cannot be for row "
        "'r1': it takes more than 10,000,000 steps; mend the template or the row."
    )


@pytest.mark.parametrize("name", ["a text times a number", "a power", "a wide centre"])
def test_a_refusal_says_what_is_not_allowed(name):
    assert (
        refusal(BOMBS[name])
        == {
            "a text times a number": (
                "a template must be rendered for each row, but line 1 of the prompt 'p' cannot be for row "
                "'r1': '*' stands between things that are no numbers (`~` joins texts); mend the template "
                "or the row."
            ),
            "a power": (
                "a template must be Jinja2 of the kind that prompts may use, but in line 1 of the prompt "
                "'p' it uses 'pow', which no prompt may; mend it there."
            ),
            "a wide centre": (
                "a template must be Jinja2 of the kind that prompts may use, but in line 1 of the prompt "
                "'p' there is no filter 'center'; mend it there."
            ),
        }[name]
    )


def test_lists_records_and_nothing_are_never_written_by_chance():
    for text, what in (("{{ items }}", "a list or record"), ("{{ none }}", "nothing")):
        assert refusal(text) == (
            "a template must be rendered for each row, but line 1 of the prompt 'p' cannot be for row "
            f"'r1': {what} is to be written (say how: `join`, `tojson`, a loop or `default`); mend the "
            "template or the row."
        )


def test_a_fault_names_its_own_line():
    assert refusal("one\ntwo\n{{ 1 // 0 }}\nfour") == (
        "a template must be rendered for each row, but line 3 of the prompt 'p' cannot be for row "
        "'r1': ZeroDivisionError, integer division or modulo by zero; mend the template or the row."
    )
    assert refusal("one\ntwo\n{{ record.c }}") == (
        "a template must be rendered for each row, but line 3 of the prompt 'p' cannot be for row "
        "'r1': 'dict object' has no attribute 'c'; mend the template or the row."
    )
    assert refusal("one\n{% if input %}\nthree") == (
        "a template must be Jinja2 of the kind that prompts may use, but in line 3 of the prompt 'p' "
        "Unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or "
        "'endif'. The innermost block that needs to be closed is 'if'; mend it there."
    )


def test_a_long_row_may_be_read_a_few_times():
    text = "b" * (sandbox.MOST_STEPS // 10)
    assert len(rendered("{{ input.strip() | lower }}", {"input": text})) == len(text)


@given(st.text(), st.lists(st.text(), max_size=3))
def test_a_value_is_never_a_template(text, items):
    row = {"input": text, "items": items}
    assert rendered("{{ input }}|{{ items | join('|') }}", row) == f"{text}|{'|'.join(items)}"


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% for", "# user", "{#", "{% raw %}", "</s>"])
def test_marks_in_a_row_stay_as_they_are(text):
    messages = Prompt.of("# system\n\nBe brief.\n\n# user\n\n{{ input }}").render(
        {"input": f"\n{text}\n"}
    )
    assert messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"\n{text}\n"},
    ]


class Markup(str):
    """A text with ways of its own."""

    def __html__(self):
        return "escaped"

    def __str__(self):
        return "another"


def test_a_text_of_another_class_is_a_text():
    assert rendered("{{ input }} {{ '<' }}", {"input": Markup("<b>")}) == "<b> <"


def test_a_value_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)
    assert refusal("{{ input | length }}", {"input": loop}) == (
        "a value must be nested as JSON is, but 'input' of the row given goes too deep for the prompt "
        "'p'; flatten it."
    )
