"""The timeline as far as Python goes: bars beside each other, waits, sums, tiles, and a picture."""

import json
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.trajectories import Run, Runs, Step, Usage
from workbench.trajectories.analysis.durations import critical_path, run_times
from workbench.trajectories.model import counted_usage
from workbench.widgets.inspector import inspect, lanes, timeline
from workbench.widgets.inspector.timeline import CRITICAL, ERROR, POINT, Timeline
from workbench.widgets.inspector.timeline_svg import ticks, timeline_svg

SECOND = 10**9


def timed(start, end, kind="chat", **more):
    end = None if end is None else int(end * SECOND)
    return Step(kind, "", start_ns=int(start * SECOND), end_ns=end, **more)


def a_run(*steps, name="a", **more):
    more = {"time_source": "recorded", **more}
    return Run("mine", name=name, steps=list(steps), **more)


def tile_of(line, power=None, place=0):
    return line.page(line.power if power is None else power, place)["tile"]


def bars_of(line):
    """Return begin, end, lane and flags of each step that has a bar."""
    rows = zip(line.steps, line.starts, line.ends, line.lanes, line.flags, strict=True)
    return {int(step): (int(a), int(b), int(lane), int(flags)) for step, a, b, lane, flags in rows}


# --------------------------------------------------------------------------------------- lanes


intervals = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), max_size=25)


@given(intervals, st.integers(1, 30))
def test_lanes_never_overlap_and_there_are_no_more_than_run_at_once(found, most):
    found = sorted((start, start + length) for start, length in found)
    starts, ends = np.array([each[0] for each in found], int), np.array([each[1] for each in found], int)  # fmt: skip
    lane = lanes.packed(starts, ends, most).tolist()
    instants = [sum(start <= at < max(end, start + 1) for start, end in found) for at in range(60)]
    assert max(lane, default=-1) < most
    if max(instants) <= most:
        assert -1 not in lane
        assert len(set(lane)) == max(instants)
    for each in set(lane) - {-1}:
        own = [found[at] for at, other in enumerate(lane) if other == each]
        assert all(max(one[1], one[0] + 1) <= two[0] for one, two in pairwise(own))


@given(intervals)
def test_gaps_are_the_instants_in_which_nothing_runs(found):
    found = sorted((start, start + length) for start, length in found)
    starts, ends = np.array([each[0] for each in found], int), np.array([each[1] for each in found], int)  # fmt: skip
    told = lanes.gaps(starts, ends, 0, 60).tolist()
    idle = [at for at in range(60) if not any(start <= at < end for start, end in found)]
    assert [at for start, end in told for at in range(start, end)] == idle
    assert all(start < end for start, end in told)


@given(intervals)
def test_a_crowd_counts_who_touches_a_bin(found):
    starts = np.sort(np.array([start for start, _ in found], int))
    ends = np.sort(np.array([start + length + 1 for start, length in found], int))
    edges = np.arange(0, 61, 10)
    naive = [
        sum(start < high and start + length + 1 > low for start, length in found)
        for low, high in pairwise(edges.tolist())
    ]
    assert lanes.crowd(starts, ends, edges).tolist() == naive


# ------------------------------------------------------------------------------------- figures


def demo():
    return a_run(
        timed(0, 30, "invoke_agent", agent="planner", usage=Usage(6_200, output_tokens=500)),
        timed(1, 4, parent=0, usage=Usage(1_200, cached_tokens=400, output_tokens=150, cost_usd=0.01)),
        timed(4, 9, "execute_tool", tool="search", parent=0, call_step=1),
        timed(4, 6, "execute_tool", tool="<b>&\"'\x1b", parent=0, call_step=1, status="error"),
        timed(15, 25, agent="booker", parent=0, usage=Usage(5_000, cached_tokens=4_000, output_tokens=350, cost_usd=0.05)),
        timed(14, None, "wb.state", parent=0),
        Step("wb.other", "", parent=0),
    )  # fmt: skip


def test_the_words_say_what_was_busy_waiting_and_left_out():
    assert Timeline.of(demo()).head["words"] == [
        "30 s in all: busy 18 s, waiting 12 s (40% in 3 gaps), critical path 18 s in 3 steps.",
        "1 step without times is not drawn.",
        "1 step without an end is drawn as points.",
        "6,200 tokens in (4,400 from a cache), 500 tokens out, $0.06.",
    ]


