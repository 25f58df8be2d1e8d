"""Tables of tools, latencies and costs over many steps, from columns in memory to figures.

Both sides start from what each would hold: ours from an Arrow table of STEPS, pandas from a frame
with categories. Runs have 100 steps below one span that repeats their tokens, which counts once.
"""

PEER = "pandas"
SIZE = 10_000_000
UNIT = "{n} steps, 100 per run"
GOAL = 1.0
TOLERANCE = {"seconds": 1e-6, "cost": 1e-6, "rate": 1e-12}

PER_RUN = 100
MODELS = {"small": ("0.25", "0.025", "2"), "large": ("3", "0.3", "15")}  # USD per million tokens


def columns(n):
    """Return the columns of steps; −1 and NaN stand for what is not recorded."""
    import numpy as np

    rng = np.random.default_rng(n)
    step = np.arange(n) % PER_RUN
    kind = np.where(step == 0, 0, 1 + step % 2).astype(np.int32)
    chat = kind == 1
    inputs = np.where(chat, rng.integers(100, 5_000, n), -1)
    outputs = np.where(chat, rng.integers(1, 500, n), -1)
    run = (np.arange(n) // PER_RUN).astype(np.int32)
    for counts in (inputs, outputs):
        totals = np.bincount(run, np.maximum(counts, 0)).astype(np.int64)
        counts[step == 0] = totals
    start = 1_700_000_000_000_000_000 + np.arange(n) * 1_000_000
    return {
        "run_id": run,
        "step": step,
        "kind": kind,
        "parent": np.where(step == 0, -1, 0),
        "model": np.where(chat, rng.integers(0, 2, n), -1).astype(np.int32),
        "tool": np.where(kind == 2, rng.integers(0, 14, n), -1).astype(np.int32),
        "status": (rng.random(n) < 0.03).astype(np.int32),
        "start_ns": start,
        "end_ns": start + (rng.lognormal(0, 1, n) * 1e8).astype(np.int64),
        "input_tokens": inputs,
        "cached_tokens": np.where(inputs >= 0, inputs // 2, -1),
        "output_tokens": outputs,
        "cost_usd": np.where(chat, inputs * 1e-6 + outputs * 1e-5, np.nan),
    }


def names(n):
    return {
        "run_id": [f"run {at}" for at in range(-(-n // PER_RUN))],
        "kind": ["invoke_agent", "chat", "execute_tool"],
        "model": [*MODELS],
        "tool": [f"tool {at:02}" for at in range(14)],
        "status": ["ok", "error"],
    }


def ours(n):
    import datetime
    from decimal import Decimal

    import pyarrow as pa
    import pyarrow.compute as pc

    from workbench.pricing import Price, Prices
    from workbench.trajectories.analysis import tools, usage

    known = names(n)
    arrays = {}
    for name, values in columns(n).items():
        absent = values < 0 if values.dtype.kind == "i" else values != values
        array = pa.array(values, mask=absent)
        if name in known:
            array = pa.DictionaryArray.from_arrays(array, pa.array(known[name]))
        arrays[name] = array
    table = pa.table(arrays)
    rates = {name: [Decimal(each) / 10**6 for each in rates] for name, rates in MODELS.items()}
    models = {name: Price(*(rate[0], rate[2], rate[1])) for name, rate in rates.items()}
    prices = Prices("bench", datetime.date(2026, 11, 1), models)
    assert pc.count(table["run_id"]).as_py() == n

    def work():
        return figures(tools(table), usage(table, prices=prices))

    return work


def theirs(n):
    import pandas as pd

    known, found = names(n), columns(n)
    frame = pd.DataFrame({name: found[name] for name in found if name not in known})
    for name, labels in known.items():
        frame[name] = pd.Categorical.from_codes(found[name], labels)
    for name in ("input_tokens", "cached_tokens", "output_tokens"):
        frame[name] = frame[name].where(frame[name] >= 0)

    def work():
        calls = frame[frame["kind"] == "execute_tool"]
        calls = calls.assign(seconds=(calls["end_ns"] - calls["start_ns"]) / 1e9)
        calls["failed"] = calls["status"] == "error"
        by_tool = calls.groupby("tool", observed=True)
        tools = pd.DataFrame({"n": by_tool.size(), "n_errors": by_tool["failed"].sum()})
        tools["total_s"] = by_tool["seconds"].sum()
        tools["p50_s"] = by_tool["seconds"].quantile(0.5)
        tools["p95_s"] = by_tool["seconds"].quantile(0.95)
        # a step above one with tokens repeats them
        inner = frame[frame["input_tokens"].notna() & (frame["parent"] >= 0)]
        above = inner["run_id"].cat.codes.astype("int64") * PER_RUN + inner["parent"]
        leaves = frame.drop(index=above.unique())
        rates = {name: [float(each) / 1e6 for each in rate] for name, rate in MODELS.items()}
        fresh, cached, written = (
            leaves["model"].map({name: each[at] for name, each in rates.items()}).astype(float)
            for at in range(3)
        )
        leaves = leaves.assign(
            recomputed_usd=(leaves["input_tokens"] - leaves["cached_tokens"]) * fresh
            + leaves["cached_tokens"] * cached
            + leaves["output_tokens"] * written
        )
        sums = ["input_tokens", "cached_tokens", "output_tokens", "cost_usd", "recomputed_usd"]
        runs = leaves.groupby("run_id", observed=True)[sums].sum()
        return figures(tools.reset_index(), runs.reset_index())

    return work


def figures(tools, runs):
    """Return what both sides must agree on: each tool's row, and sums and a sample of runs."""
    tools = tools.sort_values("tool")
    told = {name: [int(each) for each in tools[name]] for name in ("n", "n_errors")}
    for name in ("total_s", "p50_s", "p95_s"):
        told[f"seconds:{name}"] = tools[name].tolist()
    for name in ("input_tokens", "cached_tokens", "output_tokens"):
        told[name] = int(runs[name].sum())
    for name in ("cost_usd", "recomputed_usd"):
        told[f"cost:{name}"] = runs[name].iloc[:100].tolist()
    return told
