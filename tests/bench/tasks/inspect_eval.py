"""A log of Inspect's, `.eval`, into the columns of STEPS, from the file to an Arrow table.

The peer is Inspect's own `read_eval_log`, which makes an object of each event and no table. The
samples are small ones that Inspect wrote, with texts as long as those of a real log of a browsing agent.
"""

PEER = "inspect_ai"
PYTHON = "WORKBENCH_INSPECT_PYTHON"
SIZE = 1_000
UNIT = "{n} samples"
GOAL = 5.0


def ours(n):
    from inspect_files import inspect_log, our_figures

    path = inspect_log(n, ".eval")
    return lambda: our_figures(path)


def theirs(n):
    from inspect_files import inspect_log, their_figures

    path = inspect_log(n, ".eval")
    return lambda: their_figures(path)
