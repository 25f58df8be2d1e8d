"""`workbench trajectories …`: what agents did, from a shell."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.terminal import DONE, GATE_FAILED, command, say, say_json, tell
from workbench.display import counted
from workbench.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from workbench.display import Sheet
    from workbench.trajectories import Run, Runs


def add_trajectories(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench trajectories` and what it can do."""
    parser = commands.add_parser(
        "trajectories",
        help="Read, count, compare, explain and audit what agents did.",
        description="Read, count, compare, explain and audit what agents did.",
        epilog="example: workbench trajectories summary traces/",
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    _add_summary(actions)
    _add_convert(actions)
    _add_view(actions)
    _add_follow(actions)
    _add_diff(actions)
    _add_attribute(actions)
    _add_loops(actions)
    _add_check(actions)
    _add_seal(actions)
    _add_verify(actions)
    _add_redact(actions)


def _add_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a log of any known format, or a folder of them")
    parser.add_argument("--format", help="the format (default: found by content)")


def _add_runs(parser: argparse.ArgumentParser) -> None:
    _add_logs(parser)
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _add_summary(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "summary", _summary, "Say per agent how often it succeeded and what it took.",
        example="workbench trajectories summary traces/",
    )  # fmt: skip
    _add_runs(parser)


def _add_convert(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "convert", _convert, "Write runs in another format.",
        example="workbench trajectories convert session.jsonl session.otlp.json --to otlp",
    )  # fmt: skip
    parser.add_argument("path", help="a log of any known format, or a folder of them")
    parser.add_argument("to_path", metavar="OUT", help="the file to write")
    parser.add_argument("--to", required=True, help="otlp, atif, openai-chat or jsonl")
    parser.add_argument("--format", help="the format to read (default: found by content)")


def _add_view(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "view", _view, "Write one page in which to read runs step by step, without Jupyter.",
        example="workbench trajectories view traces/ --out traces.html --open",
    )  # fmt: skip
    _add_logs(parser)
    parser.add_argument(
        "--out", default="trajectories.html", help="the file to write (default: trajectories.html)"
    )
    parser.add_argument("--policy", help="a YAML file of rules whose breaches are marked")
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def _add_follow(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "follow", _follow, "Tell what is new in growing logs, and ring alerts.",
        example='workbench trajectories follow traces/ --alert "error_rate>0.1"',
    )  # fmt: skip
    parser.add_argument("path", help="a growing log of any known format, or a folder of them")
    parser.add_argument("--format", help="the format (default: found by content)")
    parser.add_argument(
        "--alert", nargs="+", default=[], metavar="FIGURE>VALUE",
        help="such as error_rate>0.1, latency_p95_s>30 or cost_usd>5; exit status 1 if one rang",
    )  # fmt: skip
    parser.add_argument("--window", default="5m", help="over how long (default: 5m)")
    parser.add_argument(
        "--at-least", type=int, metavar="N", help="over so many steps (default: 20 for shares)"
    )
    parser.add_argument("--log", help="a file to which a line is added for each alert")
    parser.add_argument("--webhook", help="an address that each alert is posted to")
    parser.add_argument(
        "--every", type=float, default=1.0, help="seconds between looks (default: 1)"
    )
    parser.add_argument("--seconds", type=float, help="stop after so long (default: at Ctrl-C)")


def _add_diff(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "diff", _diff, "Align two runs and show where they part.",
        example="workbench trajectories diff traces/ --runs 4bf92f35 9c41a0d2",
    )  # fmt: skip
    _add_runs(parser)
    parser.add_argument(
        "--runs", nargs="+", metavar="RUN", help="two or more runs (default: the first two)"
    )


def _add_attribute(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "attribute", _attribute, "Rank the steps that may have made runs fail.",
        example="workbench trajectories attribute traces/ --top 3",
    )  # fmt: skip
    _add_runs(parser)
    parser.add_argument(
        "--run",
        dest="run_id",
        metavar="RUN",
        help="this run alone (default: every run that failed)",
    )
    parser.add_argument("--top", type=int, default=3, help="suspects of each run (default: 3)")


def _add_loops(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "loops", _loops, "Find calls repeated without progress.",
        example="workbench trajectories loops traces/",
    )  # fmt: skip
    _add_runs(parser)


def _add_check(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "check", _check, "Check runs against a policy; exit status 1 when it is broken.",
        example="workbench trajectories check traces/ --policy policy.yaml",
    )  # fmt: skip
    _add_runs(parser)
    parser.add_argument("--policy", required=True, help="a YAML file of rules")


def _add_seal(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "seal", _seal, "Write an audit log in which every later change shows.",
        example="workbench trajectories seal traces/ audit.jsonl --key private.pem",
    )  # fmt: skip
    parser.add_argument("path", help="a log of any known format, or a folder of them")
    parser.add_argument("log", help="the audit log to write")
    parser.add_argument(
        "--files", nargs="*", default=[], help="files whose digests are kept too, such as the log"
    )
    parser.add_argument("--key", help="an Ed25519 key as PEM, which signs the log")
    parser.add_argument(
        "--new-key", metavar="PUBLIC", help="make the key first, and write its public half here"
    )


def _add_verify(actions: Any) -> None:  # noqa: ANN401
    parser = command(
        actions, "verify", _verify, "Find where an audit log was changed; exit status 1 if it was.",
        example="workbench trajectories verify audit.jsonl --key public.pem",
    )  # fmt: skip
    parser.add_argument("log", help="an audit log")
    parser.add_argument("--key", help="the public key that must have signed it")
    parser.add_argument("--head", help="the hash that `seal` printed")
    parser.add_argument("--files", help="the folder in which sealed files must be unchanged")
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _add_redact(actions: Any) -> None:  # noqa: ANN401
    from workbench.trajectories.auditing.patterns import KINDS

    parser = command(
        actions, "redact", _redact, "Take personal data and keys out of an audit log that still holds.",
        example="workbench trajectories redact audit.jsonl shared.jsonl --names password",
    )  # fmt: skip
    parser.add_argument("log", help="an audit log")
    parser.add_argument("to_path", metavar="OUT", help="the log to write")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument(
        "--names", nargs="*", default=[], help="members taken out whatever they hold"
    )


def _read(options: argparse.Namespace) -> "Runs":
    import workbench as wb

    return wb.trajectories.read(options.path, format=options.format)


def _show(sheet: "Sheet", options: argparse.Namespace) -> None:
    if options.json:
        say_json({"caption": sheet.caption, "rows": each_row(sheet.frame)})
    else:
        say(repr(sheet))


def _summary(options: argparse.Namespace) -> int:
    import workbench as wb

    runs = _read(options)
    _show(wb.trajectories.summary(runs), options)
    if not options.json:
        for finding in each_row(runs.findings)[:10]:
            say(f"{finding['severity']}: {finding['subject']}: {finding['evidence']}")
    return DONE


def _convert(options: argparse.Namespace) -> int:
    import workbench as wb

    runs = _read(options)
    _spare(options.path, options.to_path)
    wb.trajectories.write(runs, options.to_path, format=options.to)
    say(f"{options.to_path}: {counted(len(runs), 'run')} as {options.to}")
    return DONE


def _view(options: argparse.Namespace) -> int:
    import webbrowser
    from pathlib import Path

    import workbench as wb

    runs = _read(options)
    policy = wb.trajectories.Policy.read(options.policy) if options.policy else None
    wb.inspect(runs, policy=policy).to_html(options.out)
    say(f"{options.out}: {counted(len(runs), 'run')}; open it in a browser")
    if options.open:
        webbrowser.open(Path(options.out).resolve().as_uri())
    return DONE


def _follow(options: argparse.Namespace) -> int:
    import threading

    import workbench as wb

    ended, rang = threading.Event(), 0
    if options.seconds is not None:
        timer = threading.Timer(options.seconds, ended.set)
        timer.daemon = True
        timer.start()
    alerts = [_alert(text, options) for text in options.alert]
    if not Path(options.path).exists():
        tell(f"there is no {options.path} yet; waiting for it")
    with wb.trajectories.follow(
        options.path, alerts=alerts, log=options.log, webhook=options.webhook, format=options.format
    ) as watch:
        for update in watch.updates(every_s=options.every, stop=ended):
            if update.new or update.changed or update.alarms:
                say(repr(update))
            for alarm in update.alarms:
                rang += alarm.state == "started"
                say(f"  {alarm}")
    return GATE_FAILED if rang else DONE


def _alert(text: str, options: argparse.Namespace) -> Any:  # noqa: ANN401 - an Alert, imported late
    import workbench as wb
    from workbench.errors import BadValue

    found = re.fullmatch(r"([a-z0-9_]+)([<>])(-?\d+(?:\.\d+)?(?:e-?\d+)?)", text.replace(" ", ""))
    if found is None:
        raise BadValue(f"an alert must be like error_rate>0.1, but {text!r} came; write it so.")
    limit, above = float(found[3]), found[2] == ">"
    return wb.trajectories.Alert(
        found[1], above=limit if above else None, below=None if above else limit,
        window=options.window, at_least=options.at_least,
    )  # fmt: skip


def _spare(source: str, target: str) -> None:
    """Refuse to write over what is read."""
    from workbench.errors import BadValue

    if Path(target).exists() and Path(source).exists() and Path(target).samefile(source):
        raise BadValue(
            f"what is written must not replace what is read, but {target} is the log itself; name "
            "another file."
        )


def _found(runs: "Runs", name: str) -> "Run":
    """Return the run of an id, or of a beginning that only one id has."""
    near = [each for each in runs.ids if each.startswith(name)]
    run: Run = runs[near[0] if len(near) == 1 else name]
    return run


def _diff(options: argparse.Namespace) -> int:
    import workbench as wb
    from workbench.errors import BadValue

    runs = _read(options)
    names = options.runs or runs.ids[:2]
    if len(names) < 2:
        raise BadValue(
            f"a comparison must have two runs or more, but {len(names)} came; name them."
        )
    _show(wb.trajectories.align(*(_found(runs, name) for name in names)).sheet, options)
    return DONE


def _attribute(options: argparse.Namespace) -> int:
    import workbench as wb
    from workbench.trajectories.analysis import succeeded

    runs = _read(options)
    if options.run_id:
        chosen: Iterable[Run] = [_found(runs, options.run_id)]
    else:
        failed = (~succeeded(runs)).fillna(False)
        chosen = runs.only(failed.index[failed.to_numpy(bool)])
        tell(f"{int(failed.sum())} of {counted(len(runs), 'run')} failed, as far as they say")
    found = [(run, wb.trajectories.attribute(run)) for run in chosen if run.steps]
    if options.json:
        rows = [
            {"run_id": run.run_id, **row}
            for run, each in found
            for row in each_row(each.frame.head(max(options.top, 0)))
        ]
        say_json({"rows": rows})
        return DONE
    for run, each in found:
        say(f"run {run.run_id}")
        for row in each_row(each.frame.head(max(options.top, 0))):
            say(
                f"  step {row['step']} ({row['owner']}, {row['confidence']:.2f}): {row['evidence']}"
            )
    return DONE


def _loops(options: argparse.Namespace) -> int:
    import workbench as wb

    _show(wb.trajectories.loops(_read(options)), options)
    return DONE


def _check(options: argparse.Namespace) -> int:
    import workbench as wb

    found = wb.trajectories.Policy.read(options.policy).check(_read(options))
    if options.json:
        say_json({"rows": each_row(found)})
    else:
        _say_findings(found)
    return GATE_FAILED if len(found) else DONE


def _say_findings(found: "pd.DataFrame") -> None:
    for row in each_row(found):
        say(f"{row['subject']}: {row['check']}: {row['evidence']}")
    kinds = found["severity"].value_counts()
    # a warning says that a rule could not be checked: nothing was seen to be broken
    named = {"breach": "breaches", "warning": "warnings"}
    numbers = dict(zip(named, (kinds.get("error", 0), kinds.get("warning", 0)), strict=True))
    told = [f"{n} {one if n == 1 else named[one]}" for one, n in numbers.items() if n]
    n_runs = found["run_id"].nunique()
    runs = f"in {n_runs} run{'s' * (n_runs != 1)}"
    say(f"{', '.join(told)} {runs}" if told else "nothing was broken")


def _seal(options: argparse.Namespace) -> int:
    import workbench as wb
    from workbench.trajectories.auditing.signing import new_key

    if options.new_key:
        new_key(options.key or "private.pem", options.new_key)
    options.format = None
    key = options.key or ("private.pem" if options.new_key else None)
    _spare(options.path, options.log)
    head = wb.trajectories.seal(_read(options), options.log, key=key, files=options.files)
    say(f"{options.log}: sealed; head {head}")
    return DONE


def _verify(options: argparse.Namespace) -> int:
    import workbench as wb

    found = wb.trajectories.verify(
        options.log, head=options.head, public_key=options.key, files=options.files
    )
    if options.json:
        broken = [each.__dict__ for each in found]
        told = {"whole": bool(found), "signed": found.signed, "n_lines": found.n_lines}
        say_json(told | {"n_redacted": found.n_redacted, "broken": broken})
        return DONE if found else GATE_FAILED
    for each in found:
        say(f"line {each.line}: {each.reason}")
    if found:
        say(f"whole, {'signed' if found.signed else 'unsigned'}")
    if n := found.n_redacted:
        leaves, them = ("leaf", "it") if n == 1 else ("leaves", "them")
        say(f"{n} {leaves} redacted, what is shown for {them} is unproven")
    return DONE if found else GATE_FAILED


def _redact(options: argparse.Namespace) -> int:
    import workbench as wb

    n = wb.trajectories.redact(
        options.log, options.to_path, kinds=options.kinds, names=options.names
    )
    say(f"{options.to_path}: {n} leaves taken out; the log still holds")
    return DONE
