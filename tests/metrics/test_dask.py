"""A cluster of dask's scores as one process does, even if a worker is killed on the way."""

import os
import signal

import pandas as pd
import pytest

import workbench as wb

N_ROWS = 10_000
METRICS = [wb.BLEU(), wb.ROUGE("2"), wb.ExactMatch()]


@pytest.fixture
def client(tmp_path):
    """Begin four worker processes on this machine."""
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"temporary-directory": str(tmp_path)}),
        LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.slow
def test_a_cluster_with_a_killed_worker_gives_the_same_bytes(client):
    words = ["the", "cat", "sat", "on", "a", "mat", "again", "and", "it", "rained"]
    texts = [" ".join(words[(at * step) % 10] for step in range(1, 8)) for at in range(N_ROWS)]
    rows = wb.read([{"input": "", "references": [text]} for text in texts])
    systems = {f"s{shift}": texts[shift:] + texts[:shift] for shift in range(10)}
    outputs = wb.outputs(rows, systems)
    serial = wb.score(outputs, rows, METRICS, executor="serial")
    pids = list(client.run(os.getpid).values())
    assert len(pids) == 4

    def kill(done, total):
        if len(pids) == 4 and done < total / 2:
            os.kill(pids.pop(), signal.SIGKILL)

    executor = client.get_executor()
    scores = wb.score(outputs, rows, METRICS, executor=executor, progress=kill)
    assert len(pids) == 3
    assert len(scores.outputs) == 100_000
    for name, statistics in serial.statistics.items():
        assert scores.statistics[name].tobytes() == statistics.tobytes()
    options = {"baseline": "s0", "samples": 200}
    part, expected = (each.only(systems=["s0", "s1", "s2"]) for each in (scores, serial))
    pd.testing.assert_frame_equal(
        wb.compare(part, executor=executor, **options).frame,
        wb.compare(expected, executor="serial", **options).frame,
        check_exact=True,
    )
