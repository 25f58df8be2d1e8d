"""Small runs, and a reader before the inspector alone with real pages behind it."""

import runpy
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

from workbench.trajectories import Run, Step, Usage
from workbench.trajectories.model import Part
from workbench.widgets.inspector import Inspector, inspect
from workbench.widgets.inspector.scripts import file_script

ALONE = runpy.run_path(str(Path(__file__).with_name("alone.py")))["Alone"]

# The panel stands as in a notebook: it has the first script, and asks for its parts. What a test asks
# of `inspector` itself comes out of the script of a file, which holds all modules.
START = """async ([script, all, style, first, opening, busy]) => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  const heard = new Set();
  const opened = (text) => import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  window.inspector = await opened(all);
  const panel = (await opened(script)).default;
  window.traffic = [];
  window.busy = busy;
  const held = [];
  const hear = (reply) => heard.forEach((each) => each(reply));
  window.tell = hear;
  window.answer = () => { window.busy = false; held.splice(0).forEach(hear); };
  window.lose = () => { window.busy = false; held.splice(0); };
  const model = {
    get: (name) => ({ first, opening })[name], on: (_, each) => heard.add(each), off: (_, each) => heard.delete(each),
    send(message) {
      traffic.push(message);
      window.receive(message).then((reply) => (window.busy ? held.push(reply) : hear(reply)));
    },
  };
  window.quit = panel.render({ model, el: document.querySelector("main") });
}"""
PAGE = '<!doctype html><html lang="en"><head><title>Trajectories</title></head><body style="margin:0"><main><h1>Trajectories</h1></main></body></html>'


def said(text, **more):
    return Step("chat", "/0", [Part("out", "assistant", "text", text)], **more)


def called(result, arguments='{"id": 1}', **more):
    parts = [
        Part("in", "assistant", "tool_call", arguments, "find"),
        Part("out", "tool", "tool_call_response", result, "find"),
    ]
    return Step("execute_tool", "/1", parts, tool="find", **more)


def a_run(*steps, name="a", **more):
    return Run("mine", name=name, steps=list(steps), **more)


def long_run(n):
    return a_run(
        *(
            called('{"answer": [1, {"b": 2}]}', status="error" if at % 1_001 == 0 else "ok")
            if at % 3 == 2
            else said(f"This is number {at}.", usage=Usage(100, output_tokens=20))
            for at in range(n)
        )
    )


class Reading(ALONE):
    """A reader before the module alone, with real pages behind it; `busy`: nothing is answered yet."""

    def __init__(self, chromium, runs, *, busy=False, **options):
        widget = runs if isinstance(runs, Inspector) else inspect(runs)
        size = {"viewport": {"width": 1600, "height": 900}}
        super().__init__(chromium, widget, PAGE, **{**size, **options})
        scripts = [Inspector._esm, file_script(), Inspector._css]
        self.page.evaluate(START, [*scripts, self.first, self.widget.opening, busy])
        self.page.locator(".wi-steps").focus()

    def at(self, step):
        """Wait until the detail pane shows a step."""
        return at(self.page, step)


def at(page, step):
    page.wait_for_function(
        "step => document.querySelector('.wi-link')?.textContent.endsWith(`.step(${step})`)",
        arg=step,
        timeout=20_000,
    )
    page.locator(f".wi-row[aria-selected=true][data-at='{step}']").first.wait_for()
    return page.locator(".wi-detail")


def assert_accessible(page):
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
