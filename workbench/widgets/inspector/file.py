"""The inspector as one file: the data in compressed pieces, and the script that opens them."""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workbench.trajectories.model import Json, Run
from workbench.widgets.inspector import aligned, pages, timeline, tree
from workbench.widgets.inspector.folding import folds_in_all
from workbench.widgets.inspector.ranking import outline_of, suspects_of
from workbench.widgets.inspector.scripts import STYLE, file_script

if TYPE_CHECKING:
    from workbench.trajectories.auditing.policy import Policy
    from workbench.trajectories.collection import Runs
    from workbench.widgets.inspector.coding import Notes
    from workbench.widgets.inspector.listing import Listing


def written(
    runs: "Runs",
    policy: "Policy | None",
    *,
    fallback: str,
    notes: "Notes",
    listing: "Listing",
    at: tuple[int, int],
) -> Iterator[str]:
    """Write the file, piece by piece: its head, the data of each run, the index, the script.

    Parameters
    ----------
    runs : Runs
        What it shows.
    policy : Policy or None
        Whose breaches are marked.
    fallback : str
        The HTML of a page without scripts.
    notes : Notes
        What people say of the runs.
    listing : Listing
        What the list of runs shows.
    at : (int, int)
        The run and the step that are open first.
    """
    script = f"{file_script()}\nopenFile(document);\n"
    yield _head(script, fallback)
    index: dict[str, Any] = {"n_runs": len(runs), "chunks": [], "at": at}
    index |= {"ranked": [], "loops": [], "tools": listing.tools, "scored": listing.is_scored}
    for place, run in enumerate(runs):
        starts: list[int] = []
        for chunk in pages.chunks(run):
            yield _data(f"r{place}-{len(starts)}", chunk)
            starts.append(chunk["from"])
        beside = _beside(run, policy, listing.findings.get(place, []), hints=notes.hints)
        for name, piece in beside.items():
            yield _data(f"{name}{place}", piece)
        yield _data(f"c{place}", notes.for_file(place))
        _add_ranks(index, place, beside["r"])
        index["chunks"].append(starts)
    for name, piece in aligned.pieces(runs):
        yield _data(name, piece)
    index["tasks"] = aligned.tasks(runs)
    index["runs"] = listing.rows(0, len(runs), n_bytes=None)
    if not len(runs):
        index["nothing"] = pages.nothing(runs)
    yield _data("index", index)
    yield f'<script type="module">{script}</script>\n</body></html>\n'


def _beside(
    run: Run, policy: "Policy | None", findings: list[dict[str, Json]], *, hints: bool
) -> dict[str, dict[str, Json]]:
    """Return what a file holds of a run beside its steps, by the first letters of its names."""
    agents = pages.agents_of(run)
    told = {"agents": [*map(pages.agent_name, agents)], "acting": [*map(pages.clean, agents)]}
    marks: dict[str, Json] = {"marks": outline_of(run, policy, findings, hints=hints)}
    marks |= suspects_of(run, hints=hints) | told | {"folds": folds_in_all(run.steps)}
    return {"r": marks, **tree.pieces(run), **timeline.pieces(run)}


def _add_ranks(index: dict[str, Any], place: int, told: dict[str, Json]) -> None:
    """Add what `suspect_counts` answers of a run."""
    if first := pages.first_of(told["suspects"]):
        index["ranked"].append([place, *first])
    if n_loops := sum(mark["type"] == "loop" for mark in told["marks"]):
        index["loops"].append([place, n_loops])


def _head(script: str, fallback: str) -> str:
    """Return the beginning of the page; under its policy our own script runs, and nothing else."""
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(STYLE)}'; "
        "worker-src blob:; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">\n'
        f"<title>Trajectories</title><style>{STYLE}</style></head>\n"
        f'<body class="wi-page"><main id="inspector"><noscript>{fallback}</noscript></main>\n'
    )


def _data(name: str, value: Json) -> str:
    """Write a piece of data into a page: letters and digits only, which no page obeys."""
    # what is no JSON is no JSON for JavaScript either
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return f'<script type="text/plain" id="wi-{name}">{packed}</script>\n'


def _hash(text: str) -> str:
    """Return what a content-security policy calls a script or a style sheet by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
