"""Reading with the inspector in a real browser: the list of runs, playing, searching, links."""

import json
import runpy
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from playwright.sync_api import expect

import workbench as wb
from workbench.trajectories import Runs, Step, Usage
from workbench.trajectories.model import Part
from workbench.widgets.inspector import inspect

pytestmark = pytest.mark.browser

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
a_run, assert_accessible, at, called, long_run, said = (
    SHARED[name] for name in ("a_run", "assert_accessible", "at", "called", "long_run", "said")
)


def failing(name, **more):
    wanted = Step("wb.input", "", [Part("in", "user", "text", "Book flight BA1234 for me.")])
    wrong = called('{"seats": 3}', '{"flight": "BA1243"}', agent="booker")
    wrong.parts[0].arguments = {"flight": "BA1243"}
    return a_run(wanted, wrong, name=name, outcome=0.0, **more)


def some_runs(n=60):
    """Runs of three tasks, of which each third fails."""
    return Runs.of(
        [
            failing(f"r{at}", task_id=str(at % 3), agent="bot" if at % 2 else "cat", model="m")
            if at % 3 == 2
            else a_run(
                *[said("ok", usage=Usage(at, output_tokens=1, cost_usd=0.01))] * (at + 1),
                name=f"r{at}",
                task_id=str(at % 3),
                agent="bot" if at % 2 else "cat",
                outcome=1.0,
            )
            for at in range(n)
        ]
    )


def rows(page, of=".wi-runs"):
    """Return what stands in the rows in the page: name, outcome, facts, and what else is told."""
    return page.locator(f"{of} .wi-row").evaluate_all(
        """(rows) => rows.map((row) => [".wi-run-name", ".wi-outcome", ".wi-facts:not(.wi-told)", ".wi-told"].flatMap((part) => row.querySelector(part)?.textContent ?? []))"""
    )


def lines(page, of):
    return [row.inner_text().split("\n") for row in page.locator(f"{of} .wi-row").all()]


# ---------------------------------------------------------------------------- the list of runs


def test_runs_stand_in_groups_that_open_and_close(read):
    page = read(some_runs()).page
    page.get_by_text("60 of 60", exact=True).wait_for()
    page.get_by_label("Runs grouped by").select_option("task")
    first = rows(page)[0]
    assert first[0].endswith("task 0, open")
    assert first[1:] == ["20 runs", "20 of 20 succeeded (100 %) · median 29.5 steps · $5.90 in all · 23k tokens in all"]  # fmt: skip
    runs = page.locator(".wi-runs")
    runs.focus()
    page.keyboard.press("ArrowLeft")
    assert [row[0] for row in rows(page)[:2]] == ["▸task 0, closed", "▾task 1, open"]
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert [row[0] for row in rows(page)[:3]] == [
        "▸task 0, closed",
        "▸task 1, closed",
        "▾task 2, open",
    ]
    assert rows(page)[2][2].startswith("0 of 20 succeeded (0 %)")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator(".wi-run-facts summary").inner_text().startswith("task 2 ✗ failed")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert rows(page)[0][0] == "▾task 0, open"
    assert_accessible(page)


def test_the_order_turns_round_and_what_is_missing_stays_last(read):
    page = read(some_runs()).page
    page.get_by_label("Runs sorted by").select_option("cost")
    assert rows(page)[0][2].startswith("$0.59")
    page.get_by_label("Turn the order round").click()
    assert rows(page)[0][2].startswith("$0.01")
    page.locator(".wi-runs").focus()
    page.keyboard.press("End")
    assert rows(page)[-1][1] == "✗ failed"  # it cost nothing that is known


