"""Markdown becomes a tree of harmless elements, whatever it says, and loses no text."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.ratings.tasks.markdown_trees import TAGS, markdown_tree

REPEATABLE = settings(deadline=None, derandomize=True)


def elements(nodes):
    for node in nodes:
        if isinstance(node, list):
            yield node
            yield from elements(node[1])


def text(nodes):
    return "".join(node if isinstance(node, str) else text(node[1]) for node in nodes)


def assert_harmless(tree):
    for element in elements(tree):
        assert len(element) == 2
        tag, children = element
        assert tag in TAGS
        assert isinstance(children, list)
    # nothing but texts and lists, and fit for a message
    json.dumps(tree, ensure_ascii=False).encode("utf-8")
    assert "{" not in re.sub(r'"(\\.|[^"\\])*"', "", json.dumps(tree))


@pytest.mark.parametrize(
    ("markdown", "tree"),
    [
        ("", []),
        ("one\n\ntwo", [["p", ["one"]], ["p", ["two"]]]),
        ("a *b* **c** ~~d~~ `e`", [["p", ["a ", ["em", ["b"]], " ", ["strong", ["c"]], " ", ["del", ["d"]], " ", ["code", ["e"]]]]]),
        ("# a\n#### b\n###### c", [["h1", ["a"]], ["h4", ["b"]], ["h4", ["c"]]]),
        ("one\ntwo  \nthree", [["p", ["one\ntwo", ["br", []], "three"]]]),
        ("- a\n- b", [["ul", [["li", ["a"]], ["li", ["b"]]]]]),
        ("1. a\n2. b", [["ol", [["li", ["a"]], ["li", ["b"]]]]]),
        ("- a\n\n- b", [["ul", [["li", [["p", ["a"]]]], ["li", [["p", ["b"]]]]]]]),
        ("> a\n\n---", [["blockquote", [["p", ["a"]]]], ["hr", []]]),
        ("```python\nx < 1\n```", [["pre", [["code", ["x < 1\n"]]]]]),
        ("    x\n", [["pre", [["code", ["x\n"]]]]]),
        (
            "|a|b|\n|-|:-:|\n|1|2|",
            [
                [
                    "table",
                    [
                        ["thead", [["tr", [["th", ["a"]], ["th", ["b"]]]]]],
                        ["tbody", [["tr", [["td", ["1"]], ["td", ["2"]]]]]],
                    ],
                ]
            ],
        ),
    ],
)  # fmt: skip
def test_each_element_has_its_place_in_the_tree(markdown, tree):
    assert markdown_tree(markdown) == tree


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("[so](http://example.org/)", "so (http://example.org/)"),
        ('[so](http://example.org/ "title")', "so (http://example.org/)"),
        ("<http://example.org/>", "http://example.org/"),
        ("<a@example.org>", "a@example.org"),
        ("[](http://example.org/)", "(http://example.org/)"),
        ("[so]()", "so"),
        ("![a cat](cat.png)", "a cat (cat.png)"),
        ("![](cat.png)", "(cat.png)"),
        ("[*so*][1]\n\n[1]: http://example.org/", "so (http://example.org/)"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[so](http://example.org/" + "a" * 300 + ")", "so (http://example.org/" + "a" * 181 + "…)"),
    ],
)  # fmt: skip
def test_links_and_pictures_are_their_text_and_their_target(markdown, shown):
    tree = markdown_tree(markdown)
    assert text(tree) == shown
    assert {element[0] for element in elements(tree)} <= {"p", "em"}


def test_a_list_that_does_not_begin_at_one_keeps_its_numbers_as_text():
    assert markdown_tree("3. a\n4. b") == [["ul", [["li", ["3. a"]], ["li", ["4. b"]]]]]
    assert markdown_tree("0. a\n\n1. *b*") == [
        ["ul", [["li", [["p", ["0. a"]]]], ["li", [["p", ["1. ", ["em", ["b"]]]]]]]]
    ]
    assert markdown_tree("7. > a") == [["ul", [["li", ["7. ", ["blockquote", [["p", ["a"]]]]]]]]]
    assert markdown_tree("7.") == [["ul", [["li", ["7. "]]]]]


def test_html_is_text():
    markdown = "<b onclick=x>a</b> <!-- c -->\n\n<script>window.hit=1</script>\n\n&lt;i&gt;"
    assert markdown_tree(markdown) == [
        ["p", ["<b onclick=x>a</b> <!-- c -->"]],
        ["p", ["<script>window.hit=1</script>"]],
        ["p", ["<i>"]],
    ]


def test_a_hostile_text_becomes_nothing_but_allowed_elements(hostile):
    assert_harmless(markdown_tree(hostile))


def test_a_hostile_text_is_harmless_inside_every_element(hostile):
    line = " ".join(hostile.split())
    inside = f"# {line}\n\n> {line}\n\n1. {line}\n\n|{line}|\n|-|\n\n[{line}]({line}) ![{line}](<{line}>)\n"
    assert_harmless(markdown_tree(inside))


@pytest.mark.parametrize(
    "markdown",
    [
        "> " * 200 + "deep",
        "".join(" " * 2 * level + "- a\n" for level in range(100)) + "deep",
        "[" * 200 + "deep" + "](x)" * 200,
        "*a **b " * 100 + "deep",
        "a" * 30_001,
        "![" * 3_000,
        "word\n\n" * 6_000,
        "|a" * 400 + "\n" + "|-" * 400 + "\n" + "|\n" * 100,
    ],
    ids=["quotes", "lists", "brackets", "emphasis", "long", "pictures", "paragraphs", "table"],
)
def test_what_is_too_long_or_too_deep_loses_no_text(markdown):
    tree = markdown_tree(markdown)
    assert_harmless(tree)
    kept = text(tree)
    assert "deep" in kept if "deep" in markdown else tree == [["pre", [markdown]]]


def test_half_a_character_becomes_a_visible_mark():
    assert markdown_tree("a\ud83d") == [["p", ["a\ufffd"]]]


def test_the_parser_is_not_swayed_by_an_earlier_text():
    markdown_tree("[a]: http://example.org/")
    assert markdown_tree("[a]") == [["p", ["[a]"]]]


@REPEATABLE
@given(
    st.text(
        alphabet=st.sampled_from("ab1.*_~`[]()!<>#-+|\\&; \t\n\"'{}:/\u202e\x00é😀"), max_size=200
    )
)
def test_any_text_becomes_a_harmless_tree(markdown):
    assert_harmless(markdown_tree(markdown))


@REPEATABLE
@given(st.text(alphabet="abcdefgh éßж中 \n", max_size=300))
def test_no_letter_of_plain_text_is_lost(markdown):
    assert "".join(text(markdown_tree(markdown)).split()) == "".join(markdown.split())
