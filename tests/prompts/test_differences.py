"""What changed between prompts: words, roles, parameters; how it is shown, and that nothing is lost."""

from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadKind, BadValue
from workbench.prompts import Message, Prompt, diff
from workbench.prompts.differences import common


def prompt(*messages, name="p", **parameters):
    texts = [each if isinstance(each, tuple) else ("user", each) for each in messages]
    made = tuple(Message(role, text, literal=True) for role, text in texts)
    return Prompt(name, made, parameters)


def marked(old, new):
    """Return the words of one message that differ, as a terminal shows them."""
    return "\n".join(repr(diff(prompt(old), prompt(new))).split("\n")[2:])


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("Use three sentences.", "Use two sentences.", "  Use [-three-]{+two+} sentences."),
        ("Be brief.", "Be brief. Be kind.", "  Be brief.{+ Be kind.+}"),
        ("Be very brief.", "Be brief.", "  Be[- very-] brief."),
        ("Say {{ a }} now", "Say {{ b }} now", "  Say [-{{ a }}-]{+{{ b }}+} now"),
        ("a\nb", "a\nb\nc", "  a\n  b{+\n  c+}"),
        ("a b", "a\nb", "  a[- -]{+\n  +}b"),
        (
            "The quick brown fox, it jumps over the lazy dog.",
            "Nobody saw a thing, said a man over there with some dog.",
            "  [-The quick brown fox, it jumps over the lazy-]{+Nobody saw a thing, said a man over there with "
            "some+} dog.",
        ),
        (
            "x" + " y" * 200 + " z",
            "w" + " y" * 200 + " z",
            "  [-x-]{+w+}" + " y" * 40 + " …",
        ),
    ],
)
def test_words_that_differ_are_marked(old, new, shown):
    assert marked(old, new) == shown


@given(st.text("ab \n.", max_size=30), st.text("ab \n.", max_size=30))
def test_both_texts_can_be_told_from_their_difference(old, new):
    (change,) = diff(prompt(f"x{old}"), prompt(f"x{new}")).changes
    assert (change.old, change.new) == (f"x{old}", f"x{new}")
    assert (change.kind == "same") == (old == new)
    assert all(each.old != each.new for each in change.stretches[1::2]) or old == new


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_what_is_common_is_a_longest_common_subsequence(old, new):
    lengths = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, a in enumerate(old, 1):
        for j, b in enumerate(new, 1):
            best = max(lengths[i - 1][j], lengths[i][j - 1])
            lengths[i][j] = lengths[i - 1][j - 1] + 1 if a == b else best
    found = common(old, new)
    assert len(found) == lengths[-1][-1]
    assert all(old[i] == new[j] for i, j in found)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(found))


def kinds(old, new):
    return [(each.part, each.kind) for each in diff(old, new).changes]


def test_messages_are_matched_by_text_then_by_role():
    old = prompt(("system", "A."), ("user", "x y"))
    new = prompt(("developer", "A."), ("user", "z"), ("assistant", "ok"), ("user", "w"))
    assert kinds(old, new) == [
        ("system (example) → developer (example)", "role"),
        ("user (example)", "changed"),
        ("assistant (example)", "added"),
        ("user (example)", "added"),
    ]
    assert kinds(new, old)[2:] == [
        ("assistant (example)", "removed"),
        ("user (example)", "removed"),
    ]


def test_a_message_that_moved_in_is_the_only_change():
    old, new = (prompt(*texts) for texts in (["a", "c"], ["a", "b", "c"]))
    assert [kind for _, kind in kinds(old, new)] == ["same", "added", "same"]


