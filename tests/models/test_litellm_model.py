import runpy
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import Unreadable
from workbench.pricing import Price
from workbench.runs import Retries

FAULTY = runpy.run_path(str(Path(__file__).parent.parent / "runs" / "faulty.py"))
FREE = Price(Decimal(0), Decimal(0))
CANARY = "sk-canary-0123456789"

# what litellm and its dependencies warn of is theirs
pytestmark = pytest.mark.filterwarnings("ignore")


def test_litellm_is_asked_and_its_failures_are_told(monkeypatch, capfd):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)

    def plan(body, nth):
        asked = body["messages"][-1]["content"]
        if "throttle" in asked:
            return "429" if nth == 0 else ""
        return (
            {"status": 400, "error": {"message": f"not with {CANARY}"}} if "refuse" in asked else ""
        )

    with FAULTY["Server"](plan) as server:
        server.keeps_bodies = True
        model = wb.LiteLLM("openai/m", parameters={"api_base": server.url, "seed": 3}, price=FREE)
        rows = wb.read([{"input": "plain"}, {"input": "throttle"}, {"input": "refuse"}])
        outputs = wb.run(rows, models=model, retries=Retries(3, first_s=0.01))
    expected = [
        FAULTY["right_answer"]({"messages": [{"role": "user", "content": each}], "seed": 3})
        for each in ("plain", "throttle")
    ]
    assert outputs["text"].tolist()[:2] == expected
    assert outputs["output_tokens"].tolist()[:2] == [10, 10]
    assert outputs["attempts"].tolist() == [1, 2, 1]
    assert outputs["error"][2].startswith("HTTP 400: ")
    assert server.keys == {f"Bearer {CANARY}"}
    assert CANARY not in outputs.to_csv() + "".join(capfd.readouterr())


def test_without_litellm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(Unreadable, match=r"install the extra \[litellm\]"):
        wb.run(wb.read([{"input": "a"}]), models=wb.LiteLLM("openai/m", price=FREE))
