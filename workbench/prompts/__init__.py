"""Prompts as files: Markdown with front matter, chat roles, templates, digests, differences and versions."""

from workbench.prompts.differences import Difference, diff
from workbench.prompts.history import Versions, versions
from workbench.prompts.messages import Message
from workbench.prompts.prompt import Prompt
from workbench.prompts.reading import read

__all__ = ["Difference", "Message", "Prompt", "Versions", "diff", "read", "versions"]
