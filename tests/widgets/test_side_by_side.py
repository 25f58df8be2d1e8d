"""The panel of systems side by side, as far as Python goes; browsers see the rest."""

import json

import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.widgets.side_by_side import SideBySide

LARGEST = 65_536


def compared(texts=None, n=60, metrics=(), **more):
    rows = wb.read(
        [
            {"row_id": f"r{i:02}", "input": f"Is it {i}?", "references": ["yes it is", "yes"]}
            | {name: cells[i % len(cells)] for name, cells in more.items()}
            for i in range(n)
        ]
    )
    texts = texts or {
        "base": ["yes"] * (n // 2) + ["no way"] * (n - n // 2),
        "good": ["yes"] * (n - 5) + ["no"] * 5,
        "bad": ["yes"] * 5 + ["no way"] * (n - 5),
    }
    scores = wb.score(wb.outputs(rows, texts), rows, [wb.ExactMatch(), *metrics])
    return wb.compare(scores, baseline=next(iter(texts)), samples=20, most_failed=0.5)


@pytest.fixture(scope="module")
def comparison():
    return compared(half=["u", "v"], metrics=[wb.TER()])


@pytest.fixture
def panel(comparison):
    return comparison.side_by_side()


def size_of(reply):
    return len(json.dumps({"id": 2**50, **reply}, ensure_ascii=False).encode())


def asks(panel, kind, **more):
    reply = panel.answer({"type": kind, **more})
    assert size_of(reply) <= LARGEST
    return reply


def test_it_opens_on_the_best_system_against_the_baseline(panel):
    assert isinstance(panel, SideBySide)
    assert repr(panel) == (
        "SideBySide: 60 of 60 rows, good − base in exact_match, in the dataset's order"
    )
    assert panel.at == "r00"
    assert panel.rows["row_id"].tolist() == [f"r{i:02}" for i in range(60)]
    assert panel.rows["delta"].sum() == 25.0


def test_rows_are_sorted_by_what_is_better(comparison):
    gain = comparison.side_by_side("good", metric="ter", sort="gain")
    assert "good − base in ter, smallest difference first" in repr(gain)  # fewer edits are better
    assert gain.rows["delta"].is_monotonic_increasing
    loss = comparison.side_by_side("good", "bad", sort="loss")
    assert loss.rows["delta"].is_monotonic_increasing
    size = comparison.side_by_side("bad", sort="size").rows["delta"].abs()
    assert size.is_monotonic_decreasing


def test_rows_can_be_chosen_by_a_slice_or_by_name(comparison):
    part = comparison.side_by_side(where={"half": "v"})
    assert part.rows["row_id"].tolist() == [f"r{i:02}" for i in range(1, 60, 2)]
    assert comparison.side_by_side(row_ids="r07").rows["row_id"].tolist() == ["r07"]
    few = comparison.side_by_side(row_ids=["r07", "r03"])
    assert few.rows["row_id"].tolist() == ["r03", "r07"]
    assert repr(few).startswith("SideBySide: 2 of 60 rows, ")


def test_a_value_need_not_be_a_text():
    c = compared(half=[2020, None])
    for value in (2020, "2020", 2020.0):
        panel = c.side_by_side(where={"half": value})
        assert panel.rows["row_id"].tolist() == [f"r{i:02}" for i in range(0, 60, 2)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"system": "gut"}, "system must be one of 'bad', 'base', 'good', but 'gut' came"),
        ({"other": "gut"}, "system must be one of 'bad', 'base', 'good', but 'gut' came"),
        ({"metric": "bleu"}, "metric must be one of 'exact_match', 'ter', but 'bleu' came"),
        ({"sort": "best"}, "sort must be one of 'order', 'gain', 'loss', 'size', but 'best' came"),
        ({"where": {"third": "u"}}, "slice must be one of 'half', but 'third' came"),
        ({"where": {"half": "w"}}, "value of half must be one of 'u', 'v', but 'w' came"),
        ({"row_ids": ["r99"]}, "row_id must be one of 'r00', "),
    ],
)
def test_an_unknown_name_is_told_with_those_that_are_known(comparison, options, words):
    with pytest.raises(UnknownName) as raised:
        comparison.side_by_side(**options)
    assert str(raised.value).startswith(words)


def test_two_columns_are_too_many(comparison):
    with pytest.raises(BadValue) as raised:
        comparison.side_by_side(where={"half": "u", "other": "x"})
    assert str(raised.value) == (
        "where must name one column, but 2 came; take the `row_ids` of both."
    )


def test_show_sends_the_question_to_panels_that_are_open(panel, monkeypatch):
    sent = []
    monkeypatch.setattr(panel, "send", sent.append)
    panel.show(["r03"], system="bad", sort="size")
    assert sent == [{"type": "show", "opening": panel.opening}]
    assert panel.opening["a"] == panel.grid.systems.index("bad")
    assert panel.rows["row_id"].tolist() == ["r03"]
    panel.show()
    assert len(panel.rows) == 60


# ---------------------------------------------------------------------------------------- pages


