"""Statistics in chunks, elsewhere, and from a cache: the same bytes every way."""

import pickle
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName, Unreadable
from workbench.metrics import caching, identity, measuring
from workbench.metrics.caching import FILE, Cache

EVERY = [
    wb.BLEU(), wb.ChrF(), wb.TER(), wb.ROUGE("L"), wb.ROUGE("2"), wb.ExactMatch(), wb.TokenF1(),
    wb.LengthRatio(), wb.Column("latency_s", direction="down"),
]  # fmt: skip
NAMES = [metric.name for metric in EVERY]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(measuring, "_FEWEST", 25)


@pytest.fixture(scope="module")
def asked():
    """Rows and outputs of two systems, more than some chunks of them; some failed, some cells missing."""
    dice = np.random.default_rng(0)
    words = np.array(["the", "cat", "sat", "on", "a", "mat", "and", "it", "rained", "all", "day"])
    n = 60

    def sentence():
        return " ".join(dice.choice(words, size=dice.integers(3, 9)))

    rows = wb.read([{"input": "", "references": [sentence(), sentence()]} for _ in range(n)])
    texts = {name: [None if at % 30 == 7 else sentence() for at in range(n)] for name in "ab"}
    outputs = wb.outputs(rows, texts)
    latencies = np.where(np.arange(2 * n) % 11 == 3, np.nan, dice.random(2 * n))
    return rows, outputs.assign(latency_s=latencies)


@pytest.fixture(scope="module")
def serial(asked):
    rows, outputs = asked
    return wb.score(outputs, rows, EVERY, executor="serial")


def same(scores, others):
    return all(
        scores.statistics[name].tobytes() == others.statistics[name].tobytes() for name in NAMES
    )


@pytest.mark.parametrize("metric", EVERY, ids=NAMES)
def test_chunks_are_put_together_as_if_there_were_none(asked, serial, metric):
    _, outputs = serial.outputs, serial.outputs
    scorable = metric.scorable(outputs)
    expected = np.full(serial.statistics[metric.name].shape, np.nan)
    expected[scorable] = metric.statistics(outputs[scorable])
    assert serial.statistics[metric.name].tobytes() == expected.tobytes()


def test_any_executor_gives_the_same_bytes(asked, serial):
    rows, outputs = asked
    assert same(wb.score(outputs, rows, EVERY, executor="processes"), serial)
    with ThreadPoolExecutor(3) as threads:
        assert same(wb.score(outputs, rows, EVERY, executor=threads), serial)


def test_a_comparison_is_the_same_by_any_executor(serial):
    options = {"baseline": "a", "samples": 200}
    serial = serial.only(metrics=["bleu", "latency_s"])
    expected = wb.compare(serial, executor="serial", **options).frame
    with ThreadPoolExecutor(2) as threads:
        for executor in ("processes", threads):
            pd.testing.assert_frame_equal(
                wb.compare(serial, executor=executor, **options).frame, expected, check_exact=True
            )


def test_an_executor_that_means_nothing_is_refused(asked):
    rows, outputs = asked
    with pytest.raises(
        UnknownName, match=r"^executor must be one of 'auto', 'processes', 'serial'"
    ):
        wb.score(outputs, rows, EVERY, executor="dask")


@pytest.mark.parametrize("tokenize", ["13a", "intl", "none", "char", "zh", "ja-mecab", "ko-mecab"])
def test_a_metric_travels_without_its_tokenizer(tokenize):
    metric = wb.BLEU(tokenize=tokenize)
    metric.statistics(pd.DataFrame({"row_id": ["1"], "text": ["a"], "references": [["a"]]}))
    metric.signature  # noqa: B018 - makes the peer
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert "_peer" in vars(metric)
    assert "_peer" not in vars(pickle.loads(pickle.dumps(metric)))


@pytest.mark.parametrize("metric", EVERY, ids=NAMES)
def test_every_metric_travels(metric):
    metric.signature  # noqa: B018 - makes the peer
    assert pickle.loads(pickle.dumps(metric)) == metric