def test_each_bar_stands_in_a_lane_of_its_agent_with_its_marks():
    line = Timeline.of(demo())
    assert line.head["groups"] == [["planner", 3], ["booker", 1]]
    assert (line.head["unit"], line.head["span"], line.head["origin"]) == (1, 30 * SECOND, "0")
    bars = bars_of(line)
    assert {step: (lane, flags) for step, (_, _, lane, flags) in bars.items()} == {
        0: (0, 0),
        1: (1, CRITICAL),
        2: (1, CRITICAL),
        3: (2, ERROR),
        4: (3, CRITICAL),
        5: (1, POINT),
    }
    assert line.waits.tolist() == [[0, SECOND], [9 * SECOND, 15 * SECOND], [25 * SECOND, 30 * SECOND]]  # fmt: skip
    assert [each[0] for each in line.head["longest"]] == [0, 4, 2, 1, 3]


def test_a_run_without_times_has_a_unit_for_each_step():
    line = Timeline.of(
        a_run(Step("chat", "", usage=Usage(5)), Step("execute_tool", ""), Step("chat", "", agent="b"), time_source="none")
    )  # fmt: skip
    assert line.head["words"] == [
        "No times were recorded: one unit per step.",
        "5 tokens in, out not recorded.",
    ]
    assert [(a, b) for a, b, *_ in bars_of(line).values()] == [(0, 1), (1, 2), (2, 3)]
    assert (line.head["span"], line.head["longest"], line.waits.tolist()) == (3, [], [])
    assert tile_of(line)["spent"] == [[0, 5, None, None, None]]
    assert Timeline.of(a_run(time_source="none")).head["span"] == 1


def test_what_only_the_run_states_is_said_to_be_so():
    words = Timeline.of(a_run(timed(0, 1), recorded=Usage(7, output_tokens=1, cost_usd=0.5))).head["words"]  # fmt: skip
    assert words[-1] == "7 tokens in, 1 token out, $0.50 (stated for the run, not for its steps)."


def test_times_that_are_derived_or_only_begin_are_said_to_be_so():
    words = Timeline.of(a_run(timed(0, None), timed(3, None), time_source="derived")).head["words"]
    assert words == [
        "The times are derived, not recorded.",
        "No step says how long it took: each is a point where it began.",
    ]


some = st.none() | st.integers(0, 12)
steps = st.lists(
    st.builds(
        lambda start, length, **more: Step("chat", "", start_ns=start, end_ns=None if start is None or length is None else start + length, **more),
        some, st.none() | st.integers(-1, 6), parent=st.none() | st.integers(0, 9), agent=st.sampled_from([None, "a", "b"]),
        usage=st.none() | st.builds(Usage, some, cached_tokens=some, output_tokens=some, cost_usd=st.none() | st.floats(0, 9)),
    ),
    max_size=10,
)  # fmt: skip


@given(steps)
def test_waits_and_work_are_the_span_and_the_critical_path_is_that_of_the_analysis(steps):
    for at, step in enumerate(steps):
        step.parent = None if step.parent is None or step.parent >= at else step.parent
    run = a_run(*steps)
    line, runs = Timeline.of(run), Runs.of([run])
    bars = bars_of(line)
    for lane in {lane for _, _, lane, _ in bars.values()}:
        own = sorted((a, b) for a, b, other, _ in bars.values() if other == lane)
        assert all(max(one[1], one[0] + 1) <= two[0] for one, two in pairwise(own))
    times = run_times(runs)
    waiting = int((line.waits[:, 1] - line.waits[:, 0]).sum())
    if line.head["recorded"] and times["n_timed"].sum():
        assert waiting == round(times["waiting_s"].iloc[0] * SECOND)
        critical = {step for step, (*_, flags) in bars.items() if flags & CRITICAL}
        assert critical == set(critical_path(runs)["step"])
    else:
        assert waiting == 0
    assert_spent(line, run)


def assert_spent(line, run):
    """What the lanes of tokens and dollars hold is what the run took, but for steps without times."""
    usage, tile = counted_usage(run), tile_of(line)
    recorded = line.head["recorded"]
    left_out = any(step.usage and step.start_ns is None for step in run.steps) and recorded
    for column, name in enumerate(timeline.FIGURES, start=1):
        told = [each[column] for each in tile["spent"] if each[column] is not None]
        if not left_out and (told or getattr(usage, name) is not None):
            assert sum(told) == pytest.approx(getattr(usage, name))


