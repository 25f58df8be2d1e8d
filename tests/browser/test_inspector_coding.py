"""Coding by people in a real browser: from a key to the journal and back, and what may go wrong between."""

import json
import runpy
from pathlib import Path

import pytest

import workbench as wb
from workbench.trajectories import Run, Runs
from workbench.trajectories.model import Annotation
from workbench.widgets.inspector import inspect

pytestmark = pytest.mark.browser

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
Reading, assert_accessible, called, said = (
    SHARED[name] for name in ("Reading", "assert_accessible", "called", "said")
)
SECRET = "THE-SOURCE-SAYS"


def some_runs():
    steps = [
        said("Please book \U0001f600 a **seat** by the window, and no other seat."),
        said("I took the first one."),
        called('{"seat": "1A", "note": "say \\"yes\\" or no"}'),
        said("Done."),
    ]
    told = [Annotation("mistake", "bot", step=1, explanation=SECRET)]
    runs = [Run("mine", name=name, steps=steps, annotations=told, outcome=0.0) for name in "ab"]
    return Runs.of(runs)


class Coding(Reading):
    """Somebody who codes before the module alone."""

    def __init__(self, chromium, widget, *, context=None, **options):
        self.replies = []
        super().__init__(Shared(chromium, context), widget, **options)

    def receive(self, message):
        reply = super().receive(message)
        self.replies.append(json.dumps(reply, ensure_ascii=False))
        return reply

    def saved(self, n, **more):
        self.page.locator(".wi-saved", has_text=f"saved {n} of {n}").wait_for(**more)

    def select(self, words, part=0):
        """Mark words in a part of the step that is shown."""
        self.page.evaluate(
            """([words, part]) => {
              const body = document.querySelector(`.wi-part[data-part="${part}"] .wi-body`), walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
              for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const at = node.data.indexOf(words);
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + words.length);
                getSelection().removeAllRanges();
                return getSelection().addRange(range);
              }
              throw new Error(`no ${words}`);
            }""",
            [words, part],
        )