# The cache.


def test_what_was_scored_is_not_scored_again(asked, serial, tmp_path):
    rows, outputs = asked
    first = wb.score(outputs, rows, EVERY, cache=tmp_path)
    assert same(first, serial)
    assert first.reused == dict.fromkeys(NAMES, 0)
    again = wb.score(outputs[::-1], rows[::-1], EVERY[::-1], cache=tmp_path)
    scored = {name: int(serial.scored(name).sum()) for name in NAMES}
    assert again.reused == scored
    assert again.frame.drop(columns="metric").shape == first.frame.drop(columns="metric").shape
    assert same(wb.score(outputs, rows, EVERY, cache=tmp_path), serial)


def test_one_changed_output_is_one_to_compute(asked, tmp_path, monkeypatch):
    rows, outputs = asked
    wb.score(outputs, rows, EVERY, cache=tmp_path)
    changed = outputs.assign(text=outputs["text"].where(outputs.index != 50, "it snowed"))
    seen = []
    monkeypatch.setattr(
        caching.Cache, "keep", lambda self, keys, found: seen.append((len(list(keys)), found.shape))
    )
    scores = wb.score(changed, rows, EVERY, cache=tmp_path)
    assert same(scores, wb.score(changed, rows, EVERY))
    assert [n for n, _ in seen if n] == [1] * 8  # the latency is the same
    scored = {name: int(scores.scored(name).sum()) for name in NAMES}
    reused = {name: n - 1 for name, n in scored.items()} | {"latency_s": scored["latency_s"]}
    assert scores.reused == reused


def test_a_changed_reference_is_computed_anew_for_all_its_outputs(asked, tmp_path):
    rows, outputs = asked
    metrics = [wb.BLEU(), wb.Column("latency_s")]
    scored = wb.score(outputs, rows, metrics, cache=tmp_path)
    changed = rows.assign(references=[["it snowed"], *rows["references"].tolist()[1:]])
    again = wb.score(outputs, changed, metrics, cache=tmp_path)
    n_scored = {name: int(scored.scored(name).sum()) for name in ("bleu", "latency_s")}
    assert again.reused == {"bleu": n_scored["bleu"] - 2, "latency_s": n_scored["latency_s"]}
    assert again.statistics["bleu"].tobytes() == (
        wb.score(outputs, changed, metrics).statistics["bleu"].tobytes()
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (wb.BLEU(), wb.BLEU(lowercase=True)),
        (wb.BLEU(), wb.BLEU(tokenize="intl")),
        (wb.ChrF(), wb.ChrF(beta=3)),  # which the signature does not tell
        (wb.ROUGE("1"), wb.ROUGE("1", measure="recall")),
        (wb.Column("latency_s"), wb.Column("cost_usd")),
    ],
    ids=str,
)
def test_other_options_have_other_keys(asked, tmp_path, first, second):
    rows, outputs = asked
    outputs = outputs.assign(cost_usd=outputs["latency_s"])
    wb.score(outputs, rows, [first], cache=tmp_path)
    assert wb.score(outputs, rows, [second], cache=tmp_path).reused == {second.name: 0}
    renamed = wb.score(outputs, rows, [replace(first, name="other")], cache=tmp_path)
    assert renamed.reused["other"] > 100


def test_other_code_has_other_keys(asked, tmp_path, monkeypatch):
    rows, outputs = asked
    wb.score(outputs, rows, [wb.BLEU()], cache=tmp_path)
    monkeypatch.setattr(identity, "_our_code", lambda: "mended")
    assert wb.score(outputs, rows, [wb.BLEU()], cache=tmp_path).reused == {"bleu": 0}


