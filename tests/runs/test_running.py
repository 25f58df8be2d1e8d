import os
import runpy
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadKind, BadValue, Unreadable
from workbench.models import Answer, Usage
from workbench.pricing import Price, Prices
from workbench.runs import Budget, Progress, Retries

HERE = Path(__file__).parent
SHARED = runpy.run_path(str(HERE / "faulty.py"))
Server, storm, right_answer = SHARED["Server"], SHARED["storm"], SHARED["right_answer"]
without_override = runpy.run_path(str(HERE.parent / "permissions.py"))["without_override"]
FREE = Price(Decimal(0), Decimal(0))
CHEAP = Price(Decimal("0.000001"), Decimal("0.000002"))
QUICK = Retries(attempts=8, first_s=0.005, most_s=0.05)
SAY = wb.Prompt.of("Answer: {{ input }}", name="say")


def rows_of(n, word="question"):
    return wb.read([{"row_id": f"r{i}", "input": f"{word} {i}"} for i in range(n)])


def endpoint(server, **options):
    return wb.Endpoint(
        "m", **{"base_url": server.url, "api_key_env": None, "price": FREE} | options
    )


def expected(outputs, rows):
    inputs = dict(zip(rows["row_id"], rows["input"], strict=True))
    return [
        right_answer({"messages": [{"role": "user", "content": f"Answer: {inputs[row]}"}]})
        for row in outputs["row_id"]
    ]


def timeless(outputs):
    return outputs.drop(columns=["latency_s", "first_token_s", "attempts"])


def test_each_row_is_asked_by_each_prompt_of_each_model_for_each_repeat():
    echo = wb.Function(lambda messages, **_: messages[-1]["content"], name="echo")
    loud = wb.Function(lambda messages, **_: messages[-1]["content"].upper(), name="loud")
    prompts = [SAY, wb.Prompt.of("{{ input }}?", name="ask")]
    outputs = wb.run(rows_of(2), models=[echo, loud], prompts=prompts, repeats=2)
    assert outputs[["system", "row_id", "repeat", "text"]].values.tolist() == [
        [f"{model} · {prompt.name}", row, repeat, text.upper() if model == "loud" else text]
        for row, asked in (("r0", "question 0"), ("r1", "question 1"))
        for model in ("echo", "loud")
        for prompt, text in zip(prompts, (f"Answer: {asked}", f"{asked}?"), strict=True)
        for repeat in (0, 1)
    ]
    assert outputs["cost_usd"].isna().all()


@pytest.mark.parametrize("stream", [False, True])
def test_an_endpoint_is_asked_over_http(stream):
    rows = rows_of(3)
    with Server() as server:
        server.keeps_bodies = True
        model = endpoint(
            server, price=CHEAP, stream=stream, parameters={"temperature": 0, "max_tokens": 9}
        )
        outputs = wb.run(rows, models=model, prompts=SAY)
    asked = [each["messages"][0]["content"] for each in server.bodies]
    assert sorted(asked) == [f"Answer: question {i}" for i in range(3)]
    assert all(each["max_tokens"] == 9 and each["model"] == "m" for each in server.bodies)
    told = outputs.iloc[0]
    assert told[["input_tokens", "output_tokens", "usage_source", "finish_reason"]].tolist() == [
        4,
        10,
        "reported",
        "stop",
    ]
    assert told["cost_usd"] == (4 * 1 + 10 * 2) / 10**6
    assert (outputs["first_token_s"].notna() == stream).all()
    assert (outputs["latency_s"] > 0).all()


def test_each_repeat_has_a_seed_of_its_own():
    with Server() as server:
        server.keeps_bodies = True
        wb.run(rows_of(1), models=endpoint(server, parameters={"seed": 7}), prompts=SAY, repeats=3)
    assert sorted(each["seed"] for each in server.bodies) == [7, 8, 9]


def test_planned_faults_end_in_right_answers():
    rows = rows_of(60)
    faults = ("429", "429-after", "500", "drop", "half", "garbage", "no-choices")
    with Server(storm(0.5, faults=faults, most=3), retry_after_s=0.01) as server:
        outputs = wb.run(rows, models=endpoint(server), prompts=SAY, retries=QUICK)
    assert outputs["text"].tolist() == expected(outputs, rows)
    assert set(outputs["category"]) == {"ok"}
    assert outputs["attempts"].sum() == server.n_requests > 60