class Shared:
    """A browser whose pages have an address, so that they have a storage."""

    def __init__(self, chromium, context):
        self._chromium, self._context = chromium, context

    def new_context(self, **options):
        context = self._context or self._chromium.new_context(**options)
        context.route("http://coding.test/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))  # fmt: skip
        return Addressed(context)


class Addressed:
    def __init__(self, context):
        self._context = context

    def new_page(self):
        page = self._context.new_page()
        page.set_default_timeout(8_000)
        page.goto("http://coding.test/")
        return page

    def __getattr__(self, name):
        return getattr(self._context, name)


@pytest.fixture
def coding(chromium, tmp_path):
    opened = []

    def opens(annotator="ann", runs=None, *, shown=True, **options):
        mine = ("scheme", "adjudicate", "show_source_labels", "hints")
        panel = {name: options.pop(name) for name in mine if name in options}
        journal = tmp_path / "codes.sqlite"
        widget = inspect(runs or some_runs(), annotator=annotator, journal=journal, **panel)
        one = Coding(chromium, widget, **options)
        opened.append(one)
        one.at(0)
        one.page.locator(".wi-saved", has_text="saved").wait_for()
        one.page.locator(".wi-steps").focus()
        return one

    yield opens
    for each in opened:
        assert each.console == []
        assert each.largest <= 65_536
        each.context.close()


def rows(tmp_path, *columns):
    frame = wb.ratings.codes(tmp_path / "codes.sqlite")
    return [tuple(row) for row in frame[list(columns)].astype(object).where(frame.notna(), None).to_numpy()]  # fmt: skip


def test_a_step_is_annotated_by_keys_and_is_there_again_on_another_page(coding, tmp_path):
    one = coding()
    one.press("j")
    one.at(1)
    one.press("a", "3", "H", "/")
    one.page.keyboard.type("again, says ?")
    one.press("Enter")
    one.saved(1)
    one.page.locator(".wi-codes b", has_text="1.3 step repetition").wait_for()
    one.page.locator(".wi-mark-note", has_text="again").wait_for()
    one.page.locator(".wi-runs .wi-row", has_text="✎ 1").wait_for()
    assert rows(tmp_path, "target", "step", "label", "severity", "comment") == [
        ("step", 1, "1.3 step repetition", "high", "again, says ?")
    ]
    again = coding()
    again.press("j")
    again.at(1)
    again.page.locator(".wi-codes b", has_text="1.3 step repetition").wait_for()
    again.page.locator(".wi-runs .wi-row", has_text="✎ 1").wait_for()
    again.saved(1)


def test_every_target_has_a_key_and_a_run_is_marked_as_coded(coding, tmp_path):
    one = coding()
    one.press("A", "1", "Enter", "o", "7", "Enter")
    one.select("\U0001f600 a")
    one.press("a", "5", "Enter")
    one.press("D")
    one.saved(4)
    assert rows(tmp_path, "target", "step", "part", "start", "end", "quote") == [
        ("run", None, None, None, None, None),
        ("omission", 0, None, None, None, None),
        ("range", 0, 0, 12, 15, "\U0001f600 a"),
        ("done", None, None, None, None, None),
    ]
    one.page.locator(".wi-runs .wi-row", has_text="✎ 3, coded").wait_for()
    one.press("D")
    one.saved(5)
    assert len(rows(tmp_path, "target")) == 3


def test_words_in_markdown_and_in_a_tree_are_placed_in_the_text_as_it_was_read(coding, tmp_path):
    one = coding()
    one.select("seat")
    one.press("a", "1", "Enter")
    one.press("j", "j")
    one.at(2)
    one.select('say "yes"', part=1)
    one.press("a", "1", "Enter")
    one.saved(2)
    texts = [run.steps[at].parts for at in (0, 2) for run in [some_runs()[0]]]
    for (start, end, quote), text in zip(
        rows(tmp_path, "start", "end", "quote"), (texts[0][0].text, texts[1][1].text), strict=True
    ):
        assert text[start:end] == quote
    assert [quote for _, _, quote in rows(tmp_path, "start", "end", "quote")] == [
        "seat", r"say \"yes\"",
    ]  # fmt: skip


def test_words_can_be_typed_where_nothing_can_be_marked(coding, tmp_path):
    one = coding()
    one.press("a", "2")
    one.page.get_by_label("Only these words").fill("nowhere")
    one.press("Enter")
    one.page.locator(".wi-form .wi-error", has_text="these do not").wait_for()
    one.page.get_by_label("Only these words").fill("window")
    one.press("Enter")
    one.saved(1)
    assert rows(tmp_path, "target", "quote") == [("range", "window")]


def test_annotations_are_changed_deleted_and_undone(coding, tmp_path):
    one = coding()
    one.press("a", "1", "Enter")
    one.page.get_by_role("button", name="Change 1.1").click()
    one.press("1", "2", "L", "Enter")
    one.page.locator(".wi-codes", has_text="1.2 disobey role specification low").wait_for()
    one.saved(2)
    one.page.get_by_role("button", name="Delete 1.2").click()
    one.saved(3)
    assert rows(tmp_path, "label") == []
    for n, label in ((4, "1.2"), (5, "1.1"), (6, None)):
        one.press("u")
        one.saved(n)
        assert [found[0][:3] for found in rows(tmp_path, "label")] == ([label] if label else [])
        one.page.wait_for_function(
            "label => (document.querySelector('.wi-codes b')?.textContent.slice(0, 3) ?? null) === label", arg=label
        )  # fmt: skip
    one.press("u")
    one.page.get_by_text("There is nothing to undo in this run.").wait_for()


def test_escape_keeps_nothing_and_an_empty_annotation_is_not_taken(coding, tmp_path):
    one = coding()
    one.press("a", "Enter")
    one.page.get_by_text("Choose a label, or write a comment.").wait_for()
    one.press("3", "/")
    one.page.keyboard.type("x")
    one.press("Escape", "Escape")
    assert not one.page.locator(".wi-form").is_visible()
    assert one.page.evaluate("document.activeElement.matches('.wi-steps')")
    one.press("j")
    one.at(1)
    assert rows(tmp_path, "label") == []
    one.press("a", "3", "/")
    one.page.keyboard.type("jjn/?DuA")
    one.press("Shift+Enter")
    one.page.keyboard.type("two")
    one.press("Enter")
    one.saved(1)
    assert rows(tmp_path, "comment", "step") == [("jjn/?DuA\ntwo", 1)]


def test_everything_is_a_button_too_and_accessible(coding, tmp_path):
    for scheme in ("light", "dark"):
        one = coding(color_scheme=scheme, viewport={"width": 900, "height": 900})
        one.page.get_by_role("button", name="Annotate step").click()
        one.page.locator(".wi-label", has_text="2.1 conversation reset").click()
        one.page.get_by_text("starts anew for no reason").first.wait_for()
        one.page.get_by_role("button", name="medium").click()
        assert_accessible(one.page)
        one.page.get_by_role("button", name="Save").click()
        one.page.get_by_role("button", name="Annotate run").click()
        one.page.get_by_text("Definitions of mast").click()
        assert_accessible(one.page)
        one.page.get_by_role("button", name="Cancel").click()
        one.page.get_by_role("button", name="Omission after it").click()
        one.page.locator(".wi-label", has_text="2.2 fail").click()
        one.page.get_by_role("button", name="Save").click()
        one.page.get_by_role("button", name="Run coded").click()
        one.page.locator(".wi-codes li").nth(1).wait_for()
        assert_accessible(one.page)
        sizes = one.page.eval_on_selector_all(
            ".wi-coding button", "each => each.map((node) => node.getBoundingClientRect().height)"
        )
        assert min(size for size in sizes if size) >= 24
        one.saved(3 if scheme == "light" else 6)


def test_nothing_of_the_source_or_of_others_reaches_who_codes(coding, tmp_path):
    ben = coding("BENEDICT")
    ben.press("a", "1", "/")
    ben.page.keyboard.type("BENS-COMMENT")
    ben.press("Enter")
    ben.saved(1)
    one = coding()
    one.press("j", "k", "s", "a", "Escape")
    one.page.locator(".wi-raw summary").first.click()
    one.page.wait_for_timeout(500)
    told = "".join([*one.replies, json.dumps(one.widget.first), one.page.content()])
    for word in (SECRET, "BENEDICT", "BENS-COMMENT"):
        assert word not in told
    assert not one.page.locator(".wi-mark-note").count()


def test_who_decides_sees_letters_and_accepts(coding, tmp_path):
    for name, key in (("BENEDICT", "1"), ("CLARA", "2")):
        one = coding(name)
        one.press("a", key, "Enter", "D")
        one.saved(2)
    judge = coding("judge", adjudicate=True)
    judge.page.get_by_text("A has coded this run, B has coded this run").wait_for()
    assert sorted(judge.page.locator(".wi-codes .wi-who").all_inner_texts()) == ["A", "B"]
    judge.page.get_by_role("button", name="Accept 1.1").click()
    judge.press("D")
    judge.saved(2)
    assert_accessible(judge.page)
    told = "".join([*judge.replies, judge.page.content()])
    assert "BENEDICT" not in told
    assert "CLARA" not in told
    final = wb.ratings.codes(tmp_path / "codes.sqlite", final=True)
    assert final["label"].dropna().tolist() == ["1.1 disobey task specification"]


def test_an_own_scheme_has_keys_of_its_own(coding, tmp_path):
    scheme = wb.ratings.Scheme("mine", {"<b>loop</b>": "It <i>loops</i>."}, ["mild", "müde"])
    one = coding(scheme=scheme)
    one.press("a", "1", "A", "Enter")
    one.saved(1)
    assert rows(tmp_path, "label", "severity") == [("<b>loop</b>", "müde")]
    assert one.page.locator(".wi-codes b", has_text="<b>loop</b>").count() == 1


def test_the_annotations_of_a_source_can_be_read_where_nobody_codes(read):
    reading = read(some_runs())
    reading.at(0)
    assert not reading.page.locator(".wi-codes li").count()
    reading.press("j")
    reading.at(1)
    reading.page.locator(".wi-codes li", has_text=SECRET).wait_for()
    reading.press("a", "A", "o", "D", "u")
    assert not reading.page.locator(".wi-form").count()
    assert_accessible(reading.page)


def test_a_file_shows_what_was_decided_and_says_that_nothing_can_be_written(
    coding, visit, tmp_path
):
    judge = coding("judge", adjudicate=True)
    judge.press("a", "1", "Enter")
    judge.saved(1)
    judge.widget.to_html(tmp_path / "page.html")
    page = visit(f"file://{tmp_path / 'page.html'}").page
    page.locator(".wi-codes li", has_text="1.1 disobey task specification").wait_for()
    page.get_by_text("This is a file: annotations can be read here").wait_for()
    assert not page.locator(".wi-coding button").count()
    page.locator(".wi-mark-note").wait_for()
    assert_accessible(page)


def noted(one):
    """Return what is marked in the step that is shown: its numbers, and the text."""
    return one.page.eval_on_selector_all(
        "mark.wi-noted", "each => each.map((mark) => [mark.dataset.nth, mark.textContent])"
    )


def test_marked_words_are_seen_in_the_text_and_their_places_in_the_list(coding):
    one = coding()
    for words, key in (("by the window", "1"), ("seat", "2")):
        one.select(words)
        one.press("a", key, "Enter")
    one.page.locator(".wi-where").nth(1).wait_for()
    one.press("m")
    one.page.locator("pre.wi-text").wait_for()
    # two marks that overlap, behind a character that JavaScript counts twice
    one.page.evaluate(
        """() => {
          const texts = [...document.querySelectorAll("pre.wi-text mark")].map((mark) => mark.firstChild);
          getSelection().setBaseAndExtent(texts[1], 3, texts[1].parentNode.nextSibling, 5);
        }"""
    )
    one.press("a", "3", "Enter")
    one.saved(3)
    one.page.locator(".wi-where", has_text="characters 28 to 43 of part 0").wait_for()
    assert noted(one) == [["1", "seat"], ["2", "by "], ["3", "the window"], ["", ", and"]]
    assert one.page.locator("mark.wi-noted-more").all_inner_texts() == ["the window"]
    assert one.page.locator(".wi-where").all_inner_texts() == [
        "2 · characters 25 to 38 of part 0",
        "1 · characters 18 to 22 of part 0",
        "3 · characters 28 to 43 of part 0",
    ]
    text = "Please book \U0001f600 a **seat** by the window, and no other seat."
    assert [text[18:22], text[25:38], text[28:43]] == ["seat", "by the window", "the window, and"]
    one.press("m")
    assert noted(one)[0] == ["1", "seat"]
    assert_accessible(one.page)
    one.page.get_by_role("button", name="Delete 1.2").click()
    one.page.locator(".wi-where").nth(1).wait_for()
    one.page.wait_for_function("!document.querySelector('strong mark')")


def test_a_place_in_the_list_leads_to_the_text_also_where_that_is_shown_otherwise(coding):
    long = "\n\n".join(f"**Line** {at} of many." for at in range(600))
    one = coding(runs=Runs.of([Run("mine", name="a", steps=[said(long)])]))
    one.page.get_by_role("button", name="Load more").click()
    one.page.locator(".wi-body", has_text="Line 599").wait_for()
    # what is marked with its stars is not shown as such in Markdown
    one.page.locator("[data-way=text]").click()
    one.select("**Line** 580 of many")
    one.press("a", "1", "Enter")
    one.saved(1)
    other = coding(runs=Runs.of([Run("mine", name="a", steps=[said(long)])]))
    where = other.page.locator(".wi-where", has_text="1 · characters")
    where.wait_for()
    assert noted(other) == []
    where.focus()
    other.press("Enter")
    mark = other.page.locator("mark.wi-noted-here", has_text="**Line** 580 of many")
    mark.wait_for()
    box, pane = mark.bounding_box(), other.page.locator(".wi-detail").bounding_box()
    assert pane["y"] <= box["y"] <= pane["y"] + pane["height"]
    other.page.locator(".wi-status", has_text="of part 0.").wait_for()
    assert other.page.evaluate("document.activeElement.matches('.wi-where')")


def test_the_form_of_mast_needs_no_scrolling_on_a_small_screen(coding):
    for width, height, most in ((1600, 700, 0), (900, 700, 45)):
        one = coding(viewport={"width": width, "height": height})
        one.press("a")
        one.page.locator(".wi-form").wait_for()
        hidden = one.page.evaluate(
            "(each => each.scrollHeight - each.clientHeight)(document.querySelector('.wi-coding'))"
        )
        assert hidden <= most  # of which the definitions, at the end, are a part
        one.press("Escape")
    one = coding(viewport={"width": 400, "height": 800})
    one.press("a", "3")
    for name in ("Save", "Cancel"):
        one.page.get_by_role("button", name=name).scroll_into_view_if_needed()
        box = one.page.get_by_role("button", name=name).bounding_box()
        assert box["x"] + box["width"] <= 400
    assert (
        one.page.locator(".wi-label").first.get_attribute("title").endswith("asks for or forbids.")
    )
    assert_accessible(one.page)
    one.press("Enter")
    one.saved(1)


def test_who_codes_is_offered_nothing_that_judges_and_is_told_so(coding):
    one = coding()
    one.page.get_by_text(
        "Outcomes, scores, findings and suspects are hidden while you code."
    ).wait_for()
    assert not one.page.get_by_role("button", name="Rank suspects").count()
    one.press("s")
    one.page.get_by_text("While you code, what others or machines found is hidden.").wait_for()
    assert "suspect" not in one.page.locator(".wi-help").text_content()
    offered = one.page.locator(".wi-order option").all_inner_texts()
    assert not any("outcome" in each or "suspicion" in each for each in offered)
    one.page.get_by_text("Filters", exact=True).click()
    assert not one.page.locator("[aria-label='Filter by outcome']").count()
    hinted = coding(hints=True)
    assert hinted.page.get_by_role("button", name="Rank suspects").count() == 1
    hinted.page.locator(".wi-outcome", has_text="failed").first.wait_for()
