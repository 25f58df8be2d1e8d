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


@pytest.mark.parametrize("seed", [1, 2])
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
    annotator.compare(str(place), "ana", annotator.shown())
    coding.context.close()


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