def test_parameters_and_defaults_are_compared():
    old = Prompt(
        "a", (Message("user", "{{ x }}"),), {"temperature": 1, "stop": ["a"], "n": 1}, {"x": 1}
    )
    new = Prompt(
        "b", (Message("user", "{{ x }}"),), {"temperature": 0, "top_p": 1, "n": 1}, {"x": 2}
    )
    assert kinds(old, new) == [
        ("user", "same"),
        ("parameter n", "same"),
        ("parameter stop", "removed"),
        ("parameter temperature", "changed"),
        ("parameter top_p", "added"),
        ("default of x", "changed"),
    ]
    found = diff(old, new)
    assert repr(found) == (
        f"a ({old.digest[:8]}) → b ({new.digest[:8]}): 4 of 6 messages and parameters differ\n"
        'parameter stop (removed)\n  [-["a"]-]\n'
        "parameter temperature (changed)\n  [-1-]{+0+}\n"
        "parameter top_p (added)\n  {+1+}\n"
        "default of x (changed)\n  [-1-]{+2+}"
    )
    assert found.frame.to_dict("records")[:2] == [
        {"part": "parameter stop", "kind": "removed", "old": '["a"]', "new": ""},
        {"part": "parameter temperature", "kind": "changed", "old": "1", "new": "0"},
    ]


@given(st.integers(0, 2), st.integers(0, 2))
def test_nothing_differs_where_digests_are_equal_and_only_there(a, b):
    one, other = (prompt("x" * (1 + each % 2), t=each // 2) for each in (a, b))
    found = diff(one, other)
    assert found.same == (one.digest == other.digest) == found.frame.empty
    assert ("nothing differs" in repr(found)) == found.same


def test_what_is_compared_may_be_a_file_a_template_or_a_version(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("Hi {{ a }}")
    assert diff(path, "Hi {{ a }}").same
    assert diff(wb.prompts.versions(path)[0], Prompt.of("Hi {{ a }}")).same
    with pytest.raises(BadValue) as caught:
        diff(Prompt.of("a"), "news-summaries")
    assert str(caught.value) == (
        "each side of a difference must be one prompt, but 'news-summaries' holds 3; name the file."
    )
    with pytest.raises(BadKind, match="prompts must be a file, a folder"):
        diff(Prompt.of("a"), 5)


def test_long_texts_are_compared_by_lines_and_longer_ones_as_a_whole():
    lines = [f"line {n} of many" for n in range(3_000)]
    changed = [*lines[:1_500], "another line", *lines[1_501:]]
    (change,) = diff(prompt("\n".join(lines)), prompt("\n".join(changed))).changes
    assert change.stretches[1] == ("line 1500 of many\n", "another line\n")
    old, new = ("x\n" * 9_000, "y\n" * 9_000)
    (change,) = diff(prompt(old), prompt(new)).changes
    assert change.stretches[1] == (old, new)


class Document(HTMLParser):
    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.pieces, self.inside = set(), set(), [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.inside.append(tag)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        self.pieces.append((self.inside[-1] if self.inside else "", data))


def test_html_marks_what_differs_without_colours():
    html = diff(prompt("Use three words."), prompt("Use two words."))._repr_html_()
    assert html == diff(prompt("Use three words."), prompt("Use two words."))._repr_html_()
    pieces = Document(html).pieces
    assert [(tag, text) for tag, text in pieces if tag in {"del", "ins"}] == [
        ("del", "three"),
        ("ins", "two"),
    ]
    assert (
        html.count("text-decoration:line-through") == html.count("text-decoration:underline") == 1
    )
    assert "color:" not in html


OURS = {"figure", "figcaption", "div", "table", "thead", "tbody", "tr", "th", "td", "del", "ins"}


def test_a_hostile_text_stays_inert(storable):
    from workbench.display import COMMANDS, plain

    parameters = {} if storable in {"model"} else {"stop": storable}
    found = diff(prompt(f"a {storable}"), prompt(f"b {storable} c", **parameters))
    for thing in (found, found.old, found.new):
        document = Document(thing._repr_html_())
        assert document.tags <= OURS
        assert document.attributes <= {"class", "style", "scope"}
    assert set(COMMANDS.findall(repr(found))) <= {"\n", "\t"}
    assert not COMMANDS.search(plain(repr(found.old)))
    assert found.changes[0].new == prompt(f"b {storable} c").messages[0].text