@dataclass(frozen=True)
class Shouts(wb.Metric):
    """Counts a mark; says what it reads."""

    mark: str = "!"
    name: str = "shouts"
    direction = "down"
    reads = ("text", "tags")

    def statistics(self, outputs):
        return [
            [text.count(self.mark) + len(tags), 1]
            for text, tags in zip(outputs["text"], outputs["tags"], strict=True)
        ]


class Silent(wb.Metric):
    """Says nothing of what it reads."""

    name, direction = "silent", "up"

    def statistics(self, outputs):
        return [[len(text), 1] for text in outputs["text"]]


class Replaced(wb.ExactMatch):
    """Reads something else than what it inherits."""

    def statistics(self, outputs):
        return [[len(each), 1] for each in outputs["input"]]


ROWS = wb.read(
    [
        {"input": "x", "references": ["a"], "tags": np.array([1, 2])},
        {"input": "yy", "references": ["b"], "tags": [{"a": np.int64(3)}]},
    ]
)
OUTPUTS = wb.outputs(ROWS, {"a": ["Oh!!", "half"]})


def test_a_metric_of_ones_own_is_kept_if_it_says_what_it_reads(tmp_path):
    metrics = [Shouts(), Silent(), Replaced()]
    first = wb.score(OUTPUTS, ROWS, metrics, cache=tmp_path)
    second = wb.score(OUTPUTS, ROWS, metrics, cache=tmp_path)
    assert second.reused == {"shouts": 2, "silent": 0, "exact_match": 0}
    for name in second.reused:
        assert second.statistics[name].tobytes() == first.statistics[name].tobytes()
    assert first.statistics["shouts"].tolist() == [[4, 1], [1, 1]]
    assert first.statistics["exact_match"].tolist() == [[1, 1], [2, 1]]
    assert wb.score(OUTPUTS, ROWS, [Shouts("?")], cache=tmp_path).reused == {"shouts": 0}
    changed = ROWS.assign(tags=[[1], [2]])
    assert wb.score(OUTPUTS, changed, [Shouts()], cache=tmp_path).reused == {"shouts": 0}


def test_a_cell_that_is_no_content_is_refused(tmp_path):
    with pytest.raises(BadValue) as caught:
        wb.score(OUTPUTS, ROWS.assign(tags=[object(), 1]), [Shouts()], cache=tmp_path)
    assert str(caught.value) == (
        "a cell whose score is to be kept must hold text, numbers, or lists or objects of them, but "
        "object came; turn it into one, or score without a cache."
    )


@pytest.mark.parametrize(
    "content", [b"no database at all, but a text" * 100, b"SQLite format 3\x00"]
)
def test_a_file_that_is_no_cache_is_told(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        wb.score(OUTPUTS, ROWS, [wb.ExactMatch()], cache=tmp_path)
    assert str(caught.value) == (
        "a cache of scores must be a folder that this package may write, but "
        f"{tmp_path / FILE} cannot be used (file is not a database); name another folder, or remove "
        "this one."
    )


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "scores").write_text("")
    with pytest.raises(Unreadable, match=r"cannot be used \(.*File exists"):
        wb.score(OUTPUTS, ROWS, [wb.ExactMatch()], cache=tmp_path / "scores")


def test_a_row_that_rotted_is_computed_anew(tmp_path):
    metrics = [wb.ExactMatch(), wb.TokenF1()]
    first = wb.score(OUTPUTS, ROWS, metrics, cache=tmp_path)
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute(
            "UPDATE statistics SET row = CAST(x'00' || substr(row, 2) AS BLOB) WHERE place = 1"
        )
        database.execute("UPDATE statistics SET row = zeroblob(20) WHERE place = 4")
    database.close()
    again = wb.score(OUTPUTS, ROWS, metrics, cache=tmp_path)
    assert sum(again.reused.values()) == 3
    pd.testing.assert_frame_equal(again.frame, first.frame, check_exact=True)


