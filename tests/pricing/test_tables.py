"""Price tables: litellm's real map, files of our own, exact costs, and what is refused."""

import csv
import datetime
import gzip
import json
import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadKind, BadValue, UnknownName, Unreadable
from workbench.pricing import Price, Prices, shipped

DAY = datetime.date(2026, 11, 1)
LITELLM = "litellm-1.109.1.model_prices_and_context_window_backup.json.gz"
repeatable = settings(deadline=None, derandomize=True, max_examples=60)


@pytest.fixture(scope="module")
def litellm(shared):
    return Prices.read(shared / "prices" / LITELLM, date=DAY)


def written(tmp_path, content, name="prices.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def refused(path, **options):
    with pytest.raises(BadValue) as caught:
        Prices.read(path, **options)
    return str(caught.value)


@pytest.mark.shared
def test_litellms_map_is_read_without_its_sample_and_what_is_not_priced_by_token(litellm, shared):
    raw = json.loads(gzip.decompress((shared / "prices" / LITELLM).read_bytes()))
    assert next(iter(raw)) == "sample_spec"
    assert "sample_spec" not in litellm.models
    assert len(litellm.models) + litellm.n_skipped == len(raw) - 1 == 4552
    assert litellm.n_skipped == 821
    assert litellm.get("512-x-512/max-steps/stability.stable-diffusion-xl-v0") is None


@pytest.mark.shared
def test_litellms_prices_are_those_of_the_file(litellm):
    assert litellm["gpt-4o"].rates == tuple(
        map(Decimal, ("0.0000025", "0.00000125", "0.0000025", "0.00001", "0.00001"))
    )
    sonnet = litellm["claude-sonnet-4-5"]
    assert sonnet.rates[:3] == tuple(map(Decimal, ("0.000003", "3E-7", "0.00000375")))
    # 5 × 3e-6 + 9,000 × 3e-7 + 1,000 × 3.75e-6 + 200 × 1.5e-5 = 0.000015 + 0.0027 + 0.00375 + 0.003
    cost = sonnet.cost(
        input_tokens=10_005, cached_tokens=9_000, cache_written_tokens=1_000, output_tokens=200
    )
    assert cost == 0.009465


@pytest.mark.shared
def test_a_price_is_read_as_it_was_told(litellm):
    assert {name: Price.of(each.members) for name, each in litellm.models.items()} == dict(
        litellm.models
    )


def test_a_long_call_costs_more_as_a_whole(litellm):
    gemini = litellm["gemini/gemini-2.5-pro"]
    assert gemini.cost(input_tokens=200_000, output_tokens=1_000) == 0.26
    # 200,001 × 2.5e-6 + 1,000 × 1.5e-5
    assert gemini.cost(input_tokens=200_001, output_tokens=1_000) == 0.5150025
    flash = litellm["dashscope/qwen-flash"]
    assert flash.cost(input_tokens=256_001, output_tokens=0) == 0.06400025


@pytest.mark.shared
def test_a_write_to_the_cache_for_nought_is_no_gift(litellm):
    price = litellm["deepseek/deepseek-chat"]
    assert price.rates[2] == price.rates[0] > 0


@pytest.mark.shared
def test_a_name_with_its_provider_is_found_but_no_other_release(litellm):
    assert litellm.get("openai/gpt-4o") is litellm["gpt-4o"]
    assert litellm.get("mallory/gpt-4o") is None
    assert litellm.get("claude-3-5-sonnet-20241022") is None
    with pytest.raises(UnknownName) as caught:
        litellm["gpt-4o-2042-01-01"]
    assert "but 'gpt-4o-2042-01-01' came; did you mean 'gpt-4o-" in str(caught.value)


def test_our_own_files_say_what_tokens_cost_by_the_million(tmp_path):
    text = """
    name: house
    date: 2026-11-01
    per_tokens: 1000000
    models:
      small: {input: 0.25, cached: 2.5e-2, output: 2}
      long:
        input: 1
        output: 4
        above: {200000: {input: 2, output: 8}}
    """
    prices = Prices.read(written(tmp_path, text, "prices.yaml"))
    assert repr(prices) == "Prices 'house' of 2026-11-01: 2 models"
    assert prices["small"].rates[:2] == (Decimal("2.5E-7"), Decimal("2.5E-8"))
    assert prices["long"].of_call(200_001).output == Decimal("0.000008")
    own = {
        "date": "2026-11-01",
        "models": {"small": {"input": 2.5e-7, "cached": 2.5e-8, "output": 2e-6}},
    }
    again = Prices.read(written(tmp_path, own, "house.json"))
    assert again["small"].rates == prices["small"].rates
    assert (again.name, again.date) == ("house", DAY)


def test_a_table_can_be_given_other_models_and_stays_as_it_was():
    prices = Prices("house", DAY, {"m": Price(Decimal(1), Decimal(2))})
    more = prices.including({"alias": prices["m"]})
    assert more["alias"] is prices["m"]
    assert prices.get("alias") is None
    with pytest.raises(TypeError):
        prices.models["n"] = prices["m"]


@repeatable
@given(
    counts=st.lists(st.integers(0, 10**12), min_size=5, max_size=5),
    rates=st.lists(st.decimals(0, 1, places=14), min_size=5, max_size=5),
)
def test_a_cost_is_the_exact_one_rounded_once(counts, rates):
    fresh, cached, written_, plain, reasoning = counts
    price = Price(rates[0], rates[3], rates[1], rates[2], rates[4])
    exact = sum(n * Fraction(rate) for n, rate in zip(counts, rates, strict=True))
    assert price.cost(
        input_tokens=fresh + cached + written_,
        cached_tokens=cached,
        cache_written_tokens=written_,
        output_tokens=plain + reasoning,
        reasoning_tokens=reasoning,
    ) == float(exact)


def test_parts_larger_than_their_whole_are_refused():
    with pytest.raises(BadValue) as caught:
        Price(Decimal(1), Decimal(2)).cost(input_tokens=1, cached_tokens=2, output_tokens=0)
    assert str(caught.value) == (
        "input_tokens must include those of the cache and output_tokens those of reasoning, but 1 "
        "read with 2 and 0 of a cache, and 0 written with 0 of reasoning came; add the parts to "
        "their wholes."
    )


@pytest.mark.parametrize("range_", [[], "x", {"a": 1}])
def test_a_range_of_litellms_that_is_none_is_refused(tmp_path, range_):
    tier = {"range": range_, "input_cost_per_token": 1, "output_cost_per_token": 1}
    path = written(tmp_path, {"m": {"litellm_provider": "x", "tiered_pricing": [tier]}})
    assert refused(path, date=DAY) == (
        f"a range of 'm' in prices.json must be a list of two numbers, but {str(range_)!r} came; correct it."
    )


def test_a_price_that_is_left_open_is_said(tmp_path):
    path = written(tmp_path, {"date": "2026-11-01", "models": {"m": {"input": None, "output": 1}}})
    assert refused(path).startswith(
        "the price of 'm' in prices.json must have `input` and `output`"
    )


def test_a_table_without_a_day_is_refused(tmp_path):
    entry = {"m": {"litellm_provider": "x", "input_cost_per_token": 1, "output_cost_per_token": 1}}
    path = written(tmp_path, entry)
    assert refused(path) == (
        "a price table must be dated, but prices.json names no day; pass date=, the day on which "
        "its prices were valid."
    )
    assert Prices.read(path, date=DAY)["m"].input == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"date": "2026-11-01", "models": {"m": {"input": 1}}},
            "the price of 'm' in prices.json must have `input` and `output`, but {'input': 1} came; "
            "add them.",
        ),
        (
            {"date": "2026-11-01", "models": {"m": {"input": 1, "output": 1, "cache": 1}}},
            "the price of 'm' in prices.json must have no other members than 'above', "
            "'cache_write', 'cached', 'input', 'output', 'provider', 'reasoning', but 'cache' came; "
            "correct the name.",
        ),
        (
            {"date": "2026-11-01", "models": {"m": {"input": -1, "output": 1}}},
            "input of 'm' in prices.json must be a number, not negative, but '-1' came; correct it.",
        ),
        (
            {"date": "2026-11-01", "models": {"m": {"input": True, "output": 1}}},
            "input of 'm' in prices.json must be a number, not negative, but 'True' came; correct "
            "it.",
        ),
        (
            {"date": "November", "models": {"m": {"input": 1, "output": 1}}},
            "`date` in prices.json must be a day such as 2026-11-01, but 'November' came; correct "
            "it.",
        ),
        (
            {"date": "2026-11-01", "models": {}},
            "`models` in prices.json must hold a price by model, but it holds none; add one.",
        ),
        (
            {"date": "2026-11-01", "per_tokens": 0, "models": {"m": {"input": 1, "output": 1}}},
            "per_tokens in prices.json must be above 0, but 0 came; use 1000000.",
        ),
        (
            {"gpt": 3},
            "a price table must hold `date` and `models`, or be litellm's map, but prices.json "
            "holds 'gpt'; see Prices.read.",
        ),
        (
            [1],
            "a price table must be an object with the models' names, but prices.json holds list; "
            "look at its first lines.",
        ),
        (
            "{",
            "a price table must be whole JSON, but prices.json is not (Expecting property name "
            "enclosed in double quotes: line 1 column 2 (char 1)); mend it there.",
        ),
    ],
)
def test_what_is_no_price_table_is_refused(tmp_path, content, message):
    assert refused(written(tmp_path, content)) == message


