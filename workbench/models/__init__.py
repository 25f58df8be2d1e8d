"""What generates text: an endpoint, a function, or a record of what was said before."""

from workbench.models.base import Answer, Call, CallFailed, Model, Usage
from workbench.models.endpoint import Endpoint
from workbench.models.function import Function
from workbench.models.litellm_model import LiteLLM
from workbench.models.recorded import Recorded
from workbench.models.serving import Served, serve

__all__ = [
    "Answer",
    "Call",
    "CallFailed",
    "Endpoint",
    "Function",
    "LiteLLM",
    "Model",
    "Recorded",
    "Served",
    "Usage",
    "serve",
]