# --------------------------------------------------------------------------------------- tiles


def many(n, seed=0, width=1.0):
    rng = np.random.default_rng(seed)
    starts, lengths = np.cumsum(rng.exponential(0.5, n)), rng.exponential(width, n)
    inner = [
        timed(a, a + b, "execute_tool" if at % 3 else "chat", tool=f"t{at % 4}", parent=0,
              usage=Usage(at % 700, cached_tokens=at % 50, output_tokens=5, cost_usd=0.001), status="error" if at % 997 == 0 else "ok")
        for at, (a, b) in enumerate(zip(starts, lengths, strict=True))
    ]  # fmt: skip
    return a_run(timed(0, starts[-1] + 50, "invoke_agent"), *inner)


def test_every_tile_counts_each_step_once():
    run = many(3_000)
    line = Timeline.of(run)
    for power in range(line.power, line.power - 8, -1):
        tiles = [tile_of(line, power, place) for place in range(1 << (line.power - power))]
        alone = {tuple(block[3:]) for tile in tiles for block in tile["blocks"] if block[4] == 1}
        joined = [block[4] for tile in tiles for block in tile["blocks"] if block[4] > 1]
        assert len(alone) + sum(joined) == 3_001
        assert sum(each[1] or 0 for tile in tiles for each in tile["spent"]) == counted_usage(run).input_tokens  # fmt: skip
        assert sum(each[4] or 0 for tile in tiles for each in tile["spent"]) == pytest.approx(counted_usage(run).cost_usd)  # fmt: skip
    assert all(tile["whole"] for tile in tiles)
    waits = {(wait[0] + tile["from"], wait[1] + tile["from"]) for tile in tiles for wait in tile["waits"]}  # fmt: skip
    assert sorted(waits) == [tuple(each) for each in line.waits.tolist()]


def test_joined_steps_keep_the_marks_of_each():
    run = many(3_000)
    tile = tile_of(Timeline.of(run))
    assert sum(block[7] & ERROR > 0 for block in tile["blocks"]) >= 1
    assert all(block[6] == -1 for block in tile["blocks"] if block[4] > 1)
    assert {block[5] for block in tile["blocks"]} == {0, 1, 2}


@pytest.mark.parametrize("width", [0.01, 1.0, 60.0])
def test_a_page_is_small_however_many_steps_there_are(width):
    line = Timeline.of(many(6_000, width=width))
    for power in range(line.power, max(6, line.power - 18), -1):
        for place in {0, 1, 5}:
            page = line.page(power, place)
            assert len(json.dumps(page)) <= 60_000
    assert len(json.dumps(line.page(-1, 0))) <= 60_000


def test_steps_for_which_there_is_no_lane_are_counted():
    line = Timeline.of(a_run(*(timed(0, 100 + at) for at in range(200))))
    assert line.head["groups"] == [["", 40]]
    assert "160 steps for which the lanes are too few are counted below them." in line.head["words"]
    assert max(each[2] for each in tile_of(line)["more"]) == 160
    assert len(tile_of(line)["blocks"]) == 40


def test_5_000_steps_inside_each_other_and_times_beyond_every_clock_are_drawn():
    nest = a_run(*(timed(at, 20_000 - at, parent=at - 1 if at else None) for at in range(5_000)))
    assert len(timeline.pieces(nest)) < 50
    line = Timeline.of(a_run(timed(0, 10**9), Step("chat", "", start_ns=2**70, end_ns=2**71)))
    assert line.head["span"] <= 2**40
    assert "1 step without times is not drawn." in line.head["words"]


def test_requests_that_make_no_sense_are_answered():
    widget = inspect(demo())
    for part, place in ((99, 0), (5, -3), (5, 10**25), (-1, 7), (10**25, 10**25)):
        reply = widget.answer({"type": "timeline", "run": 0, "part": part, "from": place})
        assert set(reply) <= {"tile", "head"}
    odd = a_run(timed(0, 1, kind="\ud83d<b>", usage=Usage(2**80, cost_usd=float("nan"))))
    json.dumps(Timeline.of(odd).page(5, 0), allow_nan=False).encode()
    wide = "\U0001f600" * 99
    kinds = a_run(
        *(
            timed(at, at + 1, kind=f"{at}{wide}", tool=f"{at}{wide}", agent=f"{at}{wide}")
            for at in range(500)
        )
    )
    head = Timeline.of(kinds).head
    assert len(head["kinds"]) == 61
    assert len(json.dumps(head, ensure_ascii=False).encode()) < 64_000