def test_broken_yaml_and_files_that_are_not_there_are_refused(tmp_path):
    path = written(tmp_path, "models: [", "prices.yaml")
    assert refused(path).startswith("a price table must be whole YAML, but prices.yaml is not (")
    with pytest.raises(Unreadable) as caught:
        Prices.read(tmp_path / "none.json")
    assert str(caught.value).startswith("a price table must be a file of UTF-8 text, but none.json")


TOML = """
[[price]]
model = "m"
valid_from = 2026-01-01
input = 1
output = 2
source = "a page"

[[price]]
model = "m"
valid_from = 2026-06-01
input = 0.5
cached = 0.05
output = 1
source = "a page"

[[price]]
model = "n"
valid_from = 2026-03-01
input = 3
output = 4
source = "a page"
"""


def test_a_history_says_what_was_valid_on_a_day(tmp_path):
    path = tmp_path / "house.toml"
    path.write_text(TOML)
    last = Prices.read(path)
    assert (last.date, last["m"].cached) == (datetime.date(2026, 6, 1), Decimal("0.00000005"))
    spring = Prices.read(path, date=datetime.date(2026, 3, 31))
    assert spring["m"].cost(input_tokens=10**6, output_tokens=10**6) == 3
    assert set(spring.models) == {"m", "n"}
    assert set(Prices.read(path, date=datetime.date(2026, 2, 1)).models) == {"m"}
    assert refused(path, date=datetime.date(2025, 12, 31)) == (
        "a price table must hold a price of the day that is asked for, but the first in house.toml is of "
        "2026-01-01, after 2025-12-31; pass a later date=."
    )


