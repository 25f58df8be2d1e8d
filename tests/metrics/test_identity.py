"""What tells metrics apart: any change of options or code, wherever it was written, and nothing else."""

import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache, partial
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import workbench as wb
from workbench.metrics.identity import digest_of

CELL = """
import re
import workbench as wb

MARKS = {{"!": 1, "?": {weight}}}
FIRST = re.compile("{pattern}")

def weight_of(mark):
    def inner():
        return MARKS[mark] * {factor}
    return inner()

class Base(wb.Metric):
    direction, reads = "up", ("text",)
    least = {least}

    def statistics(self, outputs):
        return [[max(self.least, self.count(text)), 1] for text in outputs["text"]]

    @property
    def mark(self):
        return "{mark}"

class Counts(Base):
    name = "counts"

    def count(self, text):
        return len(FIRST.findall(text)) + weight_of(self.mark)

    @staticmethod
    def unused(text, n={default}):
        return n
"""
PLAIN = {"weight": 2, "pattern": "a", "factor": 1, "least": 0, "mark": "!", "default": 1}


def made(**changes):
    """Run the cell of a notebook, and make its metric."""
    names = {"__name__": "__main__"}
    exec(CELL.format(**PLAIN | changes), names)
    return names["Counts"]()


@pytest.mark.parametrize(
    "changes",
    [{"weight": 3}, {"pattern": "b"}, {"factor": 2}, {"least": 1}, {"mark": "?"}, {"default": 2}],
    ids=str,
)
def test_whatever_a_cell_changes_tells(changes):
    assert digest_of(made()) == digest_of(made())
    assert digest_of(made(**changes)) != digest_of(made())


def test_a_helper_that_is_written_anew_tells_though_the_class_is_the_same():
    metric = made()
    before = digest_of(metric)
    names = type(metric).count.__globals__
    exec("def weight_of(mark):\n    return 7", names)
    assert digest_of(metric) != before


def test_what_a_notebook_scored_is_not_taken_for_what_it_scores_now(tmp_path):
    rows = wb.read([{"input": "x"}])
    outputs = wb.outputs(rows, {"a": ["a! aa"]})
    old, new = made(), made(pattern="!")
    for metric, value in ((old, 4.0), (new, 2.0), (old, 4.0)):
        assert wb.score(outputs, rows, metric, cache=tmp_path).frame["value"].tolist() == [value]


def test_another_process_tells_the_same():
    code = "from test_identity import digest_of, made; print(digest_of(made()).hex())"
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(__file__).rpartition("/")[0], "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert told == {digest_of(made()).hex()}


@dataclass(frozen=True)
class Weighted(wb.Metric):
    """Takes whatever there is as an option."""

    option: object = None
    name: str = "weighted"
    direction = "up"
    reads = ("text",)

    def statistics(self, outputs):
        return [[1, 1]] * len(outputs)


class Own:
    """An option of somebody's own."""

    def __init__(self, n):
        self.n = n


def long(at):
    values = np.zeros(2_000)
    values[500] = at
    return values


@pytest.mark.parametrize(
    "make",
    [
        long, Own, lambda n: {"a": [n, {n}]}, lambda n: {3, n}, lambda n: partial(max, n), lambda n: lambda: n,
        lambda n: lru_cache(lambda: n), lambda n: wb.ROUGE(str(n)), lambda n: wb.PassAtK(wb.ROUGE("1"), n),
        lambda n: re.compile("x" * 300 + str(n)), lambda n: np.array([{"a": n}]), lambda n: Own(n).__init__, lambda n: SimpleNamespace(identity={"n": n}),
    ],
)  # fmt: skip
def test_options_tell_what_they_hold(make):
    assert digest_of(Weighted(make(1))) == digest_of(Weighted(make(1)))
    assert digest_of(Weighted(make(1))) != digest_of(Weighted(make(2)))


def test_what_holds_what_is_told():
    nested = [[[1], 2], [[1, 2]], [1, [2]], [1, 2], (1, 2), [(1, 2)], "[1, 2]"]
    assert len({digest_of(Weighted(option)) for option in nested}) == len(nested)


def test_an_option_that_changes_tells():
    option = Own(1)
    before = digest_of(Weighted(option))
    option.n = 2
    assert digest_of(Weighted(option)) != before


def test_what_cannot_be_told_is_not_kept(tmp_path):
    metric = Weighted(threading.Lock())
    assert digest_of(metric) is None
    rows = wb.read([{"input": "x"}])
    outputs = wb.outputs(rows, {"a": ["b"]})
    for _ in range(2):
        assert wb.score(outputs, rows, metric, cache=tmp_path).reused == {"weighted": 0}


def test_a_module_of_ones_own_tells_what_is_in_its_file(tmp_path):
    file = tmp_path / "helper_of_mine.py"
    module = ModuleType("helper_of_mine")
    assert digest_of(Weighted(module)) is None
    module.__file__ = str(file)
    assert digest_of(Weighted(module)) is None
    told = []
    for text in ("n = 1", "n = 2", "n = 1"):
        file.write_text(text)
        told.append(digest_of(Weighted(module)))
    assert told[0] == told[2] != told[1]


def test_a_variable_that_is_not_there_yet_is_none():
    def later():
        return nothing_yet

    assert digest_of(Weighted(later)) is not None
    nothing_yet = 1
    assert later() == nothing_yet


def test_a_name_in_tables_tells_nothing():
    assert digest_of(wb.ExactMatch()) == digest_of(wb.ExactMatch(name="other"))


def test_what_refers_to_itself_is_told():
    option = Own([])
    option.n.append(option)
    assert digest_of(Weighted(option)) is not None
