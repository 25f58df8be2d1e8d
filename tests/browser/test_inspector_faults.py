"""Whatever breaks while somebody codes, nothing is lost and nothing is doubled: as for ratings.

First the module alone, whose messages are lost, doubled, late and out of order as dice say; then the
faults of the rating panel, with the inspector in its place, in JupyterLab.
"""

import runpy
import time
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

import workbench as wb
from workbench.ratings.coding.deeds import Deeds

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
RATING = runpy.run_path(str(HERE / "test_rating_faults.py"))
CODING = runpy.run_path(str(HERE / "test_inspector_coding.py"))
FAULTS = RATING["FAULTS"]
Annotator, settle = FAULTS["Annotator"], RATING["settle"]

MESSAGES = """() => {
  const real = window.receive;
  let seed = 5;
  const dice = () => (seed = (seed * 48271) % 2147483647) / 2147483647, never = () => new Promise(() => {});
  const later = (ms) => new Promise((done) => setTimeout(done, ms));
  window.receive = async (message) => {
    if (!window.troubled || !/^code/.test(message.type)) return real(message);
    const fault = dice();
    if (fault < 0.2) return never();
    if (fault < 0.4) { await real(message); return never(); }
    if (fault < 0.6) { await real(message); return real(message); }
    await later(dice() * 900);
    const reply = await real(message);
    await later(dice() * 900);
    return reply;
  };
  window.troubled = true;
}"""

CELL = """
import json, os, threading
from pathlib import Path
import workbench as wb
from workbench.trajectories import Part, Run, Step

now = json.loads(Path("faults.json").read_text())
steps = [Step("chat", "", [Part("out", "assistant", "text", f"Words {at}.")]) for at in range(4)]
journal = wb.ratings.Journal.open(now["place"], create=False)
panel = wb.inspect([Run("mine", name="a", steps=steps)], annotator="ana", journal=journal)
heard = Path(now["heard"])
panel.on_msg(lambda *_: print(threading.current_thread().name, file=heard.open("a")))
Path(now["ran"]).write_text(str(os.getpid()))
panel
"""


@pytest.mark.parametrize("seed", [1, 2, 49])
def test_messages_that_are_lost_doubled_late_and_out_of_order(chromium, tmp_path, seed):
    place, taken = tmp_path / "codes.sqlite", {}
    widget = wb.inspect(CODING["some_runs"](), annotator="ana", journal=place)
    widget.first = widget.first | {"coding": widget.first["coding"] | {"wait": 300}}
    context = chromium.new_context(viewport={"width": 1600, "height": 900})
    context.add_init_script(FAULTS["SCRIPT"])
    context.expose_binding("took", lambda _, channel, act: taken.update({act["op_id"]: act}))
    coding = CODING["Coding"](chromium, widget, context=context)
    coding.at(0)
    coding.page.evaluate(MESSAGES)
    coding.page.locator(".wi-saved", has_text="saved").wait_for()
    annotator = Annotator(coding.page, taken, Random(seed))
    for _ in range(12):
        annotator.act()
        annotator.pause(0, 0.3)
    annotator.finish()
    annotator.saved(60_000)
    coding.page.evaluate("troubled = false")
    annotator.act()
    annotator.saved()
    coding.page.wait_for_timeout(8 * 300)  # what was asked in vain is asked again by then
    annotator.compare(str(place), "ana", annotator.shown())
    coding.context.close()


# What becomes of a message, or of its answer, as `fault` says of each: kept until it is let go, or lost.
GATES = """{
  const gates = [], gate = () => new Promise((done) => gates.push(done));
  let real = window.receive;
  window.fault = FAULT;
  const receive = async (message) => {
    const how = fault(message);
    if (how === "lost") return new Promise(() => {});
    if (how === "late") await gate();
    const reply = await real(message);
    if (how === "late answer") await gate();
    return reply;
  };
  Object.defineProperty(window, "receive", { get: () => receive, set(given) { real = given; } });
  window.release = async () => {
    gates.splice(0).forEach((open) => open());
    for (let n = 0; n < 5; n++) await new Promise((done) => setTimeout(done, 20));
  };
}"""
NO_FAULT = "() => ''"


@pytest.fixture
def gated(chromium, tmp_path):
    """Open the inspector for one coder, with what an earlier page kept; messages meet what `fault` says."""
    contexts = []

    def opens(fault=NO_FAULT, after=None):
        kept = after and after.page.context.storage_state()
        context = chromium.new_context(
            viewport={"width": 1600, "height": 900}, storage_state=kept or None
        )
        context.add_init_script(GATES.replace("FAULT", fault))
        contexts.append(context)
        if after:
            after.page.close()
        place = tmp_path / "codes.sqlite"
        widget = wb.inspect(CODING["some_runs"](), annotator="ana", journal=place)
        widget.first = widget.first | {"coding": widget.first["coding"] | {"wait": 300}}
        one = CODING["Coding"](chromium, widget, context=context)
        one.at(0)
        one.page.locator(".wi-saved", has_text="saved").wait_for()
        one.page.locator(".wi-steps").focus()
        return one

    yield opens
    for each in contexts:
        each.close()


