"""Policies as code: what an agent may do, checked on what it did; each breach is a finding.

A policy is a list of rules, in Python or in a YAML file; `rules.py` holds their kinds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadKind, BadValue, InputError, Unreadable, unknown_name
from workbench.trajectories.auditing.rules import RULES, Rule
from workbench.trajectories.auditing.trails import trail_of
from workbench.trajectories.collection import each_run
from workbench.trajectories.model import Json, Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Policy:
    """A name and its rules.

    Parameters
    ----------
    name : str
        Of the policy.
    rules : tuple of Rule
        All are checked.

    Examples
    --------
    >>> from workbench.trajectories.model import Step
    >>> from workbench.trajectories.auditing.rules import AllowedTools
    >>> policy = Policy("read only", (AllowedTools(tools=["look_up"]),))
    >>> run = Run("x", run_id="a", steps=[Step("execute_tool", "/0", tool="delete")])
    >>> policy.check([run])[["check", "subject", "evidence"]].values.tolist()
    [['policy.allowed_tools', 'a#0', "'delete' is not an allowed tool"]]
    """

    name: str
    rules: tuple[Rule, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Policy":
        """Read a policy from a YAML file: a `name`, and `rules` that each name their kind as `rule`.

        Raises
        ------
        Unreadable
            If there is no such file.
        BadValue, BadKind, UnknownName
            If it is no policy.
        """
        import yaml

        try:
            value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise Unreadable(
                f"a policy must be readable, but {path} is not ({error.strerror}); check the path."
            ) from None
        except (yaml.YAMLError, ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not isinstance(value.get("rules"), list):
            raise BadValue(
                f"a policy must be YAML with a name and a list of rules, but {path} is not; look at "
                "the policy of the set claims-agent."
            )
        rules = tuple(_rule(each, at, path) for at, each in enumerate(value["rules"], 1))
        return cls(str(value.get("name") or Path(path).stem), rules)

    def check(self, runs: Run | Iterable[Run]) -> "pd.DataFrame":
        """Return the FINDINGS of all rules in runs, each with its run and step.

        Parameters
        ----------
        runs : Run or iterable of Run
            `Runs` is one.

        Returns
        -------
        DataFrame
            FINDINGS with `run_id` and `step` beside; empty where nothing was broken. `n` is the
            number of tool calls that were looked at in the run. A warning says that a rule cannot be
            checked.
        """
        import pandas as pd

        rows = [
            {
                "check": f"policy.{rule.check}",
                "subject": f"{run.run_id}#{'' if breach.step is None else breach.step}",
                "severity": breach.severity,
                "value": breach.value,
                "limit": breach.limit,
                "evidence": breach.reason,
                "n": len(trail.calls),
                "run_id": run.run_id,
                "step": breach.step,
            }
            for run in each_run(runs, "a policy is checked on")
            for trail in [trail_of(run)]
            for rule in self.rules
            for breach in rule.breaches(trail)
        ]
        columns = [
            "check",
            "subject",
            "severity",
            "value",
            "limit",
            "evidence",
            "n",
            "run_id",
            "step",
        ]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.astype({"value": "float64", "limit": "float64", "n": "Int64", "step": "Int64"})


def _rule(value: Json, at: int, path: str | Path) -> Rule:
    where = f"rule {at} of {path}"
    if not isinstance(value, dict) or "rule" not in value:
        raise BadKind(f"{where} must say its kind as `rule`, but {str(value)[:80]!r} came; add it.")
    kind, given = value["rule"], {name: each for name, each in value.items() if name != "rule"}
    if not isinstance(kind, str) or kind not in RULES:
        raise unknown_name(f"the kind of {where}", kind, RULES)
    known = [each.name for each in fields(RULES[kind])]
    for name in given:
        if name not in known:
            raise unknown_name(f"a member of {where}", name, known)
    try:
        return RULES[kind](**given)
    except InputError as error:
        raise type(error)(f"{where} cannot be used: {error}") from None
    except TypeError as error:
        raise BadValue(
            f"{where} must have all its members, but {str(error).split('() ')[-1]}."
        ) from None
