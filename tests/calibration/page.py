"""The page of the documentation that tells how well the statistics are calibrated.

    python tests/calibration/page.py [--worlds 2000] [--write docs/calibration.md]

runs the whole suite on one core, and writes the page.
"""

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from math import sqrt
from pathlib import Path

from suite import ALPHA, SAMPLES, bad_tests, by_method, cell, family_wise
from worlds import FAMILIES, N_UNITS, WORLDS

from workbench import __version__

_COMMAND = "python tests/calibration/page.py --write docs/calibration.md"

_HEAD = """# Calibration

How often do the tests of `wb.compare` call a difference that is not there, and how often do its
intervals hold the true one? This page answers by simulation: {n_worlds:,} worlds per line, drawn with
fixed seeds from populations of which the truth is known. It is written by

```sh
{command}
```

and `tests/calibration/test_calibration.py` runs a part of it again and compares. Tests are at 5 %,
intervals at 95 %, with {samples} exchanges or resamples; n counts what is resampled: rows, or clusters
of rows. With {n_worlds:,} worlds a share has a standard error of {error} % near 5 %.

## Two systems

*size*: how often two equal systems are told apart. *attainable*: how often an exact test of these very
rows can do so at all: where few rows changed, or values are few, it has few p-values and stays below
5 %. *power*: how often two systems that differ are told apart. *covers*: how often the interval of a
difference holds the truth, of systems that are equal and of those that differ; *score*: the same of one
system's own figure.

| world | n | size | attainable | power | covers, equal | covers, differ | covers, score |
|---|---|---|---|---|---|---|---|
"""

_WORLDS = """
The worlds: **independent**: normal values of two systems that correlate by one half; its effect is the
one that `wb.plan` says is found in 80 %. **skewed**: log-normal values (σ = ½). **clustered**: clusters
of 1 to 9 rows whose differences share half of their variance. **tied**: marks from 1 to 5. **few
changed**: one row in ten differs. **binary**: right or wrong; McNemar's exact test, Wilson's and
Newcombe's intervals. **BLEU**: corpus BLEU of sentences of 8 to 39 words.

What falls short: of 20 rows of which about two changed, no method knows more than that two changed; the
test cannot reject (the smallest p of five changed rows is .0625), and an interval of a difference that
is there covers it in {few} %.

## Why these intervals

How often each kind of interval covers a difference; in each cell systems that are equal / that differ.

| world | n | {methods} |
|---|---|{lines}
"""

_CHOICE = """
Percentiles are too narrow below some hundred rows, and BCa, which corrects their skewness, takes the
noise of a skewness for one. Student's t with the jackknife's standard error is too short where a
difference is skewed (few changed rows, all for the better), the empirical likelihood where it is not;
the farther end of the two holds. So up to 100 rows, or of a difference up to 100 rows that changed,
`compare` takes that (the frame says "small-sample interval"); beyond, percentiles.

## Families

How often at least one of several equal prompts is called better or worse than the baseline, by
correction.

| family | n | none | Holm | max-T |
|---|---|---|---|---|
"""

_BAD = """
Max-T exchanges all prompts with the baseline by the same coins. That is exact for several metrics of one
pair, and a large-sample statement for several prompts: skewed values at n = 20 show that it costs next to
nothing.

## Tests that are known to be wrong

The suite must be able to see them.

| test | n | size |
|---|---|---|
"""

_FOOT = """
sacrebleu's bootstrap test centres the absolute difference instead of the difference. Clusters taken row
by row count the same evidence several times.

---

workbench {version}, NumPy {numpy}, Python {python}, {machine}; {minutes:.0f} minutes on one core.
"""


def page(n_worlds: int) -> str:
    """Run the suite and write its page, with so many worlds per line."""
    begin = time.process_time()
    cells = [cell(name, n, n_worlds) for name in WORLDS for n in N_UNITS]
    text = _HEAD.format(
        n_worlds=n_worlds,
        command=_COMMAND,
        samples=SAMPLES,
        error=round(100 * sqrt(ALPHA * (1 - ALPHA) / n_worlds), 1),
    )
    text += "".join(_line(*each) for each in cells)
    few = next(each for each in cells if each.world == "few changed" and each.n == 20)
    methods, lines = [], ""
    for name in ("independent", "skewed", "clustered", "few changed", "BLEU"):
        for n in (20, 100):
            equal, differ = (by_method(name, n, n_worlds, differ=side) for side in (False, True))
            methods = list(equal)
            lines += _line(name, n, *(f"{_share(equal[m])} / {_share(differ[m])}" for m in methods))
    text += _WORLDS.format(
        few=round(100 * few.differ), methods=" | ".join(methods), lines="---|" * len(methods)
    )
    text += lines + _CHOICE
    for name, family in FAMILIES.items():
        for n in (20, 100):
            text += _line(name, n, *family_wise(family, n, n_worlds).values())
    text += _BAD + "".join(_line(*each) for each in bad_tests(n_worlds))
    return text + _FOOT.format(
        version=__version__,
        numpy=metadata.version("numpy"),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        minutes=(time.process_time() - begin) / 60,
    )


def _line(*cells: object) -> str:
    told = (_share(each) if isinstance(each, float) else str(each) for each in cells)
    return f"| {' | '.join(told)} |\n"


def _share(share: float) -> str:
    return f"{share:.3f}"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Write the page on calibration.")
    parser.add_argument("--worlds", type=int, default=2000, help="per line of a table")
    parser.add_argument("--write", type=Path, help="the file; standard output by default")
    options = parser.parse_args(arguments)
    text = page(options.worlds)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
