"""Ports of 127.0.0.1 for the servers that tests start."""

import contextlib
import random
import socket


def free_port() -> int:
    """Find one that stays free: below those that the system gives to whoever asks for any."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
