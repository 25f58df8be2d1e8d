"""The server as a process: its socket, its signals, its end."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Iterator

import uvicorn

from workbench.errors import BadValue, Unreadable
from workbench.serving.app import LARGEST_MESSAGE, Site

log = logging.getLogger("workbench.serving")

# Raters keep a connection each, and browsers open a few more for files.
_MOST_CONNECTIONS = 4_000
_END_S = 20


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def warning(host: str, public_url: str) -> str:
    """Return what to say about who can read along; empty where nobody can.

    Parameters
    ----------
    host : str
        Where the server listens.
    public_url : str
        Where people find it.
    """
    if is_loopback(host) or public_url.startswith("https:"):
        return ""
    return (
        f"links and answers can be read by anybody between here and a rater, since {host} is open "
        "to other machines without TLS; put a proxy with TLS before it and give its address as "
        "--public-url https://…"
    )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Parameters
    ----------
    host : str
        The address.
    port : int
        The port; 0 for any that is free.

    Raises
    ------
    BadValue
        If there is no such port.
    Unreadable
        If it cannot be had.
    """
    if not 0 <= port <= 65_535:
        raise BadValue(f"--port must be from 0 to 65535, but {port} came.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        # Python adds the address to some reasons, and names are looked up with numbers of their own
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise Unreadable(
            f"{host} port {port} must be free to listen on, but it is not ({reason}); choose "
            "another --port or --host."
        ) from None


class _Server(uvicorn.Server):
    """A server whose end is no accident: whoever asked for it gets a clean exit."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.handle_exit, each, None)
        yield


def run(site: Site, listener: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C comes; what was acknowledged or asked for is stored by then.

    Parameters
    ----------
    site : Site
        What to serve.
    listener : socket
        Where to listen.
    """
    config = uvicorn.Config(
        site.app(),
        log_config=None,
        access_log=False,
        log_level=logging.ERROR,
        server_header=False,
        # the address of whoever asks is a proxy's word only where there is a proxy
        proxy_headers=bool(site.public_url),
        ws_max_size=LARGEST_MESSAGE,
        # hundreds of compressors cost more than they save
        ws_per_message_deflate=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_END_S,
    )
    log.info("serving")
    asyncio.run(_Server(config).serve(sockets=[listener]))
    log.info("ended")
