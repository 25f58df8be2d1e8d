"""Calls to a chat endpoint that takes 50 ms, 50 at a time, against bare sockets: the ceiling.

The ratio is the share of the possible throughput that we reach.
"""

PEER = "evaluation-workbench"  # its bare client
SIZE = 4_000
UNIT = "{n} calls of 50 ms, 50 at a time"
GOAL = 0.8


def ours(n):
    from answering import asked_by_workbench, served

    return asked_by_workbench(n, served(0.05))


def theirs(n):
    from answering import asked_by_sockets, served

    return asked_by_sockets(n, served(0.05))
