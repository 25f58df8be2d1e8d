"""The same verbs from a shell: `workbench tour | lab | score | compare | run | rate | trajectories | notebooks | report | bench`.

Exit status 0 means done, 1 that a gate failed, 2 that the input was bad.
"""

import argparse
import sys
from collections.abc import Sequence

from workbench import __version__
from workbench.cli import comparing, documents, people, reliability, running, trajectories
from workbench.cli.terminal import BAD_INPUT, DONE, tell
from workbench.display import plain
from workbench.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _options(arguments)
    try:
        status: int = options.run(options)
    except InputError as error:
        tell(str(error))
        return BAD_INPUT
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; Python would complain again at exit.
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123
        return DONE
    except OSError as error:
        tell(
            f"{error.filename or 'every file'} must be readable and writable, but that failed "
            f"({error.strerror or error}); check the path, its permissions and the room on the disk."
        )
        return BAD_INPUT
    except KeyboardInterrupt:
        tell("stopped.")
        return 130
    return status


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments; what `lab` does not know is for JupyterLab."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not documents.lab:
        parser.error(plain(f"unrecognized arguments: {' '.join(rest)}"))
    options.rest = rest
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workbench",
        description="Compare models and prompts, with figures that say how sure they are.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    documents.add_tour(commands)
    documents.add_lab(commands)
    comparing.add_score(commands)
    comparing.add_compare(commands)
    running.add_run(commands)
    running.add_runs(commands)
    people.add_rate(commands)
    reliability.add_agreement(commands)
    reliability.add_rank(commands)
    trajectories.add_trajectories(commands)
    documents.add_notebooks(commands)
    documents.add_report(commands)
    documents.add_bench(commands)
    return parser