def test_filters_are_chips_with_counts_and_can_be_taken_away(read):
    page = read(some_runs()).page
    page.get_by_text("60 of 60", exact=True).wait_for()
    page.locator(".wi-filters summary").click()
    tool, agent = (
        page.get_by_role("group", name=f"Filter by {each}") for each in ("tool", "agent")
    )
    agent.locator("button").nth(1).wait_for()
    assert tool.count() == 0  # of one tool none is chosen
    assert sorted(agent.locator("button").all_inner_texts()) == ["bot 30", "cat 30"]
    page.get_by_role("button", name="failed 20", exact=True).click()
    page.get_by_text("20 of 60", exact=True).wait_for()
    assert sorted(agent.locator("button").all_inner_texts()) == ["bot 10", "cat 10"]
    assert page.evaluate("document.activeElement.textContent") == "failed 20"
    page.get_by_role("button", name="bot 10", exact=True).click()
    page.get_by_text("10 of 60", exact=True).wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="Remove the filter failed").click()
    page.get_by_text("30 of 60", exact=True).wait_for()
    page.get_by_label("Filter runs").fill("r1")
    page.get_by_text("6 of 60", exact=True).wait_for()
    page.get_by_role("button", name="Show all runs").click()
    page.get_by_text("60 of 60", exact=True).wait_for()


def test_suspects_of_all_runs_are_ranked_and_sort_them(read):
    reading = read(some_runs())
    page = reading.page
    page.get_by_label("Runs sorted by").select_option("suspects")
    page.get_by_text("Suspects were ranked in 20 runs that did not succeed").wait_for()
    shown = rows(page)
    assert shown[0][3].startswith("? step 1, agent reasoning, ")
    assert all(len(row) == 4 for row in shown[: min(20, len(shown))])
    page.locator(".wi-filters summary").click()
    page.get_by_role("button", name="with suspects 20").click()
    page.get_by_text("20 of 60", exact=True).wait_for()


def test_a_thousand_runs_of_hostile_names_are_some_rows(read):
    name = "\U0001f600<b>\x01" * 3_000
    runs = [a_run(said("x"), name=f"{at}{name}", task_id=f"{at % 7}{name}", agent=name) for at in range(1_000)]  # fmt: skip
    page = read(runs).page
    page.get_by_text("1,000 of 1,000", exact=True).wait_for(timeout=30_000)
    page.get_by_label("Runs grouped by").select_option("task")
    page.locator(".wi-runs").focus()
    page.keyboard.press("End")
    page.wait_for_timeout(200)
    assert 3 < page.locator(".wi-runs .wi-row").count() <= 60
    slow = page.evaluate(
        """async () => {
          const list = document.querySelector(".wi-runs"), waits = [];
          for (let at = 0; at < 20; at++) {
            const since = performance.now();
            list.scrollTop = at * 2000;
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            waits.push(performance.now() - since);
          }
          return waits.sort((a, b) => a - b)[10];
        }"""
    )
    assert slow < 200


# -------------------------------------------------------------------------------- the steps


def test_only_steps_of_one_sort_are_shown_under_their_own_numbers(read):
    reading = read(long_run(10_000))
    page = reading.page
    reading.at(0)
    chips = page.get_by_role("group", name="Steps shown")
    chips.get_by_role("button", name="tools").click()
    page.get_by_text("step 0 of 10,000 (from 0); 3,333 shown").wait_for()
    page.locator(".wi-steps").focus()
    reading.press("j")
    page.get_by_text("step 2 of 10,000", exact=False).wait_for()
    reading.press("j", "j", "End")
    page.get_by_text("step 9998 of 10,000", exact=False).wait_for()
    page.locator(".wi-steps .wi-row[aria-selected=true] .wi-kind-tool").wait_for()
    assert lines(page, ".wi-steps")[-1][0] == "9998"
    assert page.locator(".wi-steps .wi-row").count() <= 60
    reading.press("0")
    reading.at(9_998)
    assert chips.get_by_role("button", name="all").get_attribute("aria-pressed") == "true"
    chips.get_by_role("button", name="errors").click()
    page.locator(".wi-steps").focus()
    reading.press("Home")
    page.get_by_text("step 1001 of 10,000", exact=False).wait_for()
    page.keyboard.press("Escape")
    reading.at(1_001)
    assert chips.get_by_role("button", name="all").get_attribute("aria-pressed") == "true"