def test_the_oldest_rows_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(caching, "_MOST", 3)
    keys = [bytes([number]) * 32 for number in range(5)]
    for key in keys:
        with closing(Cache(tmp_path)) as cache:
            cache.keep([key], np.array([[1.5, -0.0]]))
    with closing(Cache(tmp_path)) as cache:
        found = dict(cache.recall(keys))
    assert sorted(found) == keys[2:]
    assert {row.tobytes() for row in found.values()} == {np.array([1.5, -0.0]).tobytes()}


def test_many_keys_are_asked_for_in_turn(tmp_path):
    keys = [number.to_bytes(32) for number in range(2_000)]
    with closing(Cache(tmp_path)) as cache:
        cache.keep(keys, np.arange(4_000.0).reshape(-1, 2))
        assert {key: row.tolist() for key, row in cache.recall(keys)} == {
            key: [2.0 * at, 2.0 * at + 1] for at, key in enumerate(keys)
        }


WRITER = """
import sys
from contextlib import closing
import numpy as np
from workbench.metrics.caching import Cache
for number in range(60):
    with closing(Cache(sys.argv[1])) as cache:
        cache.keep([(20 * number + at).to_bytes(32) for at in range(20)], np.full((20, 2), 1.0))
"""


def test_several_may_write_and_one_may_die(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path]) for _ in range(3)]
    while not (tmp_path / FILE).exists() or (tmp_path / FILE).stat().st_size < 20_000:
        assert writers[0].poll() is None
    writers[0].send_signal(signal.SIGKILL)
    assert [writer.wait() for writer in writers] == [-signal.SIGKILL, 0, 0]
    with closing(Cache(tmp_path)) as cache:
        assert len(dict(cache.recall([number.to_bytes(32) for number in range(1_200)]))) == 1_200
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@dataclass(frozen=True)
class Halves(wb.Metric):
    """Texts of even length have half their length; of the others that is noted."""

    told: bool = True
    name: str = "halves"
    direction = "up"
    reads = ("text",)
    notes = ("odd",)

    def statistics(self, outputs):
        lengths = outputs["text"].str.len()
        return [[np.nan, np.nan, float(self.told)] if n % 2 else [n / 2, 1.0, 0.0] for n in lengths]


def test_notes_are_taken_off_and_counted_the_same_every_way(asked, tmp_path):
    rows, outputs = asked
    here = wb.score(outputs, rows, Halves(), executor="serial")
    kept = [wb.score(outputs, rows, Halves(), cache=tmp_path) for _ in range(2)]
    threads = wb.score(outputs, rows, Halves(), executor=ThreadPoolExecutor(2))
    odd = here.outputs["text"].str.len() % 2 == 1
    assert here.statistics["halves"].shape == (len(outputs), 2)
    assert np.isnan(here.values("halves")).tolist() == (odd | here.outputs["text"].isna()).tolist()
    assert here.noted["n"].tolist() == odd.groupby(here.outputs["system"]).sum().tolist()
    for other in (*kept, threads):
        assert other.statistics["halves"].tobytes() == here.statistics["halves"].tobytes()
        assert other.noted.equals(here.noted)
    assert kept[1].reused == {"halves": here.outputs["text"].notna().sum()}


def test_a_value_that_is_missing_without_a_note_is_refused(asked):
    rows, outputs = asked
    with pytest.raises(
        BadValue, match=r"^halves\.statistics must return finite numbers, but nan came"
    ):
        wb.score(outputs, rows, Halves(told=False))


def test_agreement_alone_is_scored_and_says_how_far_it_is(asked):
    rows, outputs = asked
    told = []
    scores = wb.score(outputs, rows, wb.SelfConsistency(), progress=lambda *each: told.append(each))
    assert told == [(len(outputs), len(outputs))]
    assert scores.noted["n"].sum() == outputs["text"].notna().sum()
    with pytest.raises(BadValue) as caught:
        wb.score(outputs.assign(text=None), rows, wb.SelfConsistency())
    assert str(caught.value) == (
        "self_consistency needs at least one output to score, but all 120 failed; look at the "
        "column 'error'."
    )
