"""A real browser and a real JupyterLab, one of each for the whole run."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
free_port = runpy.run_path(str(ROOT / "tests" / "ports.py"))["free_port"]
SCREENSHOTS = ROOT / "screenshots"
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found, "browser tests need Debian's package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


# What JupyterLab and Voila say of their own: of news and icons they may not fetch here, and of a
# kernel started a second time because, on a busy machine, the page did not know yet of the first.
OF_JUPYTERLAB = (
    "ERR_NAME_NOT_RESOLVED",
    *(
        f"Canceled future for {each}_request"
        for each in ("create_subshell", "debug", "kernel_info")
    ),
)


# The status bar says "No Kernel | Idle" before there is one.
KERNEL_IS_IDLE = """() =>
  /Python[^|]*[|] Idle/.test(document.getElementById("jp-main-statusbar")?.textContent ?? "")"""


@dataclass
class Visit:
    """A page, and what it asked for and complained of."""

    page: Page
    console: list[str]
    requests: list[str]

    def hear(self, said: str) -> None:
        served = self.page.url.startswith("http")  # a file is all ours
        if not (served and any(each in said for each in OF_JUPYTERLAB)):
            self.console.append(said)

    def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        # a long page takes a busy machine a while
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, timeout=120_000)

    def wait_for_kernel(self) -> None:
        """Wait until the kernel of a notebook in JupyterLab takes orders."""
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=120_000)

    def run_all(self, n_cells: int, timeout: int = 120_000) -> None:
        """Run a notebook in JupyterLab from the menu, to its last code cell, within milliseconds."""
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.wait_for_kernel()
        self._start()
        # The prompt of a cell shows its number only when it has finished.
        self.page.wait_for_function(
            "n => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".filter(e => /^\\[\\d+\\]:$/.test(e.textContent.trim())).length === n",
            arg=n_cells,
            timeout=timeout,
        )

    def _start(self) -> None:
        """Click until a cell waits or runs: a kernel that is just starting takes no orders."""
        for _ in range(4):
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            with suppress(TimeoutError):
                self.page.locator(".jp-InputPrompt", has_text="[*]").first.wait_for(timeout=8_000)
                return


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Open an address in a context of its own."""
    contexts = []

    def opened(url: str, **options) -> Visit:
        context = chromium.new_context(**options)
        contexts.append(context)
        found = Visit(context.new_page(), [], [])
        found.page.on("console", lambda said: said.type == "error" and found.hear(said.text))
        found.page.on("pageerror", lambda error: found.hear(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.goto(url)
        if "/lab/tree/" in url:
            found.wait_for_kernel()
        return found

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def read(chromium: Browser) -> Iterator[Callable[..., Any]]:
    """Open the inspector alone before runs; it complains of nothing, and asks nobody for anything."""
    reading = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))["Reading"]
    opened: list[Any] = []

    def reads(runs: object, **options: Any) -> Any:
        opened.append(reading(chromium, runs, **options))
        return opened[-1]

    yield reads
    for each in opened:
        each.context.close()
        assert each.console == []
        assert [url for url in each.requests if not url.startswith("blob:")] == []
        assert each.largest <= 65_536


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    url: str
    token: str
    folder: Path

    def ask(self, method: str, path: str, body: dict | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"{}")

    def setting(self, plugin: str, value: dict) -> None:
        self.ask("PUT", f"lab/api/settings/{plugin}", {"raw": json.dumps(value)})

    @contextmanager
    def session(self, notebook: str) -> Iterator[str]:
        """Return where a notebook is opened, and end its kernel afterwards.

        JupyterLab starts the kernel that the notebook names, without a question. Were one started
        here, a busy page that does not know of it yet would put another in its place.
        """
        path = self.folder / notebook
        content = nbformat.read(path, as_version=4)
        content.metadata.setdefault("kernelspec", {"name": "python3", "display_name": "Python 3"})
        nbformat.write(content, path)
        try:
            yield f"{self.url}/lab/tree/{notebook}?token={self.token}&reset"
        finally:
            for each in self.ask("GET", "api/sessions"):
                if each["path"] == notebook:
                    self.ask("DELETE", f"api/sessions/{each['id']}")


def _environment(home: Path) -> dict[str, str]:
    """Return an environment in which Jupyter finds no settings but its own."""
    own = {**os.environ, "JUPYTER_TOKEN": "", "IPYTHONDIR": str(home / "ipython")}
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        own[f"JUPYTER_{name}"] = str(home / name)
    for name in ("SETTINGS", "WORKSPACES"):
        own[f"JUPYTERLAB_{name}_DIR"] = str(home / name)
    return own


@contextmanager
def _served(command: list[str], home: Path, folder: Path, address: str) -> Iterator[None]:
    """Run a server until the block ends, from when it answers."""
    log = home / "server.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            command, env=_environment(home), cwd=folder, stdout=stream, stderr=stream
        )
    try:
        for _ in range(240):
            assert server.poll() is None, log.read_text(errors="replace")
            try:
                urllib.request.urlopen(address, timeout=60).close()
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.5)
            else:
                break
        else:
            raise AssertionError(f"{address} did not answer:\n{log.read_text(errors='replace')}")
        yield
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run JupyterLab on a copy of the notebooks, with settings of its own."""
    home = tmp_path_factory.mktemp("lab")
    notebooks = home / "notebooks"
    shutil.copytree(ROOT / "notebooks", notebooks)
    # beside them, as in the project, lies what they open
    (home / "datasets").symlink_to(ROOT / "datasets", target_is_directory=True)
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=test", "--LabApp.extension_manager=readonly",
        f"--ServerApp.root_dir={notebooks}",
    ]  # fmt: skip
    running = Lab(f"http://127.0.0.1:{port}", "test", notebooks)
    with _served(command, home, notebooks, f"{running.url}/api/status?token=test"):
        news = {"fetchNews": "false", "checkForUpdates": False}
        running.setting("@jupyterlab/apputils-extension:notification", news)
        # All cells stay in the page, so that a test can count them.
        running.setting(
            "@jupyterlab/notebook-extension:tracker",
            {"windowingMode": "none", "autoStartDefaultKernel": True},
        )
        yield running


@dataclass(frozen=True)
class Voila:
    """A running Voila, which shows notebooks as pages without code."""

    url: str
    folder: Path

    def page(self, notebook: str, theme: str = "light") -> str:
        return f"{self.url}/voila/render/{notebook}?theme={theme}"


@pytest.fixture(scope="session")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voila]:
    """Run Voila on a folder of its own, in which a test puts notebooks."""
    home = tmp_path_factory.mktemp("voila")
    folder = home / "notebooks"
    folder.mkdir()
    port = free_port()
    command = [
        sys.executable, "-m", "voila", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1",
        "--VoilaConfiguration.allow_theme_override=YES",
        # an extension for editors, which cannot start where there is none
        "--VoilaConfiguration.extension_denylist=jupyterlab-jupytext", str(folder),
    ]  # fmt: skip
    running = Voila(f"http://127.0.0.1:{port}", folder)
    with _served(command, home, folder, running.url):
        yield running


@pytest.fixture
def told(request):
    """Say the figures of a test on a line of its own: they are for a person, with -s."""
    found = {}
    yield found
    written = {name: round(value, 3) for name, value in found.items()}
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        os.write(1, f"\n{request.node.name}: {json.dumps(written)}\n".encode())
