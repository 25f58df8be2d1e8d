"""What all tests share: the real data beside the project, and the rule that CI skips nothing."""

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent
SHARED = ROOT.parent / "shared" / "data"

# Matrix products on one thread: several processes test at once, and threads that wait for each other
# take a busy machine's time many times over. It must be said before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A busy machine is no fault of a test.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="fail where a test would be skipped (for CI)"
    )
    parser.addoption(
        "--examples", type=int, default=20, help="the most examples of a property that is not slow"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share the whole default suite among the processors; whatever somebody chose runs alone."""
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    is_default = config.option.markexpr in config.getini("addopts")
    return min(os.cpu_count() or 1, 8) if is_whole and is_default else 0


@pytest.fixture(scope="session")
def at_most(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """A function that bounds how many examples a test makes by itself, as `--examples` says."""
    most: int = request.config.getoption("--examples")
    return lambda n: min(n, most)


def _bound_examples(item: pytest.Item, most: int) -> None:
    """Try a property on fewer examples than it says, unless it is marked as slow."""
    test = getattr(item, "obj", None)
    test = getattr(test, "__func__", test)
    if "slow" in item.keywords or not hasattr(test, "hypothesis"):
        return
    # hypothesis lets a profile bound only the tests that say nothing themselves
    own = getattr(test, "_hypothesis_internal_use_settings", None) or settings.default
    if own.max_examples > most:
        test._hypothesis_internal_use_settings = settings(own, max_examples=most)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        _bound_examples(item, config.getoption("--examples"))
    if SHARED.is_dir() or config.getoption("--no-skips"):
        return
    absent = pytest.mark.skip(reason=f"the real data is not there: {SHARED}")
    for item in items:
        if "shared" in item.keywords:
            item.add_marker(absent)


def pytest_collection_finish() -> None:
    """Let no search for garbage look through what lives as long as the tests do."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and item.config.getoption("--no-skips") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longrepr}"


@pytest.fixture(autouse=True)
def _in_a_fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what the shell happens to set."""
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; tests that use it bear the marker `shared`."""
    return SHARED


os.environ.setdefault("HF_HUB_OFFLINE", "1")