def standing(tmp_path):
    with wb.ratings.Journal.open(tmp_path / "codes.sqlite", create=False) as journal:
        pile = Deeds.of(journal.events()).coders["ana"]
    return [each.last.body["labels"] for each in pile.standing("a")], pile.is_done("a")


def test_what_is_saved_late_stays_whatever_the_journal_said_before(gated, tmp_path):
    one = gated("({ type, act }) => type === 'codes' ? 'late answer' : act?.kind === 'annotate' ? 'late' : ''")  # fmt: skip
    one.page.evaluate("release()")
    one.press("a", "1", "Enter", "D", "u")  # what is undone is asked for again
    one.page.locator(".wi-saved", has_text="saved 2 of 3").wait_for()
    one.page.evaluate("() => { fault = ({ type }) => type === 'codes' ? 'late answer' : ''; }")
    one.saved(3)
    one.page.evaluate("release()")
    assert one.page.locator(".wi-codes li").count() == 1
    assert standing(tmp_path)[0] != []


def test_what_is_asked_in_vain_is_asked_again(gated, tmp_path):
    one = gated()
    one.press("a", "1", "Enter")
    one.page.locator(".wi-codes button", has_text="Change").click()
    one.press("1", "2", "Enter")
    one.saved(2)
    two = gated(after=one)
    name = two.page.locator(".wi-codes b").inner_text()
    two.page.evaluate("() => { let n = 0; fault = ({ type }) => type === 'codes' && n++ < 2 ? 'lost' : ''; }")  # fmt: skip
    two.press("u")
    two.page.wait_for_function("old => (document.querySelector('.wi-codes b')?.textContent ?? old) !== old", arg=name)  # fmt: skip
    assert standing(tmp_path)[0] == [["1.1 disobey task specification"]]


def test_what_was_kept_of_a_closed_page_does_not_overrule_what_was_done_after_it(gated, tmp_path):
    one = gated("({ act }) => act && act.n < 2 ? 'lost' : ''")
    one.press("D", "D")
    one.page.locator(".wi-saved", has_text="saved 1 of 2").wait_for()
    two = gated("({ type }) => type === 'code' ? 'late' : ''", after=one)
    two.page.locator(".wi-saved", has_text="saved 1 of 2").wait_for()
    done = two.page.locator(".wi-code-tools button", has_text="Run coded")
    assert done.get_attribute("aria-pressed") == "false"
    two.page.evaluate("() => { fault = () => ''; }")
    two.page.evaluate("release()")
    two.saved(2)
    assert (done.get_attribute("aria-pressed"), standing(tmp_path)[1]) == ("false", False)


class CodingPlace(RATING["LabPlace"]):
    """A notebook of one cell, in which somebody codes a run of four steps."""

    person, sign, source = Annotator, ".wi-coding .wi-saved:not(:empty)", CELL

    @contextmanager
    def rater(self, dice, raters=("ana",)):
        self.taken.clear()
        self.name, self.journal = "ana", str(self.folder / f"{time.monotonic_ns()}.sqlite")
        wb.ratings.Journal.open(self.journal).close()
        self.run()
        yield self.sitting("ana", dice, self.page)
        assert ("subshell" in self.heard.read_text()) == self.subshells


@pytest.fixture(scope="module")
def place(chromium, lab, tmp_path_factory):
    found = CodingPlace(chromium, lab, tmp_path_factory.mktemp("journals"), subshells=True)
    with RATING["Proxy"](int(lab.url.rpartition(":")[2])) as proxy, found.opened(proxy):
        yield found


@pytest.fixture
def dice(request, place):
    yield Random(f"{request.node.originalname} {RATING['SEED']}")
    place.proxy.mend()


for name in (
    "test_a_kill",
    "test_a_network_that_drops",
    "test_a_reload",
    "test_a_full_disk",
    "test_a_locked_database",
    "test_a_slow_database",
    "test_a_browser_that_keeps_nothing",
):
    globals()[name] = RATING[name]


def test_two_tabs(place, dice):
    with place.rater(dice) as one:
        one.act(2)
        two = place.second(dice)
        for _ in range(8):
            dice.choice([one, two]).act()
        shown = settle(place, one)
        two.saved()
        assert two.shown() == shown
        two.page.close()


def test_acknowledgements_out_of_order_late_and_twice(place, dice):
    with place.rater(dice) as rater:
        rater.act(1)
        rater.page.evaluate("faults.shuffles = true")
        rater.act(dice.randint(6, 10))
        settle(place, rater)
        assert rater.page.evaluate("faults.shuffled") >= 6
        rater.page.evaluate("faults.shuffles = false")