@pytest.mark.slow
def test_two_thousand_calls_through_a_storm_are_right_or_honestly_failed():
    rows = rows_of(2_000)
    luck = Random(1)
    hopeless = {f"Answer: question {i}" for i in luck.sample(range(2_000), 20)}
    plans = storm(0.15, 2)

    def plan(body, nth):
        return "500" if body["messages"][0]["content"] in hopeless else plans(body, nth)

    with Server(plan, capacity=40, latency_s=0.001) as server:
        model = endpoint(server, timeout_s=0.5)
        outputs = wb.run(rows, models=model, prompts=SAY, retries=QUICK)
    failed = outputs["text"].isna()
    assert set(outputs.loc[failed, "row_id"]) == {f"r{each.rsplit(' ')[-1]}" for each in hopeless}
    assert set(outputs.loc[failed, "error"]) == {"HTTP 500: a fault"}
    assert set(outputs.loc[failed, "category"]) == {"error"}
    right = outputs[~failed]
    assert right["text"].tolist() == expected(right, rows)


@pytest.mark.parametrize(
    ("fault", "category", "error"),
    [
        ("500", "error", "HTTP 500: a fault"),
        ("slow", "timeout", "timeout: no answer in 0.5 s"),
        ("garbage", "error", "an answer that is no JSON: '<html>{\"model\": "),
        ("no-choices", "error", "an answer without choices: "),
        ("half", "error", "connection lost: "),
        ("drop", "error", "connection lost: "),
        ({"status": 400, "error": {"message": "too\nlong"}}, "error", "HTTP 400: too long"),
        ("I'm sorry, but I can't help with that.", "refusal", None),
        (" ", "empty", None),
        ({"choices": [{"message": {"content": None, "refusal": "No."}}]}, "refusal", None),
        ({"choices": [{"message": {"content": "a"}, "finish_reason": "length"}]}, "truncated", None),
        ({"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}, "content_filter", None),
    ],
    ids=str,
)  # fmt: skip
def test_what_goes_wrong_is_said_in_a_word(fault, category, error):
    with Server(lambda body, nth: dict(fault) if isinstance(fault, dict) else fault) as server:
        # a busy machine may take longer to answer than an impatient caller waits
        model = endpoint(server, timeout_s=0.5 if fault == "slow" else 30)
        (told,) = wb.run(
            rows_of(1), models=model, prompts=SAY, retries=Retries(2, first_s=0.01)
        ).to_dict("records")
    assert told["category"] == category
    assert told["error"].startswith(error) if error else isinstance(told["error"], float)
    assert server.n_requests == (
        2 if category in {"timeout"} or (error and "400" not in error) else 1
    )


def test_json_that_was_asked_for_and_did_not_come_is_a_parse_failure():
    rows = wb.read([{"input": "{}"}, {"input": "none"}])
    prompt = wb.Prompt.of(
        "{{ input }}", name="json", parameters={"response_format": {"type": "json_object"}}
    )
    echo = wb.Function(lambda messages, **_: messages[-1]["content"])
    assert wb.run(rows, models=echo, prompts=prompt)["category"].tolist() == ["ok", "parse_failure"]


def test_usage_that_cannot_be_right_is_estimated_and_says_so():
    with Server(lambda body, nth: "wrong-usage") as server:
        (told,) = wb.run(rows_of(1), models=endpoint(server), prompts=SAY).to_dict("records")
    assert (told["usage_source"], told["input_tokens"], told["output_tokens"]) == (
        "estimated",
        5,
        6,
    )


@pytest.mark.parametrize("retry_after_s", [0.01, 0.1])
def test_a_server_that_takes_few_calls_at_a_time_answers_all(retry_after_s):
    with Server(capacity=6, latency_s=0.01, retry_after_s=retry_after_s) as server:
        outputs = wb.run(rows_of(200), models=endpoint(server), prompts=SAY, retries=QUICK)
    assert outputs["text"].tolist() == expected(outputs, rows_of(200))
    # a wave of refusals, and one call more now and then
    assert server.n_requests < 300


def test_a_run_is_resumed_without_asking_again(tmp_path):
    rows = rows_of(20)
    with Server() as server:
        model = endpoint(server)
        first = wb.run(rows.head(12), models=model, prompts=SAY, store=tmp_path, name="a")
        both = wb.run(rows, models=model, prompts=SAY, store=tmp_path, name="a")
        again = wb.run(rows, models=model, prompts=SAY, store=tmp_path, name="a")
    assert server.n_requests == 20
    assert timeless(both).head(12).equals(timeless(first))
    assert again.equals(both)
    assert (
        wb.runs.read(tmp_path / "a")
        .outputs.drop(columns="cost_usd")
        .equals(both.drop(columns="cost_usd"))
    )


def test_a_changed_prompt_asks_only_its_own_cells(tmp_path):
    rows, other = rows_of(5), wb.Prompt.of("Other: {{ input }}", name="other")
    with Server() as server:
        model = endpoint(server)
        wb.run(rows, models=model, prompts=[SAY, other], store=tmp_path)
        changed = wb.Prompt.of("Another: {{ input }}", name="other")
        wb.run(rows, models=model, prompts=[SAY, changed], store=tmp_path)
        assert server.n_requests == 15
        wb.run(rows, models=model, prompts=[SAY, other], store=tmp_path)
        assert server.n_requests == 15


def test_failures_are_kept_and_asked_again_on_request(tmp_path):
    is_down = True
    with Server(lambda body, nth: "500" if is_down else "") as server:

        def start(**options):
            return wb.run(
                rows_of(3),
                models=endpoint(server),
                prompts=SAY,
                store=tmp_path,
                retries=Retries(1),
                **options,
            )

        assert start()["error"].tolist() == ["HTTP 500: a fault"] * 3
        is_down = False
        assert start()["error"].tolist() == ["HTTP 500: a fault"] * 3
        assert server.n_requests == 3
        assert start(retry_failures=True)["category"].tolist() == ["ok"] * 3


def test_colons_in_names_make_no_two_answers_one():
    rows = wb.read([{"row_id": "x:1", "input": "a"}, {"row_id": "1", "input": "b"}])
    prompts = [wb.Prompt.of("{{ input }}", name=name) for name in ("say", "say:x")]
    outputs = wb.run(rows, models=wb.Function(lambda messages, **_: "c", name="m"), prompts=prompts)
    assert outputs["output_id"].nunique() == 4
    assert "m · say:1:0" in set(outputs["output_id"])


def test_rows_that_say_the_same_have_answers_of_their_own():
    texts = iter(range(9))
    count = wb.Function(lambda messages, **_: str(next(texts)), concurrency=1)
    rows = wb.read([{"row_id": "a", "input": "x"}, {"row_id": "b", "input": "x"}])
    outputs = wb.run(rows, models=count, prompts=SAY, repeats=2)
    assert sorted(outputs["text"]) == ["0", "1", "2", "3"]


STARTED = """
import os, sys
from decimal import Decimal
import workbench as wb
from workbench.pricing import Price
from workbench.runs import running  # what takes long is imported once
url, folder, n = sys.argv[1:]
rows = wb.read([{"row_id": f"r{i}", "input": f"question {i}"} for i in range(int(n))])
free = Price(Decimal(0), Decimal(0))
model = wb.Endpoint("m", base_url=url, api_key_env=None, concurrency=8, price=free)
prompt = wb.Prompt.of("Answer: {{ input }}", name="say")
for _ in sys.stdin:
    if not (child := os.fork()):
        wb.run(rows, models=model, prompts=prompt, store=folder, name="k")
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Starter:
    """A process that starts the same run again and again, each time in a process of its own."""

    def __init__(self, server, folder, n_rows):
        self.server = server
        command = [sys.executable, "-c", STARTED, server.url, str(folder), str(n_rows)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _, self.told = self.process.communicate(timeout=30)

    def start(self):
        """Start the run, and return its process once it has asked something."""
        before = self.server.n_requests
        self.process.stdin.write("start\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        while self.server.n_requests == before and Path(f"/proc/{pid}").exists():
            time.sleep(0.002)
        return pid

    def end(self):
        """Wait for the run, and return its status."""
        return int(self.process.stdout.readline())


def committed(folder):
    with closing(sqlite3.connect(folder / "answers.sqlite")) as base:
        return {bytes(key) for (key,) in base.execute("SELECT key FROM answers")}


def check_kills(tmp_path, n_kills, seed):
    """Kill a run again and again; the server counts what it was asked."""
    luck, n_rows = Random(seed), 40 + 25 * n_kills
    rows, stored = rows_of(n_rows), set()
    with Server(latency_s=0.01) as server, Starter(server, tmp_path, n_rows) as starter:
        for _ in range(n_kills):
            pid = starter.start()
            time.sleep(luck.uniform(0, 0.2))
            with suppress(ProcessLookupError):  # it may have come to its end
                os.kill(pid, signal.SIGKILL)
            assert starter.end() in {-signal.SIGKILL, 0}
            found = committed(tmp_path / "k")
            assert stored <= found  # nothing that was committed is lost
            stored = found
        starter.start()
        assert starter.end() == 0
        n_again = server.n_requests - n_rows
        undisturbed = wb.run(rows, models=endpoint(server), prompts=SAY)
    # of each kill at most those in flight are asked again, and nobody else
    assert 0 <= n_again <= 8 * n_kills
    outputs = wb.runs.read(tmp_path / "k").outputs
    assert outputs["text"].tolist() == expected(outputs, rows)
    pd.testing.assert_frame_equal(timeless(outputs), timeless(undisturbed))


def test_a_killed_run_loses_nothing_and_asks_little_again(tmp_path):
    check_kills(tmp_path, 3, 0)


@pytest.mark.slow
def test_many_kills_lose_nothing(tmp_path):
    for seed in range(10 if os.environ.get("WORKBENCH_SCALE") == "full" else 2):
        (folder := tmp_path / str(seed)).mkdir()
        check_kills(folder, 10, seed)


def test_an_interrupted_run_can_be_resumed(tmp_path):
    with Server(latency_s=0.1) as server:
        with Starter(server, tmp_path, 200) as starter:
            pid = starter.start()
            while not committed(tmp_path / "k") and Path(f"/proc/{pid}").exists():
                time.sleep(0.02)
            os.kill(pid, signal.SIGINT)
            assert starter.end() == -signal.SIGINT
            assert 0 < len(committed(tmp_path / "k")) < 200
            starter.start()
            assert starter.end() == 0
        assert "KeyboardInterrupt" in starter.told
        assert server.n_requests <= 200 + 8


def test_it_runs_inside_a_running_loop():
    import asyncio

    async def cell():
        return wb.run(
            rows_of(2), models=wb.Function(lambda messages, **_: "a", name="a"), prompts=SAY
        )

    assert asyncio.run(cell())["text"].tolist() == ["a", "a"]


def test_coroutine_functions_are_awaited_and_errors_are_cells():
    async def moody(messages, **parameters):
        if "1" in messages[0]["content"]:
            raise OSError("no luck")
        return Answer("fine", usage=Usage(3, 1))

    outputs = wb.run(rows_of(2), models=wb.Function(moody), prompts=SAY)
    assert outputs["category"].tolist() == ["ok", "error"]
    assert outputs["error"].tolist()[1] == "OSError: no luck"
    assert outputs["input_tokens"].tolist()[0] == 3


def test_a_record_answers_as_it_did():
    rows = rows_of(3)
    known = wb.outputs(rows, {"clerk": ["a", "b", None]})
    outputs = wb.run(rows, models=wb.Recorded(known), prompts=SAY)
    assert outputs["text"].tolist()[:2] == ["a", "b"]
    assert outputs["category"].tolist() == ["ok", "ok", "empty"]


# -- budgets ---------------------------------------------------------------------------------------


def test_what_a_small_budget_leaves_out_is_shown():
    with Server() as server:
        outputs = wb.run(rows_of(10), models=endpoint(server), prompts=SAY, budget=Budget(calls=3))
    assert server.n_requests == 3
    skipped = outputs[outputs["category"] == "skipped"]
    assert len(skipped) == 7
    assert set(skipped["error"]) == {"not asked: the budget had no room for it"}


@given(st.integers(0, 10**6))
def test_a_budget_is_never_exceeded(seed):
    luck = Random(seed)

    def plan(body, nth):
        if luck.random() < 0.2:
            return luck.choice(["500", "429", "garbage", "wrong-usage"])
        n_read = luck.randrange(1, 30)
        written = luck.randrange(1, body["max_tokens"] + 1)
        reasoning = luck.randrange(0, written + 1)
        return {
            "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": n_read,
                "completion_tokens": written,
                "completion_tokens_details": {"reasoning_tokens": reasoning},
            },
        }

    budget = Budget(
        dollars=luck.choice([None, luck.uniform(0, 0.002)]),
        tokens=luck.choice([None, luck.randrange(2_000)]),
        calls=luck.choice([None, luck.randrange(20)]),
    )
    states: list[Progress] = []
    with Server(plan) as server:
        model = endpoint(server, price=CHEAP, parameters={"max_tokens": luck.choice([10, 100])})
        outputs = wb.run(
            rows_of(12), models=model, prompts=SAY, budget=budget, retries=Retries(3, first_s=0.001), progress=states.append
        )  # fmt: skip
    end = states[-1]
    assert end.n_calls == server.n_requests
    assert budget.calls is None or server.n_requests <= budget.calls
    assert (
        budget.tokens is None
        or outputs[["input_tokens", "output_tokens"]].sum().sum() <= end.n_tokens <= budget.tokens
    )
    assert (
        budget.dollars is None
        or outputs["cost_usd"].sum() <= end.dollars + 1e-12 <= budget.dollars + 1e-12
    )


def test_a_server_that_charges_more_than_it_can_is_trusted_no_further():
    def plan(body, nth):
        usage = {"prompt_tokens": 5, "completion_tokens": 1_000}
        return {"choices": [{"message": {"content": "a"}}], "usage": usage}

    with Server(plan) as server:
        model = endpoint(server, parameters={"max_tokens": 10}, concurrency=1)
        outputs = wb.run(rows_of(50), models=model, prompts=SAY, budget=Budget(tokens=2_500))
    # the first call shows it, and later ones are set aside for what they will be charged
    assert server.n_requests == 2
    assert outputs[["input_tokens", "output_tokens"]].sum().sum() == 2_010


@pytest.mark.parametrize(
    ("answer", "options", "budget", "n_calls"),
    [
        (Answer("a", cost_usd=1.0), {}, Budget(dollars=2), 2),
        (Answer("a", cost_usd=1.0), {}, Budget(dollars=0.5), 1),
        (Answer("a", cost_usd=0.0), {}, Budget(dollars=0), 10),
        (Answer("a"), {}, Budget(dollars=0, tokens=0), 10),
        (Answer("a", usage=Usage(50, 50)), {}, Budget(tokens=250), 2),
        # 34 tokens read and 5 written may cost 44 millionths, and this answer says otherwise
        (Answer("a", usage=Usage(1, 1), cost_usd=1.0), {"price": CHEAP, "concurrency": 1}, Budget(dollars=2.5), 2),
    ],
)  # fmt: skip
def test_what_answers_tell_of_their_cost_counts(answer, options, budget, n_calls):
    asked, states = [], []

    def tell(messages, **_):
        asked.append(messages)
        time.sleep(0.01)  # others could go meanwhile
        return answer

    model = wb.Function(tell, parameters={"max_tokens": 5}, **options)
    outputs = wb.run(rows_of(10), models=model, prompts=SAY, budget=budget, progress=states.append)
    assert len(asked) == n_calls
    assert set(outputs["error"].dropna()) <= {"not asked: the budget had no room for it"}
    assert states[-1].dollars == outputs["cost_usd"].sum()
    assert "$" in str(states[-1]) or not states[-1].dollars


def test_what_was_recorded_takes_nothing_of_a_budget():
    rows = rows_of(3)
    paid = wb.run(rows, models=wb.Function(lambda m: Answer("a", usage=Usage(9, 9), cost_usd=1.0)))
    again = wb.run(rows, models=wb.Recorded(paid), budget=Budget(dollars=1, tokens=1))
    assert again["cost_usd"].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("cost", [-1.0, float("nan"), "1"])
def test_a_cost_that_is_none_is_a_failure(cost):
    model = wb.Function(lambda messages: Answer("a", cost_usd=cost))
    assert wb.run(rows_of(1), models=model)["error"].tolist() == [
        f"an Answer's cost_usd must be a number of at least 0, but {cost!r} came"
    ]


def test_a_budget_needs_prices_and_limits():
    with Server() as server:
        with pytest.raises(BadValue, match="a budget of dollars must know what every model costs"):
            wb.run(
                rows_of(1),
                models=endpoint(server, price=None),
                prompts=SAY,
                budget=Budget(dollars=1),
            )
        with pytest.raises(
            BadValue, match="set max_tokens in the parameters of the prompt or the model"
        ):
            wb.run(rows_of(1), models=endpoint(server), prompts=SAY, budget=Budget(tokens=9))
        assert server.n_requests == 0


def test_a_run_is_read_with_its_own_prices_or_others(tmp_path):
    dear = Price(Decimal(1), Decimal(2), above=((3, Price(Decimal(3), Decimal(4))),))
    table = Prices("house", date(2026, 11, 1), {"m": Price(Decimal(5), Decimal(6))})
    with Server() as server:
        model = endpoint(server, price=dear)
        outputs = wb.run(rows_of(1), models=model, prompts=SAY, store=tmp_path)
    assert outputs["cost_usd"].tolist() == [4 * 3 + 10 * 4]
    pd.testing.assert_frame_equal(wb.runs.read(outputs.attrs["run"]).outputs, outputs)
    mended = wb.runs.read(outputs.attrs["run"], prices=table).outputs
    assert mended["cost_usd"].tolist() == [4 * 5 + 10 * 6]
    other = Prices("other", date(2026, 11, 1), {"n": CHEAP})
    pd.testing.assert_frame_equal(wb.runs.read(outputs.attrs["run"], prices=other).outputs, outputs)


def test_a_model_without_a_price_costs_an_unknown_sum():
    with Server() as server, pytest.warns(RuntimeWarning, match="no price is known for 'm'"):
        outputs = wb.run(rows_of(1), models=endpoint(server, price=None), prompts=SAY)
    assert outputs["cost_usd"].isna().all()


def test_an_estimate_asks_nobody(tmp_path):
    with Server() as server:
        model = endpoint(server, price=CHEAP, parameters={"max_tokens": 100})
        told = wb.run(rows_of(4), models=model, prompts=SAY, store=tmp_path, estimate=True)
        assert server.n_requests == 0
        assert not list(tmp_path.iterdir())
        wb.run(rows_of(1), models=model, prompts=SAY, store=tmp_path)
        (folder,) = tmp_path.iterdir()
        before = wb.runs.read(folder).outputs
        left = wb.run(rows_of(4), models=model, prompts=SAY, store=tmp_path, estimate=True)
    assert wb.runs.read(folder).outputs.equals(before)
    assert (told.n_calls, told.n_cells, left.n_calls, left.n_stored) == (4, 4, 3, 1)
    # 18 bytes and 16 for the message, or 100 written
    assert told.most_tokens == 4 * (18 + 16 + 100)
    assert told.most_dollars == pytest.approx(4 * (34 + 2 * 100) / 10**6)
    assert repr(told).startswith(
        "Estimate: 4 calls for 4 cells (0 answered already); about 20 tokens read, at most 536"
    )


def test_a_time_limit_leaves_the_rest_for_later(tmp_path):
    with Server(latency_s=0.05) as server:
        model = endpoint(server, concurrency=2)
        outputs = wb.run(rows_of(100), models=model, prompts=SAY, store=tmp_path, time_limit_s=0.3)
        n_first = (outputs["category"] == "ok").sum()
        assert 0 < n_first < 100
        assert set(outputs["error"].dropna()) == {"not asked: the time limit of 0.3 s came first"}
        again = wb.run(rows_of(100), models=endpoint(server), prompts=SAY, store=tmp_path)
    assert set(again["category"]) == {"ok"}


def test_progress_counts_what_is_done():
    told = []
    with Server(
        lambda body, nth: "500" if " 1" in body["messages"][0]["content"] else ""
    ) as server:
        wb.run(
            rows_of(5),
            models=endpoint(server, price=CHEAP),
            prompts=SAY,
            retries=Retries(1),
            progress=told.append,
        )
    end = told[-1]
    assert (end.n_cells, end.n_done, end.n_failed, end.n_calls, end.in_flight) == (5, 5, 1, 5, 0)
    assert end.n_tokens == 4 * (4 + 10)
    assert str(end).startswith("5 of 5 cells (1 failed), 56 tokens, $0.0001, ")


# -- what cannot be run ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"models": []}, BadKind, "models must be a list of Model objects, but none came; see wb.models."),
        ({"models": ["gpt"]}, BadKind, "models must be a list of Model objects, but 'str' came; see wb.models."),
        ({"models": "gpt"}, BadKind, "models must be a list of Model objects, but 'str' came; see wb.models."),
        ({"models": None}, BadKind, "models must be a list of Model objects, but 'NoneType' came; see wb.models."),
        ({"rows": [{"input": "a"}]}, BadKind, "rows must be a DataFrame, but list came; read them by wb.read."),
        ({"budget": 3}, BadKind, "budget must be a Budget, but int came; use wb.Budget(dollars=3)."),
        ({"retries": 3}, BadKind, "retries must be Retries, but int came; use wb.runs.Retries(attempts=3)."),
        ({"retries": None}, BadKind, "retries must be Retries, but NoneType came; use wb.runs.Retries(attempts=3)."),
        ({"prices": "p.toml"}, BadKind, "prices must be Prices, but str came; read them by wb.pricing.Prices.read."),
        ({"prices": {"e": 1}}, BadKind, "prices must be Prices, but dict came; read them by wb.pricing.Prices.read."),
        ({"time_limit_s": "1"}, BadValue, "time_limit_s must be a number of at least 0, but '1' came; leave it out for no limit."),
        ({"time_limit_s": -1}, BadValue, "time_limit_s must be a number of at least 0, but -1 came; leave it out for no limit."),
        ({"repeats": 0}, BadValue, "repeats must be a whole number of at least 1, but 0 came; use 1."),
        ({"name": "..", "store": "here"}, BadValue, "a run must have a name that a folder can have, but '..' came; pass name=."),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_said(tmp_path, options, kind, message):
    echo = wb.Function(lambda messages, **_: "a", name="a")
    usual = {"rows": rows_of(1), "models": [echo], "prompts": SAY, "store": tmp_path}
    with pytest.raises(kind) as error:
        wb.run(**usual | options)
    assert str(error.value) == message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"dollars": "2"}, "a budget's dollars must be a number of at least 0, but '2' came; leave it out for no limit."),
        ({"tokens": 1.5}, "a budget's tokens must be a whole number of at least 0, but 1.5 came; leave it out for no limit."),
        ({"calls": -1}, "a budget's calls must be a whole number of at least 0, but -1 came; leave it out for no limit."),
    ],
)  # fmt: skip
def test_a_budget_of_no_number_is_refused(limits, message):
    with pytest.raises(BadValue) as error:
        Budget(**limits)
    assert str(error.value) == message


def test_names_must_tell_models_apart():
    echo = wb.Function(lambda messages, **_: "a", name="a")
    with pytest.raises(BadValue, match="models must have distinct names, but 'a' came twice"):
        wb.run(rows_of(1), models=[echo, echo], prompts=SAY)


def test_a_denied_key_ends_the_run_at_once():
    denied = {"status": 401, "error": {"message": "who are you?"}}
    with Server(lambda body, nth: dict(denied)) as server:
        with pytest.raises(BadValue) as error:
            wb.run(rows_of(50), models=endpoint(server, concurrency=1), prompts=SAY)
        assert server.n_requests == 1
        assert str(error.value) == (
            f"Endpoint 'm' at {server.url} must accept our calls, but it says 'HTTP 401: who are you?'; check its "
            "address, its model's name and its key."
        )


def test_two_processes_do_not_write_to_one_run(tmp_path):
    from workbench.runs.store import Store

    with (
        Store(tmp_path / "a"),
        pytest.raises(BadValue, match="one process at a time may write to a run"),
    ):
        wb.run(
            rows_of(1),
            models=wb.Function(lambda messages, **_: "a"),
            prompts=SAY,
            store=tmp_path,
            name="a",
        )


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(Unreadable, match="the folder of a run must be one that can be written to"):
        wb.run(
            rows_of(1),
            models=wb.Function(lambda messages, **_: "a"),
            prompts=SAY,
            store=tmp_path / "file",
        )


def test_a_full_disk_keeps_what_was_stored(tmp_path, monkeypatch):
    from workbench.runs import store as module

    with Server() as server:
        wb.run(rows_of(5), models=endpoint(server), prompts=SAY, store=tmp_path, name="a")
        connected = module._connected

        def small(place):
            base = connected(place)
            pages = base.execute("PRAGMA page_count").fetchone()[0]
            base.execute(f"PRAGMA max_page_count = {max(1, pages + 1)}")
            return base

        monkeypatch.setattr(module, "_connected", small)
        with pytest.raises(Unreadable, match="database or disk is full"):
            wb.run(rows_of(900), models=endpoint(server), prompts=SAY, store=tmp_path, name="a")
        monkeypatch.undo()
        n_before = server.n_requests
        outputs = wb.run(rows_of(5), models=endpoint(server), prompts=SAY, store=tmp_path, name="a")
    assert server.n_requests == n_before
    assert set(outputs["category"]) == {"ok"}


def test_a_read_only_folder_is_told_and_can_be_read(tmp_path):
    def start(name="a"):
        model = endpoint(server, parameters={"seed": 1})
        return wb.run(rows_of(5), models=model, prompts=SAY, store=tmp_path, name=name)

    with Server() as server:
        outputs = start()
        places = [*(tmp_path / "a").iterdir(), tmp_path / "a", tmp_path]
        before = {place: place.read_bytes() for place in places if place.is_file()}
        for place in places:
            place.chmod(0o555)
        with without_override():
            for name in ("a", "b"):
                with pytest.raises(Unreadable, match=r"Permission denied.*check its permissions"):
                    start(name)
            pd.testing.assert_frame_equal(wb.runs.read(tmp_path / "a").outputs, outputs)
        assert {place: place.read_bytes() for place in before} == before
        assert set(tmp_path.iterdir()) == {tmp_path / "a"}
        for place in places[::-1]:
            place.chmod(0o755)
        assert start()["text"].tolist() == outputs["text"].tolist()
        assert server.n_requests == 5


# -- secrets ---------------------------------------------------------------------------------------

CANARY = "sk-canary-0123456789"


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_is_left_nowhere(tmp_path, monkeypatch, stream):
    monkeypatch.setenv("CANARY_KEY", CANARY)

    def plan(body, nth):
        if " 0" in body["messages"][0]["content"]:
            return {"status": 400, "error": {"message": f"bad key {CANARY}"}}
        return f"your key is {CANARY}"

    with Server(plan) as server:
        model = endpoint(server, api_key_env="CANARY_KEY", stream=stream)
        outputs = wb.run(rows_of(3), models=model, prompts=SAY, store=tmp_path)
        assert server.keys == {f"Bearer {CANARY}"}
    left = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    assert CANARY.encode() not in left
    assert CANARY not in outputs.to_csv() + repr(model) + repr(
        wb.runs.read(next(tmp_path.iterdir()))
    )
    assert outputs["text"].tolist()[1:] == ["your key is [key]"] * 2


def test_a_key_does_not_stand_in_a_traceback(monkeypatch):
    import traceback

    monkeypatch.setenv("CANARY_KEY", CANARY)
    with Server(lambda body, nth: {"status": 401, "error": f"no {CANARY}"}) as server:
        try:
            wb.run(rows_of(1), models=endpoint(server, api_key_env="CANARY_KEY"), prompts=SAY)
        except BadValue as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = "".join(told.format())
    assert CANARY not in shown


NOTEBOOK = [
    "import workbench as wb",
    'rows = wb.read([{"input": f"question {i}"} for i in range(3)])',
    'model = wb.Endpoint("m", base_url=URL, api_key_env="CANARY_KEY")',
    "model",
    'wb.run(rows, models=model, store=STORE)[["text", "error"]]',
    "wb.runs.list(STORE)",
    'wb.run(rows, models=wb.Endpoint("none", base_url=URL, api_key_env="CANARY_KEY"), store=STORE, name="b")',
]


@pytest.mark.slow
def test_a_key_is_not_in_a_notebook(tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("CANARY_KEY", CANARY)

    def plan(body, nth):
        if body["model"] == "none":
            return {"status": 401, "error": {"message": f"who is {CANARY}?"}}
        return "400" if " 0" in str(body["messages"]) else f"your key is {CANARY}"

    with Server(plan) as server:
        cells = [f"URL, STORE = {server.url!r}, {str(tmp_path / 'runs')!r}", *NOTEBOOK]
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
        NotebookClient(book, kernel_name="python3", allow_errors=True).execute()
    text = nbformat.writes(book)
    assert "your key is [key]" in text
    assert "must accept our calls" in text
    assert CANARY not in text


def test_a_missing_key_is_asked_for(monkeypatch):
    monkeypatch.delenv("CANARY_KEY", raising=False)
    with Server() as server, pytest.raises(BadValue) as error:
        wb.run(rows_of(1), models=endpoint(server, api_key_env="CANARY_KEY"), prompts=SAY)
    assert str(error.value) == (
        "the environment must hold the key of 'm', but CANARY_KEY is not set; set it, or pass api_key_env=None for a "
        "server without keys."
    )


def test_embeddings_stand_in_the_order_of_their_texts():
    with Server() as server:
        vectors = endpoint(server).embed(["a" * n for n in range(300)])
    assert vectors.shape == (300, 2)
    assert vectors[:, 0].tolist() == list(range(300))


def test_memory_is_flat_in_calls_under_way():
    tasks = []

    async def answer(messages, **_):
        import asyncio

        tasks.append(len(asyncio.all_tasks()))
        return "a"

    wb.run(rows_of(2_000), models=wb.Function(answer, concurrency=16), prompts=SAY)
    assert max(tasks) < 40