def test_keys_go_to_other_agents_and_to_findings(read):
    steps = [said(str(at), agent=name) for at, name in enumerate("aabba")]
    steps[3].status = "error"
    steps[3].error_message = "no"
    table = pd.DataFrame({"check": ["mine"], "subject": ["a#1"], "severity": ["error"], "evidence": ["odd"]})  # fmt: skip
    reading = read(inspect(a_run(*steps), findings=table))
    page = reading.page
    reading.at(0)
    page.get_by_role("button", name="finding 1 mine: odd").wait_for()
    for key, step in (("g", 2), ("g", 4), ("G", 3), ("F", 1), ("f", 3)):
        page.keyboard.press(key)
        reading.at(step)
    page.get_by_text("error: no").first.wait_for()
    page.keyboard.press("f")
    page.get_by_text("The outline has nothing after this step.").wait_for()
    page.get_by_role("group", name="Steps shown").get_by_role(
        "button", name="b", exact=True
    ).click()
    page.get_by_text("2 shown").wait_for()


def test_a_run_is_played_until_somebody_moves_or_it_ends(read):
    reading = read(long_run(400), reduced_motion="reduce")
    page = reading.page
    reading.at(0)
    page.keyboard.press(" ")
    page.get_by_text("Playing from step 0, 1×; the space bar pauses.").wait_for()
    for _ in range(3):
        page.keyboard.press("+")
    page.get_by_text("Speed 8×.").wait_for()
    # no step stays for long enough that a busy machine sees each
    page.wait_for_function(
        "() => document.querySelector('.wi-steps .wi-row[aria-selected=true]')?.dataset.at > 5"
    )
    page.keyboard.press("k")
    page.locator(".wi-status", has_text="Paused at step").wait_for()
    step = page.locator(".wi-link").inner_text()
    page.wait_for_timeout(600)
    assert page.locator(".wi-link").inner_text() == step
    reading.press("End", "k", "k", "k")
    page.get_by_role("button", name="▶ Play").click()
    page.get_by_text("Played to the end, step 399.").wait_for()
    page.keyboard.press("-")
    page.get_by_text("Speed 4×.").wait_for()
    assert_accessible(page)


def test_playing_waits_for_a_busy_kernel_and_ends_when_it_is_taken_away(read):
    reading = read(long_run(40))
    reading.at(0)
    reading.page.evaluate("window.busy = true")
    reading.press("j", " ")
    reading.page.get_by_text("The kernel is busy").wait_for()
    before = reading.page.locator(".wi-steps .wi-row[aria-selected=true] .wi-at").inner_text()
    reading.page.wait_for_timeout(1_500)
    assert reading.page.locator(".wi-steps .wi-row[aria-selected=true] .wi-at").inner_text() == before  # fmt: skip
    reading.page.evaluate("answer()")
    reading.page.get_by_text("The kernel is busy").wait_for(state="hidden")
    reading.page.evaluate("quit()")
    n = reading.page.evaluate("traffic.length")
    reading.page.wait_for_timeout(1_500)
    assert reading.page.evaluate("traffic.length") == n


# -------------------------------------------------------------------------------- searching


def test_a_search_shows_what_stands_around_and_goes_through_all_runs(read):
    runs = [a_run(said(f"the cat {at}"), said("dog"), said("Cat <b>here</b>"), name=f"r{at}") for at in range(4)]  # fmt: skip
    reading = read(runs)
    page = reading.page
    page.keyboard.press("/")
    page.keyboard.type("cat")
    page.get_by_text("2 in this run, 8 in 4 runs", exact=True).wait_for()
    page.locator(".wi-results mark").first.wait_for()
    shown = lines(page, ".wi-results")
    assert shown[0] == ["r0", "2 hits"]
    assert "".join(shown[2][1:]) == "Cat <b>here</b>"
    for step, run in ((2, "r0"), (0, "r1"), (2, "r1"), (0, "r2")):
        page.keyboard.press("Enter")
        reading.at(step)
        assert page.locator(".wi-link").inner_text().startswith(f'runs["{run}"]')
        page.get_by_text("2 in this run", exact=False).wait_for()
    page.keyboard.press("Shift+Enter")
    reading.at(2)
    assert page.locator(".wi-link").inner_text().startswith('runs["r1"]')
    page.get_by_role("button", name="Match case").click()
    page.get_by_text("1 in this run, 4 in 4 runs", exact=True).wait_for()
    page.get_by_role("button", name="Regular expression").click()
    page.get_by_label("Search all steps").fill("(cat|dog")
    page.get_by_text("This is no regular expression: missing ) at position 8.").wait_for()
    assert page.locator(".wi-results").is_hidden()
    page.get_by_label("Search all steps").fill("d.g$")
    page.get_by_text("1 in this run, 4 in 4 runs", exact=True).wait_for()
    page.get_by_label("Search in").select_option("results")
    page.get_by_text("0 in this run, 0 in 0 runs", exact=True).wait_for()
    page.get_by_label("Search in").select_option("said")
    page.get_by_text("1 in this run, 4 in 4 runs", exact=True).wait_for()
    page.locator(".wi-results mark").first.wait_for()
    page.locator(".wi-found-list").focus()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className").split()[-1] == "wi-steps"
    assert_accessible(page)


