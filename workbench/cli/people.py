"""`workbench rate …`: serve the page on which people rate, and look after what they rated."""

import argparse
import csv
import datetime
import io
import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.terminal import DONE, GATE_FAILED, command, say, tell
from workbench.display import counted, plain
from workbench.errors import BadValue

if TYPE_CHECKING:
    from workbench.ratings.assignment import Items
    from workbench.ratings.journal import Journal
    from workbench.ratings.sessions import Study
    from workbench.ratings.tasks import Task
    from workbench.serving.access import Access, Grant

_PORT = 8642
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def add_rate(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench rate` and what it can do."""
    summary = "Let people rate outputs, and look after what they rated."
    example = "workbench rate serve task.yaml --journal ratings.sqlite --raters raters.csv"
    parser = commands.add_parser(
        "rate", help=summary, description=summary, epilog=f"example: {example}"
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    _add_serve(actions)
    _add_links(actions)
    _add_progress(actions)
    _add_verify(actions)
    _add_export(actions)
    _add_import(actions)
    _add_merge(actions)


# --- serve and links ---------------------------------------------------------------------------


def _add_serve(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions,
        "serve",
        _serve,
        "Serve the page on which people rate, with a link for each.",
        example=(
            "workbench rate serve task.yaml --journal ratings.sqlite --raters raters.csv "
            "--rows news-summaries --overlap 2"
        ),
    )
    parser.add_argument("task", nargs="?", help="the task's file; the journal knows it later on")
    parser.add_argument("--journal", required=True, help="where answers are kept: a file or a URL")
    parser.add_argument("--raters", help="CSV with a column 'rater', or one name per line")
    parser.add_argument("--items", help="what to rate: items as JSON lines …")
    parser.add_argument("--rows", help="… or made of a dataset")
    parser.add_argument("--outputs", help="and its outputs (default: those of the dataset)")
    parser.add_argument("--overlap", type=int, default=1, help="raters per item (default: 1)")
    parser.add_argument("--sample", type=int, help="take so many items of --rows (default: all)")
    parser.add_argument("--pool", action="store_true", help="raters take items as they come")
    parser.add_argument("--seed", type=int, default=0, help="of order and sides (default: 0)")
    parser.add_argument("--adjudicator", help="a name: give a link to decide where raters disagree")
    parser.add_argument(
        "--tolerance", type=float, default=0.0, help="how far answers may differ (default: 0)"
    )
    _add_address(parser)
    parser.add_argument("--json", action="store_true", help="write the links as JSON")


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=_PORT, help=f"port (default: {_PORT})")
    parser.add_argument("--public-url", default="", help="where raters find it, behind a proxy")
    parser.add_argument(
        "--expires", default="7d", help="how long links hold, such as 90m, 12h, 7d (default: 7d)"
    )
    parser.add_argument("--secret-file", help="the key of the links (default: beside the journal)")


def _add_links(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions,
        "links",
        _links,
        "Give links to raters, or take them back.",
        example="workbench rate links --journal ratings.sqlite --revoke ana",
    )
    parser.add_argument("--journal", required=True, help="the journal: a file or a URL")
    parser.add_argument("--raters", help="CSV with a column 'rater' (default: all of the plan)")
    parser.add_argument("--revoke", nargs="+", default=[], metavar="RATER", help="take links back")
    parser.add_argument("--adjudicator", help="a name: give a link to decide disagreements")
    _add_address(parser)
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _serve(options: argparse.Namespace) -> int:
    from workbench.ratings.journal import Journal
    from workbench.ratings.journal.keys import signing_key
    from workbench.serving.access import Access
    from workbench.serving.app import Site
    from workbench.serving.clerk import Clerk
    from workbench.serving.hub import Hub
    from workbench.serving.running import listening, run, warning

    lasts, public_url = _lasting(options.expires), _public(options.public_url)
    with Journal.open(options.journal) as journal:
        names = _names(options.raters)
        study = _study(journal, options, names)
        access = Access(study, signing_key(options.journal, file=options.secret_file))
        with listening(options.host, options.port) as listener:
            base = public_url or _base(options.host, listener.getsockname()[1])
            people = names or sorted(study.state.plans)
            _show(
                _given(access, people, options.adjudicator, lasts, base, admin=True), options.json
            )
            if risk := warning(options.host, public_url):
                tell(f"warning: {risk}")
            _log()
            run(Site(Hub(Clerk(study), access, tolerance=options.tolerance), public_url), listener)
    return DONE


def _links(options: argparse.Namespace) -> int:
    from workbench.ratings.journal import Journal
    from workbench.ratings.journal.keys import signing_key
    from workbench.ratings.sessions import Study
    from workbench.serving.access import Access

    lasts, public_url = _lasting(options.expires), _public(options.public_url)
    with Journal.open(options.journal, create=False) as journal:
        study = Study(journal)
        access = Access(study, signing_key(options.journal, file=options.secret_file))
        if options.revoke:
            ended = {rater: access.take_back(rater) for rater in options.revoke}
            told = [
                f"{plain(name)}: {n} link{'s' * (n != 1)} taken back" for name, n in ended.items()
            ]
            say(json.dumps(ended, ensure_ascii=False) if options.json else "\n".join(told))
            return DONE
        people = _names(options.raters) or sorted(study.state.plans)
        base = public_url or _base(options.host, options.port)
        _show(_given(access, people, options.adjudicator, lasts, base, admin=False), options.json)
    return DONE


def _log() -> None:
    """Send the server's log to standard error, without what other libraries say."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("workbench.serving")
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def _study(journal: "Journal", options: argparse.Namespace, names: list[str]) -> "Study":
    """Begin the study, or go on with the one that the journal holds."""
    from workbench.ratings.sessions import Study
    from workbench.ratings.tasks import Task

    task = Task.read(options.task) if options.task else None
    study = Study(journal)
    if not (options.items or options.rows):
        _demand_begun(study, task, options)
        return study
    if task is None:
        raise BadValue("items must have a task, but none came; name the task's file first.")
    return Study.start(journal, _items(task, options, names))


def _demand_begun(study: "Study", task: "Task | None", options: argparse.Namespace) -> None:
    begun = study.state.task
    if begun is None:
        raise BadValue(
            f"a new journal must get a task and items, but {options.journal} holds none and "
            "neither --items nor --rows came; add one of them."
        )
    if task is not None and task.to_dict() != begun.to_dict():
        raise BadValue(
            f"the task must be that of the journal, but {options.task} differs from the "
            f"{begun.name!r} that {options.journal} holds; leave it out, or open a new journal."
        )


def _items(task: "Task", options: argparse.Namespace, names: list[str]) -> "Items":
    import workbench as wb
    from workbench.ratings.assignment.lists import items_of

    if options.items and options.rows:
        raise BadValue("items must come from --items or --rows, but both came; leave one out.")
    if not names and not options.pool:
        raise BadValue(
            "a plan must have raters, but none came; name them by --raters, or let them take items "
            "as they come (--pool)."
        )
    planned = [] if options.pool else names
    if options.items:
        return items_of(
            options.items, task, raters=planned, overlap=options.overlap, seed=options.seed
        )
    rows = wb.read(options.rows)
    return wb.ratings.items(
        wb.outputs(rows, options.outputs or options.rows),
        rows,
        task,
        raters=names or 1,
        overlap=options.overlap,
        sample=options.sample,
        pool=options.pool,
        seed=options.seed,
    )


def _names(path: str | None) -> list[str]:
    from workbench.ratings.assignment.lists import raters_of

    return raters_of(path) if path else []


def _given(
    access: "Access",
    people: list[str],
    adjudicator: str | None,
    lasts: datetime.timedelta,
    base: str,
    *,
    admin: bool,
) -> list[dict[str, str]]:
    """Give leave, and return the links: the token stands behind #, which no server ever sees."""
    from workbench.ratings.assignment.lists import checked_names

    def link(grant: "Grant") -> dict[str, str]:
        page = "/admin" if grant.role == "admin" else "/"
        url = f"{base}{page}#{access.token(grant, 'link')}"
        return {"role": grant.role, "name": grant.rater, "url": url, "until": grant.until}

    grants = access.give_all("rater", people, lasts) if people else []
    if adjudicator:
        names = checked_names([adjudicator], source="--adjudicator")
        grants += access.give_all("adjudicator", names, lasts)
    if admin:
        grants += access.give_all("admin", [""], lasts)
    return [link(grant) for grant in grants]


def _show(links: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        say(json.dumps({"links": links}, ensure_ascii=False))
        return
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["role", "name", "url", "until"])
    writer.writerows(each.values() for each in links)
    say(stream.getvalue().rstrip("\n"))


def _base(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - as people ask for it
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"


def _public(url: str) -> str:
    if url and not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+/?", url):
        raise BadValue(
            "--public-url must be a scheme and a host, such as https://rate.example.org, but "
            f"{url!r} came; the page must stand at the root."
        )
    return url.rstrip("/")


def _lasting(text: str) -> datetime.timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if not found:
        raise BadValue(f"--expires must be such as 90m, 12h or 7d, but {text!r} came.")
    return datetime.timedelta(**{_UNITS[found[2]]: int(found[1])})


# --- what was rated ----------------------------------------------------------------------------


def _add_progress(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions,
        "progress",
        _progress,
        "Show how far everybody is.",
        example="workbench rate progress ratings.sqlite",
    )
    parser.add_argument("journal", help="the journal: a file or a URL")
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _progress(options: argparse.Namespace) -> int:
    from workbench.ratings.reading import progress

    sheet = progress(options.journal)
    say(_records(sheet.frame) if options.json else repr(sheet))
    return DONE


def _records(frame: Any) -> str:  # noqa: ANN401 - a DataFrame
    from workbench.tables import each_row

    rows = [
        {name: None if cell != cell else cell for name, cell in each.items()}
        for each in each_row(frame)
    ]
    return json.dumps({"rows": rows}, indent=1, ensure_ascii=False, default=str)


def _add_verify(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions,
        "verify",
        _verify,
        "Find what was changed in a journal since it was written; exit 1 if anything was.",
        example="workbench rate verify ratings.sqlite --head 120:9f86d08…",
    )
    parser.add_argument("journal", help="the journal: a file or a URL")
    parser.add_argument(
        "--head",
        metavar="SEQ:HASH",
        help="its end as it was noted elsewhere, which finds a cut end",
    )
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _verify(options: argparse.Namespace) -> int:
    from workbench.ratings.journal import Journal
    from workbench.ratings.journal.verifying import verify

    broken = verify(options.journal, head=_head(options.head))
    if options.json:
        found = [each._asdict() for each in broken]
        say(json.dumps({"whole": not broken, "broken": found}, ensure_ascii=False))
    elif broken:
        first = broken[0]
        say(f"broken at event {first.seq}: {first.reason} ({len(broken)} such places)")
    else:
        with Journal.open(options.journal, create=False) as journal:
            head = journal.head()
        say(f"whole: {head.seq} events; head {head.seq}:{head.hash}")
    return GATE_FAILED if broken else DONE


def _head(text: str | None) -> Any:  # noqa: ANN401 - Head, which is imported only when needed
    from workbench.ratings.journal import Head

    if text is None:
        return None
    seq, _, digest = text.partition(":")
    if not seq.isdecimal() or not re.fullmatch("[0-9a-f]{64}", digest):
        raise BadValue(
            f"--head must be as `workbench rate verify` writes it, SEQ:HASH, but {text!r} came."
        )
    return Head(int(seq), digest)


def _add_export(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions,
        "export",
        _export,
        "Write ratings as a file of ours or of others.",
        example="workbench rate export ratings.sqlite ratings.csv",
    )
    parser.add_argument("journal", help="the journal: a file or a URL")
    parser.add_argument("path", help="the file to write")
    parser.add_argument(
        "--format",
        help="jsonl csv spreadsheet parquet mqm appraise events (default: by the suffix)",
    )
    parser.add_argument(
        "--codes", action="store_true", help="write what people coded of runs: .csv or .jsonl"
    )
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _export(options: argparse.Namespace) -> int:
    from workbench.ratings import exchange
    from workbench.ratings.journal import Journal

    with Journal.open(options.journal, create=False) as journal:
        if options.codes:
            return _export_codes(journal, options)
        report = exchange.write(journal, options.path, format=options.format)
    say(_reported(report, options.json))
    return DONE


def _export_codes(journal: "Journal", options: argparse.Namespace) -> int:
    from workbench.ratings.coding.frames import codes, write_codes

    found = codes(journal)
    write_codes(found, options.path)
    told = {"rows": len(found), "path": options.path}
    rows = counted(len(found), "row")
    say(json.dumps(told) if options.json else f"{rows} of codes in {options.path}")
    return DONE


def _add_import(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions,
        "import",
        _import,
        "Read ratings of other tools, and write them as ours.",
        example="workbench rate import appraise.csv ratings.jsonl --format appraise",
    )
    parser.add_argument("source", help="the file to read")
    parser.add_argument("path", help="the file to write: .jsonl, .csv or .parquet")
    parser.add_argument(
        "--format",
        help="plain, appraise, mqm, 'label studio', potato or argilla (default: as it looks)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _import(options: argparse.Namespace) -> int:
    from workbench.ratings import exchange

    found = exchange.from_file(options.source, format=options.format)
    exchange.write(found.ratings, options.path)
    say(_reported(found.report, options.json))
    return DONE


def _reported(report: Any, as_json: bool) -> str:  # noqa: ANN401 - a Report
    if not as_json:
        return repr(report)
    return json.dumps(
        {
            "source": report.source,
            "format": report.format,
            "counts": dict(report.counts),
            "findings": report.findings.to_dict("records"),
        },
        ensure_ascii=False,
        default=str,
    )


def _add_merge(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions,
        "merge",
        _merge,
        "Take into a journal what others hold; twice is as good as once.",
        example="workbench rate merge ratings.sqlite from-laptop.sqlite from-lab.sqlite",
    )
    parser.add_argument("journal", help="the journal that takes: a file or a URL")
    parser.add_argument("other", nargs="+", help="whence to take; these are not changed")
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _merge(options: argparse.Namespace) -> int:
    import contextlib

    from workbench.ratings.journal import Journal

    with contextlib.ExitStack() as opened:
        others = [
            opened.enter_context(Journal.open(place, create=False)) for place in options.other
        ]
        journal = opened.enter_context(
            Journal.open(options.journal, create=not Path(options.journal).exists())
        )
        came = journal.merge(*others)
        head = journal.head()
    if options.json:
        say(json.dumps({"came": came, "n_events": head.seq}))
    else:
        say(f"{came} event{'s' * (came != 1)} came; {head.seq} now.")
    return DONE
