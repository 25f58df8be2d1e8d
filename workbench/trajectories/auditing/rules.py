"""The kinds of rules that a policy can hold."""

from collections.abc import Mapping

from workbench.trajectories.auditing.permissions import (
    AllowedArguments,
    AllowedTools,
    Approval,
    RequiredOrder,
)
from workbench.trajectories.auditing.restraints import Autonomy, Budget, Secrecy
from workbench.trajectories.auditing.rule import Breach, Rule

__all__ = [
    "RULES",
    "AllowedArguments",
    "AllowedTools",
    "Approval",
    "Autonomy",
    "Breach",
    "Budget",
    "RequiredOrder",
    "Rule",
    "Secrecy",
]

RULES: Mapping[str, type[Rule]] = {
    each.kind: each
    for each in (
        AllowedTools, AllowedArguments, RequiredOrder, Approval, Budget, Secrecy, Autonomy,
    )
}  # fmt: skip
"""The kinds of rules, by the name that a YAML file uses."""
