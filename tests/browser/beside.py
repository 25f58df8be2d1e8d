"""A panel of systems side by side, alone in a page, with the real kernel's answers behind it."""

import runpy
from pathlib import Path

from workbench.widgets.side_by_side import SideBySide

ALONE = runpy.run_path(str(Path(__file__).with_name("alone.py")))["Alone"]
START = """async ([script, style, first, opening]) => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  const heard = new Set();
  const module = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  window.panel = module;
  window.tell = (reply) => heard.forEach((each) => each(reply));
  const model = {
    get: (name) => ({ first, opening })[name], on: (_, each) => heard.add(each), off: (_, each) => heard.delete(each),
    send: (message) => window.receive(message).then(window.tell),
  };
  window.quit = module.default.render({ model, el: document.querySelector("main") });
}"""
PAGE = '<!doctype html><html lang="en"><head><title>Rows</title></head><body style="margin:0"><main><h1 style="margin:0;font-size:14px">Rows</h1></main></body></html>'


class Reading(ALONE):
    """A reader before the module alone."""

    def __init__(self, chromium, widget: SideBySide, **options):
        size = {"viewport": {"width": 1400, "height": 800}}
        super().__init__(chromium, widget, PAGE, **{**size, **options})
        self.page.evaluate(START, [widget._esm, widget._css, self.first, widget.opening])
        self.page.locator(".ws-list").focus()