@pytest.mark.parametrize("date", ["2026-11-01", datetime.datetime(2026, 11, 1)])
def test_a_date_must_be_a_day(date):
    with pytest.raises(BadKind) as caught:
        shipped(date)
    assert str(caught.value) == (
        f"`date` must be a day such as datetime.date(2026, 11, 1), but {date!r} came; make it one."
    )


@pytest.mark.shared
def test_the_shipped_table_agrees_with_litellms(litellm):
    ours = shipped()
    assert len(ours.models) >= 20
    for name, price in ours.models.items():
        theirs = litellm[name]
        for ours_of, theirs_of in ((price, theirs), (price.of_call(10**6), theirs.of_call(10**6))):
            assert ours_of.rates[:2] == theirs_of.rates[:2], name
            assert ours_of.output == theirs_of.output, name


@pytest.mark.shared
def test_the_calls_of_azures_log_cost_what_they_should(litellm, shared):
    folder = shared / "calllogs"
    told = json.loads((folder / "oracle.json").read_text())["cost_usd"]
    with gzip.open(folder / "AzureLLMInferenceTrace_conv.csv.gz", "rt") as file:
        calls = [
            (int(line["ContextTokens"]), int(line["GeneratedTokens"]))
            for line in csv.DictReader(file)
        ]
    assert len(calls) == 19_366
    for name in ("gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo-1106"):
        dollars = math.fsum(litellm[name].cost(input_tokens=a, output_tokens=b) for a, b in calls)
        assert dollars == pytest.approx(told[name], rel=1e-12)
    assert (
        shipped()["gpt-4o"].cost(input_tokens=22_361_870, output_tokens=4_088_665) == told["gpt-4o"]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a price table in TOML must hold [[price]] tables, but t.toml holds none; add one."),
        ("[[price]]\ninput = 1", "each [[price]] in t.toml must name its `model`, but one does not; add it."),
        (
            '[[price]]\nmodel = "m"\nsource = "s"\ninput = 1\noutput = 2',
            "the price of 'm' in t.toml must have `valid_from`, a day such as 2026-11-01 without a time, and `source`, a text, but one "
            "is missing or of another kind; add it.",
        ),
        (
            '[[price]]\nmodel = "m"\nsource = "s"\nvalid_from = 2026-01-01\ninput = 1\noutptu = 2',
            "the price of 'm' in t.toml must have `input` and `output`, but {'input': 1, 'outptu': 2} came; add them.",
        ),
        (
            TOML + TOML[: TOML.index("[[price]]", 9)],
            "the price of 'm' in t.toml must be one for each day, but two are of 2026-01-01; keep one.",
        ),
        (
            TOML.replace("2026-03-01", "2026-03-01T00:00:00"),
            "the price of 'n' in t.toml must have `valid_from`, a day such as 2026-11-01 without a time, and "
            "`source`, a text, but one is missing or of another kind; add it.",
        ),
        (
            TOML.replace("input = 3", "input = [3]"),
            "input of 'n' in t.toml must be a number, not negative, but '[3]' came; correct it.",
        ),
        (
            TOML.replace("input = 3", "input = {a = 3}"),
            "input of 'n' in t.toml must be a number, not negative, but \"{'a': 3}\" came; correct it.",
        ),
        (
            TOML + "above = [1]",
            "`above` of 'n' in t.toml must hold prices by numbers of tokens, but '[1]' came; see Prices.read.",
        ),
        (
            TOML + 'above = {200000 = {input = 3, output = 4}, "2e5" = {input = 5, output = 6}}',
            "`above` of 'n' in t.toml must hold each number of tokens once, but 200000 came twice; keep one.",
        ),
        ("[[price", "a price table must be whole TOML, but t.toml is not (Expected ']]' at the end of an array declaration (at end of document)); mend it there."),
    ],
)  # fmt: skip
def test_a_history_that_says_too_little_is_refused(tmp_path, text, message):
    (tmp_path / "t.toml").write_text(text)
    with pytest.raises(BadValue) as error:
        Prices.read(tmp_path / "t.toml")
    assert str(error.value) == message


@repeatable
@given(
    rates=st.lists(st.decimals(0, 1, places=9), min_size=5, max_size=5),
    counts=st.lists(st.integers(0, 10**6), min_size=4, max_size=4),
)
def test_no_call_costs_more_than_the_most(rates, counts):
    price = Price(rates[0], rates[3], rates[1], rates[2], rates[4])
    read, cached, written, reasoning = counts
    most = price.most(input_tokens=read + cached, output_tokens=written + reasoning)
    dearest = Price(max(rates[:3]), max(rates[3:]))
    tokens = {"input_tokens": read + cached, "output_tokens": written + reasoning}
    assert most == dearest.cost(**tokens)
    assert most >= price.cost(**tokens, cached_tokens=cached, reasoning_tokens=reasoning)