def test_the_first_hits_in_100_000_steps_are_there_at_once(read):
    page = read(long_run(100_000)).page
    took = page.evaluate(
        """async () => {
          const input = document.querySelector(".wi-tools input"), since = performance.now();
          input.value = "number 1";
          input.dispatchEvent(new Event("input"));
          await new Promise((done) => { const look = () => document.querySelector(".wi-row.wi-hit") ? done() : requestAnimationFrame(look); look(); });
          return performance.now() - since;
        }"""
    )
    assert took < 900  # 500 on a machine of its own


# ----------------------------------------------------------------------------- from elsewhere


def test_a_panel_is_moved_from_python_and_tells_where_it_is_read(read):
    widget = inspect(some_runs(), at=("r4", 2))
    reading = read(widget)
    page = reading.page
    reading.at(2)
    assert page.locator(".wi-link").inner_text().startswith('runs["r4"]')
    page.keyboard.press("j")
    reading.at(3)
    assert widget.at == ("r4", 3)
    sent = []
    widget.send = lambda message, buffers=None: sent.append(message)
    widget.show("r7", 5)
    page.evaluate("message => tell(message)", sent[0])
    reading.at(5)
    assert page.locator(".wi-link").inner_text().startswith('runs["r7"]')


def test_scores_and_ratings_stand_beside_their_runs(read):
    scores = pd.DataFrame({"run_id": ["r0", "r0"], "output_id": ["x", "x"], "metric": ["BLEU", "TER"], "value": [31.4, 2.0]})  # fmt: skip
    ratings = pd.DataFrame({"run_id": ["r0", "r0"], "question": "good?", "value": ["yes", "no"]})
    page = read(inspect(some_runs(), scores=scores, ratings=ratings)).page
    assert rows(page)[0][3] == "BLEU 31.40 · TER 2.00 · good? 1 × yes, 1 × no"
    page.locator(".wi-run-facts summary").click()
    expect(page.locator(".wi-text-link")).to_have_text("run r0, step 0 of 1 (from 0): chat ok")
    facts = page.locator(".wi-run-facts dl").inner_text()
    for each in ("run id", "r0", "row id", "output id", "BLEU 31.40", "good? 1 × yes, 1 × no"):
        assert each in facts
    assert_accessible(page)


# ------------------------------------------------------------------------------------- file