def test_a_page_holds_excerpts_and_every_value(panel):
    reply = asks(panel, "find", question=panel.opening, row=30)
    assert (reply["n"], reply["at"], reply["from"]) == (60, 30, 25)
    (row,) = [each for each in reply["rows"] if each["row"] == 30]
    assert row["id"] == "r30"
    assert row["input"] == ["Is it 30?", False]
    assert row["references"] == [["yes it is", False], ["yes", False]]
    systems = panel.grid.systems
    assert dict(zip(systems, row["texts"], strict=True)) == {
        "base": ["no way", False],
        "good": ["yes", False],
        "bad": ["no way", False],
    }
    assert row["values"][0] == [float(name == "good") for name in systems]
    more = asks(panel, "rows", question=panel.opening, **{"from": 50})
    assert [each["row"] for each in more["rows"]] == list(range(50, 60))


def test_a_row_that_is_left_out_has_no_place(panel):
    question = panel.opening | {"differing": True}
    reply = asks(panel, "find", question=question, row=0)
    assert (reply["n"], reply["at"], reply["from"]) == (30, -1, 0)
    assert len(panel.rows) == 30  # Python knows what is shown


def test_a_row_in_full_has_its_input_references_and_texts(panel):
    reply = asks(panel, "row", row=59)
    assert [each["text"] for each in reply["texts"]] == [
        "Is it 59?",
        "yes it is",
        "yes",
        *(panel.grid.text(59, at) for at in range(3)),
    ]
    assert panel.at == "r59"


def test_values_of_a_column_come_with_their_numbers(panel):
    assert asks(panel, "values", column=0) == {"values": [["u", 30], ["v", 30]]}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "row", "row": 60},
        {"type": "row", "row": -1},
        {"type": "row", "row": "0"},
        {"type": "values", "column": 5},
        {"type": ["find"]},
        {"type": "__class__", "row": 0},
    ],
)
def test_what_asks_for_nothing_known_gets_nothing(panel, message):
    assert panel.answer(message) == {}


def test_no_page_is_larger_than_64_kb_and_pieces_make_the_whole():
    long = {"line": "word " * 30_000, "controls": '\x1b\x00"\\' * 900, "wide": "漢字🙂" * 900}
    texts = {
        f"{name}{at}": [text, *[text[:3_000]] * 24]
        for name, text in long.items()
        for at in range(6)
    }
    panel = compared(texts, n=25).side_by_side()
    reply = asks(panel, "find", question=panel.opening)
    assert len(reply["rows"]) == panel.first["page"] < 25
    assert size_of(panel.first) <= LARGEST + 16_384  # with the names of everything
    row = asks(panel, "row", row=0)["texts"]
    for number, told in enumerate(row):
        if told["n"] != len(long["line"]):
            continue
        text = told["text"]
        while piece := asks(panel, "text", row=0, text=number, **{"from": len(text)})["text"]:
            text += piece
        assert text == long["line"]
        break
    else:
        raise AssertionError("a long line is there")


def test_a_failure_says_why():
    panel = compared({"base": ["yes", None], "good": ["no", "yes"]}, n=2).side_by_side()
    told = asks(panel, "row", row=1)["texts"][panel.grid.systems.index("base") + 3]
    assert (told["text"], told["error"]) == (None, "failed: no text")


def test_what_breaks_is_said_to_the_browser_too(panel, monkeypatch):
    sent = []
    monkeypatch.setattr(panel, "send", sent.append)
    panel._received(None, {"id": 7, "type": "values", "column": 0}, [])
    assert sent.pop()["values"]
    monkeypatch.setattr(panel, "answer", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        panel._received(None, {"id": 8}, [])
    assert sent == [{"id": 8, "failed": "the kernel's log says what broke."}]
    for junk in (None, [], {"id": "7"}, "x"):
        panel._received(None, junk, [])
    assert len(sent) == 1


def test_one_system_has_nobody_beside_it():
    panel = compared({"alone": ["yes"] * 3}, n=3).side_by_side()
    assert repr(panel).startswith("SideBySide: 3 of 3 rows, alone − alone")
    assert asks(panel, "find", question=panel.opening)["n"] == 3


# ----------------------------------------------------------------------------------- it stands still


def test_the_fallback_is_the_first_rows_and_the_same_twice(comparison):
    one, two = (comparison.side_by_side("good", sort="gain") for _ in range(2))
    assert one._repr_html_() == two._repr_html_()
    bundle, _ = one._repr_mimebundle_()
    assert bundle["text/plain"] == repr(one)
    assert bundle["text/html"] == one._repr_html_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == one.model_id
    assert one._repr_html_().count("<tr>") == 1 + 5


def test_the_fallback_underlines_what_the_reference_lacks():
    texts = {"base": ["no it is"], "good": ["yes it is not"], "same": ["yes"]}
    html = compared(texts, n=1).side_by_side()._repr_html_()
    assert "<ins>no</ins> it is<" in html
    assert "yes it is <ins>not</ins>" in html
    assert "<div>yes</div>" in html  # as the second reference has it


def test_a_page_of_rows_is_one_file_without_scripts(comparison, tmp_path):
    panel = comparison.side_by_side()
    for name in ("one.html", "two.html"):
        panel.to_html(tmp_path / "new" / name, n=20)
    page = (tmp_path / "new" / "one.html").read_text("utf-8")
    assert page == (tmp_path / "new" / "two.html").read_text("utf-8")
    assert page.count("<tr>") == 1 + 20
    assert "<script" not in page
    assert "default-src 'none'" in page
