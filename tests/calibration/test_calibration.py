"""The table of calibration: what it promises, and a part of it found again."""

import importlib
import math
import re
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent
PAGE = (FOLDER.parents[1] / "docs" / "calibration.md").read_text(encoding="utf-8")
N_WORLDS = int(re.search(r"([\d,]+) worlds per line", PAGE)[1].replace(",", ""))
ALPHA = 0.05


def table(first, n_columns):
    """The lines of the table whose header begins with a word, figures as numbers."""
    (block,) = re.findall(rf"\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE)
    lines = [[each.strip() for each in line.strip("|").split("|")] for line in block.splitlines()]
    assert all(len(line) == n_columns for line in lines)
    return {(name, int(n)): [float(each) for each in rest] for name, n, *rest in lines}


CELLS = table("world \\| n \\| size", 8)
FAMILIES = table("family", 5)
BAD = table("test", 3)


def errors(share, n_worlds, n_errors=3):
    """So many standard errors of a share that was counted in worlds."""
    return n_errors * math.sqrt(share * (1 - share) / n_worlds)


def test_the_page_has_every_world_and_enough_of_them():
    assert N_WORLDS >= 2_000
    assert {n for _, n in CELLS} == {20, 100, 1000}
    assert len(CELLS) == 21


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_no_test_rejects_more_than_its_level_nor_less_than_it_can(cell):
    size, attainable, *_ = CELLS[cell]
    assert size <= ALPHA + errors(ALPHA, N_WORLDS)
    # at least three worlds of thousands, for what hardly ever happens
    room = max(errors(attainable, N_WORLDS), 3 / N_WORLDS)
    assert size == pytest.approx(attainable, abs=room)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_intervals_hold_the_truth_as_often_as_they_say(cell):
    equal, differ, score = CELLS[cell][3:]
    name, n = cell
    if n >= 100:
        assert all(0.93 <= each <= 0.97 for each in (equal, differ, score))
    elif name == "few changed":
        # two changed rows tell too little; the page says so
        assert equal >= 0.93
        assert differ < 0.93
        assert f"covers it in {round(100 * differ)} %" in PAGE.replace("\n", " ")
    else:
        assert all(each >= 0.93 for each in (equal, differ, score))


def test_planned_rows_find_what_they_were_planned_for():
    for n in (100, 1000):
        assert CELLS["independent", n][2] == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_equal_prompts_are_hardly_ever_told_apart(family):
    none, holm, together = FAMILIES[family]
    assert max(holm, together) <= 0.06
    assert none > together >= holm - 0.01


def test_the_suite_sees_a_bad_test():
    for size, *_ in BAD.values():
        assert size > ALPHA + errors(ALPHA, N_WORLDS, 6)
    assert BAD["sacrebleu's bs, independent", 100][0] == pytest.approx(0.11, abs=0.02)


@pytest.fixture(scope="module")
def suite():
    """The suite, which is made of scripts: they find each other beside them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("suite")


def agrees(found, documented, n_worlds):
    """Whether a share counted in fewer worlds may be the documented one."""
    return abs(found - documented) <= max(errors(documented, n_worlds, 4), 4 / n_worlds)


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell", [cell for cell in CELLS if cell[1] == 20 or cell[0] == "binary"], ids=str
)
def test_a_part_of_the_suite_finds_the_documented_figures_again(cell, suite):
    found = suite.cell(*cell, 200)
    for share, documented in zip(found[2:], CELLS[cell], strict=True):
        assert agrees(share, documented, 200)


@pytest.mark.slow
def test_families_and_bad_tests_are_found_again(suite):
    drawn = importlib.import_module("worlds").FAMILIES
    for family, (name, n) in zip(drawn.values(), list(FAMILIES)[::2], strict=True):
        found = suite.family_wise(family, n, 100)
        for share, documented in zip(found.values(), FAMILIES[name, n], strict=True):
            assert agrees(share, documented, 100)
    for what, n, share in suite.bad_tests(200):
        assert agrees(share, BAD[what, n][0], 200)


def test_the_attainable_size_is_that_of_every_exchange_written_out(suite):
    world = suite.WORLDS["tied"]
    for seed in range(5):
        units = world.units(seed, 9, 0.0, samples=9)
        gaps = units.statistics.value()[:, 0, 0] - units.statistics.value()[:, 1, 0]
        signs = 1 - 2 * ((np.arange(2**9)[:, None] >> np.arange(9)) & 1)
        sizes = np.abs(signs @ gaps)
        tails = np.array([(sizes >= each).mean() for each in sizes])
        assert suite.attainable(units) == tails[tails <= 0.05].max(initial=0.0)
    binary = suite.WORLDS["binary"].units(3, 60, 0.0, samples=9)
    n = int((np.diff(binary.statistics.value()[..., 0], axis=1) != 0).sum())
    p_values = [suite._attainable_mcnemar(each) for each in range(n + 1)]
    assert suite.attainable(binary) == p_values[n]
    assert p_values[:6] == [0.0] * 6
    assert p_values[6] == 2 / 2**6