def test_a_file_does_all_of_it_alone(visit, tmp_path):
    runs = [
        *some_runs(30),
        a_run(*(said(str(at), agent=name) for at, name in enumerate("aabba")), name="ag"),
    ]
    inspect(runs, at=("r4", 2)).to_html(tmp_path / "r.html")
    seen = visit((tmp_path / "r.html").as_uri())
    page = seen.page
    at(page, 2)
    page.wait_for_url("**#run=r4&step=2")
    page.evaluate("location.hash = '#run=ag&step=1'")
    at(page, 1)
    for key, step in (("g", 2), ("G", 1)):
        page.keyboard.press(key)
        at(page, step)
    page.get_by_role("group", name="Steps shown").get_by_role(
        "button", name="b", exact=True
    ).click()
    page.get_by_text("2 shown").wait_for()
    page.get_by_label("Runs sorted by").select_option("suspects")
    page.get_by_text("Suspects were ranked in 11 runs").wait_for()
    search = page.get_by_label("Search all steps")
    search.fill("BA12")
    page.get_by_text("10 runs", exact=False).first.wait_for()
    page.locator(".wi-results mark").first.wait_for()
    page.get_by_role("button", name="Regular expression").click()
    search.fill("BA12(34|43)")
    page.get_by_text("20 in 10 runs", exact=False).wait_for()
    search.fill("(a")
    page.get_by_text("This is no regular expression").wait_for()
    assert (seen.console, {url.split("#")[0] for url in seen.requests if not url.startswith("blob:")}) == ([], {page.url.split("#")[0]})  # fmt: skip
    again = visit(f"{(tmp_path / 'r.html').as_uri()}#run=r7&step=5").page
    at(again, 5)
    assert again.locator(".wi-link").inner_text().startswith('runs["r7"]')


def test_an_expression_that_explodes_does_not_freeze_a_file(visit, tmp_path):
    inspect(a_run(said("a" * 60 + "b"))).to_html(tmp_path / "r.html")
    page = visit((tmp_path / "r.html").as_uri()).page
    at(page, 0)
    page.get_by_role("button", name="Regular expression").click()
    page.evaluate(
        "() => { window.tasks = []; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration))).observe({ type: 'longtask' }); }"
    )
    page.get_by_label("Search all steps").fill("(a|aa)+$")
    page.get_by_text("This expression takes longer than 2 s").wait_for(timeout=10_000)
    assert max(page.evaluate("tasks"), default=0) < 200


# ---------------------------------------------------------------------------- how it looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 900])
def test_everybody_can_read_so(read, scheme, width):
    reading = read(some_runs(), color_scheme=scheme, viewport={"width": width, "height": 900})
    page = reading.page
    reading.at(0)
    page.get_by_label("Runs grouped by").select_option("outcome")
    page.locator(".wi-filters summary").click()
    page.get_by_role("button", name="failed 20", exact=True).click()
    page.locator(".wi-run-facts summary").click()
    page.get_by_label("Search all steps").fill("BA12")
    page.locator(".wi-results mark").first.wait_for()
    assert_accessible(page)
    sizes = page.evaluate(
        "[...document.querySelectorAll('.workbench-inspector :is(button, select, input, summary)')].filter((each) => each.offsetParent).map((each) => each.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 24


# -------------------------------------------------------------------- the real logs, and a notebook


@pytest.mark.shared
def test_the_runs_of_tau_bench_read_well(read, shared):
    path = shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz"
    reading = read(wb.trajectories.read(path, format="tau-bench"))
    page = reading.page
    page.get_by_text("200 of 200", exact=True).wait_for()
    page.locator(".wi-filters summary").click()
    tools = page.get_by_role("group", name="Filter by tool")
    tools.locator("button").nth(9).wait_for()
    assert tools.locator("button").count() == 10
    assert tools.get_by_label("More: tool").locator("option").count() == 5
    tools.get_by_label("More: tool").select_option(index=1)
    page.get_by_role("button", name="Remove the filter").wait_for()
    assert reading.page.locator(".wi-runs .wi-row").count() <= 60


KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}


def test_python_moves_a_panel_in_jupyterlab(visit, lab):
    code = [
        "import workbench as wb\npanel = wb.inspect(wb.trajectories.read('claims-agent')[:20])\npanel",
        "panel.show(panel.runs.ids[7], 3)\npanel.at",
    ]
    cells = [nbformat.v4.new_code_cell(each) for each in code]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), lab.folder / "reading.ipynb"
    )
    with lab.session("reading.ipynb") as url:
        seen = visit(url, viewport={"width": 1600, "height": 1200})
        seen.run_all(2)
        at(seen.page, 3)
        link = seen.page.locator(".wi-link").inner_text()
        run_id = json.loads(link[len("runs[") : link.index("]")])
        assert f"('{run_id}', 3)" in seen.page.locator(".jp-OutputArea-output").last.inner_text()
