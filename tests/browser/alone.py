"""A reader before a panel alone in a page, with the real kernel's answers behind it."""

import json


class Alone:
    """The largest page is kept in mind, and whatever the console was told or the page asked for."""

    def __init__(self, chromium, widget, page, **options):
        self.widget, self.largest = widget, 0
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.console, self.requests = [], []
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("console", lambda told: self.console.append(told.text))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.context.expose_binding("receive", lambda _, message: self.receive(message))
        self.page.set_content(page)

    @property
    def first(self):
        return json.loads(json.dumps(self.widget.first))

    def receive(self, message):
        reply = {"id": message["id"], **self.widget.answer(message)}
        self.largest = max(self.largest, len(json.dumps(reply, ensure_ascii=False).encode()))
        return reply

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
