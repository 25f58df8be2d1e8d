"""What our panels share: a table where no kernel runs, and questions of a browser."""

from contextlib import AbstractContextManager
from typing import Any

import anywidget


class Panel(anywidget.AnyWidget):
    """A panel of an ES module, which has something to show where no kernel runs too."""

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401 - as in IPython
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        return {**data, "text/html": self._repr_html_()}, metadata


class AskedPanel(Panel):
    """A panel whose browser asks for what it shows; `channel.js` is the other end.

    Parameters
    ----------
    **traits : object
        Of the widget.
    """

    _lock: AbstractContextManager[Any]  # one of each panel's own, made before anything is asked

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self.on_msg(self._received)

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return what a question asks for; nothing where it asks for nothing known."""
        raise NotImplementedError

    def _turn(self, message: dict[str, Any]) -> AbstractContextManager[Any]:  # noqa: ARG002 - for some
        """Return what a question waits for: those before it."""
        return self._lock

    def _received(self, _: object, message: Any, __: object) -> None:  # noqa: ANN401 - from a browser
        """Answer a question; JupyterLab may call this beside the cell that runs."""
        if not isinstance(message, dict) or not isinstance(message.get("id"), int):
            return
        with self._turn(message):
            try:
                reply = self.answer(message)
            except Exception:
                self.send({"id": message["id"], "failed": "the kernel's log says what broke."})
                raise
        self.send({"id": message["id"], **reply})