def test_the_pieces_of_a_file_are_the_tiles_down_to_single_steps():
    run = many(4_000)
    line, found = Timeline.of(run), timeline.pieces(run)
    assert found["l"] == {"head": line.head, **line.page(line.power, 0)}
    seen = set()
    for name, piece in found.items():
        if name != "l":
            power, place = map(int, name[1:-1].split("-"))
            assert piece == line.page(power, place)
            assert (line.power - power) % 2 == 0
        if piece["tile"]["whole"]:
            seen |= {block[3] for block in piece["tile"]["blocks"]}
    assert seen == set(range(4_001))
    assert list(timeline.pieces(demo())) == ["l"]


# ------------------------------------------------------------------------------------- picture


def test_the_picture_is_xml_and_the_same_twice(hostiles):
    runs = [demo(), many(3_000), a_run(*(timed(at, at + 1, "execute_tool", tool=text, agent=text) for at, text in enumerate(hostiles.values())), name="c")]  # fmt: skip
    for run in runs:
        text = timeline_svg(run)
        assert text == timeline_svg(run)
        root = ET.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert not root.findall(".//{http://www.w3.org/2000/svg}script")
        assert all(not name.startswith("on") for each in root.iter() for name in each.attrib)


def test_the_picture_of_a_small_run_has_its_size_and_parts():
    run = demo()
    root = ET.fromstring(inspect(run).timeline_svg("a"))
    assert (root.get("width"), root.get("height")) == ("1000", "386")
    rects = root.findall(".//{http://www.w3.org/2000/svg}rect")
    bars = {each[0].text: each for each in rects if (each.get("class") or "").startswith("bar")}
    assert [float(bars[next(each for each in bars if each.startswith(name))].get("width")) for name in ("step 0", "step 1", "step 4,")] == [996, 99.6, 332]  # fmt: skip
    waits = [each for each in rects if each.get("class") == "wait"]
    assert [float(each.get("width")) for each in waits] == [33.2, 199.2, 166]
    told = " ".join(root.itertext())
    assert "waits 6 s" in told
    assert "step 3, tool <b>&\"'�, 2 s, error" in told
    assert all(word in root.get("aria-label") for word in Timeline.of(run).head["words"])


def test_the_ticks_are_round():
    for span, unit, labels in (
        (7, SECOND, ["0 s", "2 s", "4 s", "6 s"]),
        (9, 10**6, ["0 ms", "5 ms"]),
        (600, SECOND, ["0 s", "5 min", "10 min"]),
        (90_000, SECOND, ["0 s", "12 h", "24 h"]),
        (3 * 86_400, SECOND, ["0 s", "24 h", "48 h", "72 h"]),
    ):
        head = {"span": span, "unit": unit, "recorded": True}
        assert [label for _, label in ticks(head, 4)] == labels
    order = {"span": 26, "unit": 1, "recorded": False}
    assert ticks(order, 4) == [(0, "0"), (10, "10"), (20, "20")]


@pytest.mark.shared
def test_the_timeline_of_every_real_log_adds_up(shared):
    from workbench.trajectories import read

    for name in ("swe-agent", "inspect", "openinference", "tau-bench", "who_and_when", "tau2-voice"):  # fmt: skip
        runs = read(shared / "trajectories" / name)
        for run in [runs[at] for at in range(min(len(runs), 12))]:
            line = Timeline.of(run)
            assert len(line.steps) + len(line.more[0]) <= len(run.steps)
            ET.fromstring(timeline_svg(run))
            if tile_of(line)["whole"] and any(step.usage for step in run.steps):
                assert_spent(line, run)
            if line.head["recorded"]:
                times = run_times(Runs.of([run])).iloc[0]
                if times["n_timed"]:
                    waiting = (line.waits[:, 1] - line.waits[:, 0]).sum() * line.head["unit"]
                    assert waiting / SECOND == pytest.approx(times["waiting_s"], abs=1e-6)
