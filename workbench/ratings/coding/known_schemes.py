"""Schemes of failures that others have published, with definitions in our own words."""

from collections.abc import Mapping

_MAST = (
    ("1.1 disobey task specification", "It does not keep to what the task asks for or forbids.",
     "specification"),
    ("1.2 disobey role specification", "It acts outside the role that it was given.",
     "specification"),
    ("1.3 step repetition", "It does again what was done already, and gains nothing.",
     "specification"),
    ("1.4 loss of conversation history", "It forgets what was said or found, and falls back.",
     "specification"),
    ("1.5 unaware of termination conditions", "It does not see that it should stop.",
     "specification"),
    ("2.1 conversation reset", "The conversation starts anew for no reason, and its progress is lost.",
     "between agents"),
    ("2.2 fail to ask for clarification", "Something is unclear or missing, and it does not ask.",
     "between agents"),
    ("2.3 task derailment", "It drifts to something that serves the task no longer.",
     "between agents"),
    ("2.4 information withholding", "It knows what another needs, and does not say it.",
     "between agents"),
    ("2.5 ignored other agent's input", "It passes over what another said or found.",
     "between agents"),
    ("2.6 reasoning-action mismatch", "What it does is not what its reasoning says.",
     "between agents"),
    ("3.1 premature termination", "It stops before the task is done.",
     "verification"),
    ("3.2 no or incomplete verification", "It does not check the result, or only a part of it.",
     "verification"),
    ("3.3 incorrect verification", "It checks, and lets something wrong pass.",
     "verification"),
)  # fmt: skip

_TRAIL = (
    ("language-only hallucination", "It says what nothing that it read supports.", "reasoning"),
    ("tool-related hallucination", "It makes up what a tool gave, or what a tool can do.", "reasoning"),
    ("poor information retrieval", "What it looked up does not serve the task.", "reasoning"),
    ("tool output misinterpretation", "It reads out of a result what is not in it.", "reasoning"),
    ("incorrect problem identification", "It takes the task for another one.", "reasoning"),
    ("tool selection error", "It uses a tool that does not fit.", "reasoning"),
    ("formatting error", "Code or an answer does not have the form that was asked for.", "reasoning"),
    ("instruction non-compliance", "It does not do what it was told.", "reasoning"),
    ("tool definition issue", "A tool is described wrongly, or set up so.", "system execution"),
    ("environment setup error", "A permission, a key or a package is missing.", "system execution"),
    ("rate limiting (429)", "A service refuses because of too many requests.", "system execution"),
    ("authentication error (401)", "A service refuses who is asking.", "system execution"),
    ("service error (500)", "A service breaks.", "system execution"),
    ("resource not found (404)", "What was asked for is not there.", "system execution"),
    ("resource exhaustion", "Memory, disk or another resource is used up.", "system execution"),
    ("timeout", "Something takes too long and is given up.", "system execution"),
    ("context handling failure", "It loses or repeats what stands in its context.", "planning"),
    ("resource abuse", "It calls a tool more often than anything needs.", "planning"),
    ("goal deviation", "It leaves the goal.", "planning"),
    ("task orchestration error", "Sub-tasks or agents are put together wrongly.", "planning"),
)  # fmt: skip

_OWNERS = (
    ("agent's reasoning", "The agent had what it needed, and decided wrongly."),
    ("external API or tool", "A service or a tool failed, or gave what it must not give."),
    ("data quality", "The data were wrong, missing or contradictory before the agent saw them."),
)

KNOWN: Mapping[str, tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]]] = {
    "mast": (
        "Failure modes of systems of agents: Cemri et al. (2025), arXiv 2503.13657.",
        ("low", "medium", "high"),
        _MAST,
    ),
    "trail": (
        "Errors in traces: Deshpande et al. (2025), arXiv 2505.08638.",
        ("low", "medium", "high"),
        _TRAIL,
    ),
    "owners": (
        "Whose failure it is, as a report begins.",
        ("low", "medium", "high"),
        _OWNERS,
    ),
}
"""By name: where it comes from, severities, and labels with definitions and groups."""
