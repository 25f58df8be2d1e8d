"""A panel of systems side by side, alone in a page, with the real kernel's answers behind it."""

import json

from workbench.widgets.side_by_side import SideBySide

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


class Reading:
    """A reader before the module alone; the largest page is kept in mind."""

    def __init__(self, chromium, widget: SideBySide, **options):
        self.widget, self.largest = widget, 0
        self.context = chromium.new_context(
            **{"viewport": {"width": 1400, "height": 800}, **options}
        )
        self.page = self.context.new_page()
        self.console: list[str] = []
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("console", lambda told: self.console.append(told.text))
        self.context.expose_binding("receive", lambda _, message: self.receive(message))
        self.page.set_content(PAGE)
        first = json.loads(json.dumps(widget.first))
        self.page.evaluate(START, [widget._esm, widget._css, first, widget.opening])
        self.page.locator(".ws-list").focus()

    def receive(self, message):
        reply = {"id": message["id"], **self.widget.answer(message)}
        self.largest = max(self.largest, len(json.dumps(reply, ensure_ascii=False).encode()))
        return reply

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
