"""What the commands share: how they are declared, exit statuses, and what reaches a terminal."""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any

from workbench.display import COMMANDS, plain, visible
from workbench.errors import Unreadable
from workbench.tables import is_missing

DONE, GATE_FAILED, BAD_INPUT = 0, 1, 2


def command(
    commands: Any,  # noqa: ANN401 - argparse keeps the type private
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    *,
    example: str,
) -> argparse.ArgumentParser:
    """Declare a command, with an example at the end of its help."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary, epilog=f"example: {example}"
    )
    parser.set_defaults(run=run)
    return parser


def progress(doing: str) -> Callable[[int, int], None] | None:
    """Return a progress line for a terminal, shown once the work takes more than two seconds."""
    if not sys.stderr.isatty():
        return None
    begin = time.monotonic()

    def report(done: int, total: int) -> None:
        if time.monotonic() - begin > 2:
            end = "\r\x1b[K" if done >= total else ""
            sys.stderr.write(f"\r{doing} {done / total:.0%}{end}")
            sys.stderr.flush()

    return report


def say(text: str) -> None:
    """Write to standard output, where no text may command a terminal."""
    try:
        sys.stdout.write(visible(f"{text}\n", but="\n"))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is {sys.stdout.encoding}"
        # what was not written would be tried again, in vain, when Python ends
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123
        raise Unreadable(
            f"standard output must take UTF-8 text of any length, but it does not ({reason}); "
            "make room, or send it elsewhere."
        ) from None


def say_json(value: object) -> None:
    """Write a value to standard output as JSON, in which a missing number is null."""
    text = json.dumps(_plain(value), indent=1, ensure_ascii=False, default=str)
    # JSON lets most of these stand in a text; the line ends are those between the cells
    say(COMMANDS.sub(lambda c: "\n" if c[0] == "\n" else f"\\u{ord(c[0]):04x}", text))


def _plain(value: object) -> object:
    """JSON knows no NaN, and numpy's numbers are none of its own."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if is_missing(value) or value in (math.inf, -math.inf) else value


def tell(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"workbench: {plain(text)}\n")
