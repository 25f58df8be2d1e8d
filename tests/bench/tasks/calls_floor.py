"""Calls to a chat endpoint that answers at once, 50 at a time, against bare sockets: the floor.

The ratio is the share of our processor's time that anybody would need.
"""

PEER = "evaluation-workbench"  # its bare client
SIZE = 2_000
UNIT = "{n} calls by sockets, 50 at a time"
CLOCK = "cpu"


def ours(n):
    from answering import asked_by_workbench, served

    return asked_by_workbench(n, served())


def theirs(n):
    from answering import asked_by_sockets, served

    return asked_by_sockets(n, served())
