"""Datasets from anything: sources, references, outputs, digests and what changed."""

import gzip
import json
import shutil

import datasets
import numpy as np
import pandas as pd
import pytest
import sacrebleu
from hypothesis import settings

import workbench as wb
from workbench.data import digest, folder
from workbench.errors import BadKind, BadValue, UnknownName, Unreadable

repeatable = settings(deadline=None, derandomize=True)

RECORDS = [
    {"row_id": "b", "input": "ä\u2028日本", "references": ["one", "two"], "topic": "x", "n": 1},
    {"row_id": "a", "input": "NA", "references": ["three"], "topic": None, "n": 2},
    {"row_id": "007", "input": 'c, "d"', "references": [], "topic": "None", "n": None},
]

# The example of sacrebleu's README, and what it says of it.
OUTPUTS = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
FIRST = ["The dog bit the man.", "It was not unexpected.", "The man bit him first."]
SECOND = ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."]
BLEU = 48.530827


def _bleu(rows, outputs=OUTPUTS):
    scores = wb.score(wb.outputs(rows, {"a": outputs}), rows, [wb.BLEU()])
    return float(scores.metrics[0].aggregate(scores.statistics["bleu"].sum(axis=0)))


def _plain(frame):
    """Turn a frame into dicts, with None for what is missing."""
    return [
        {name: None if wb.tables.is_missing(cell) else cell for name, cell in row.items()}
        for row in wb.tables.each_row(frame)
    ]


def _refused(kind, function, *arguments, **options):
    """Return what a refusal says."""
    with pytest.raises(kind) as caught:
        function(*arguments, **options)
    assert type(caught.value) is kind
    return str(caught.value)


def _wide():
    """Return the records as a CSV can hold them, one column per reference."""
    wide = []
    for record in RECORDS:
        row = {name: cell for name, cell in record.items() if name != "references"}
        texts = [*record["references"], None, None]
        wide.append({**row, "reference_1": texts[0], "reference_2": texts[1]})
    return wide


def _jsonl(path, records):
    content = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)


def _write_jsonl(path):
    _jsonl(path, RECORDS)


def _write_json(path):
    path.write_text(json.dumps(RECORDS), encoding="utf-8")


def _write_table(path):
    separator = "," if ".csv" in path.name else "\t"
    frame = pd.DataFrame(_wide()).assign(n=pd.array([1, 2, None], dtype="Int64"))
    frame.to_csv(path, sep=separator, index=False)


def _write_parquet(path):
    pd.DataFrame(RECORDS).assign(n=pd.array([1, 2, None], dtype="Int64")).to_parquet(path)


def _write_saved(path):
    datasets.Dataset.from_list(RECORDS).save_to_disk(path)


def _write_folder(path):
    path.mkdir()
    (path / "README.md").write_text("A card.\n")
    _jsonl(path / "outputs.jsonl", [{"row_id": "a", "system": "s", "text": "t"}])
    _jsonl(path / "rows.jsonl.gz", RECORDS)


PLACES = {
    "set.jsonl": _write_jsonl,
    "set.ndjson": _write_jsonl,
    "set.jsonl.gz": _write_jsonl,
    "set.json": _write_json,
    "set.csv": _write_table,
    "set.csv.gz": _write_table,
    "set.tsv": _write_table,
    "set.parquet": _write_parquet,
    "saved": _write_saved,
    "set": _write_folder,
}
OBJECTS = {
    "list of dicts": lambda: RECORDS,
    "iterator of dicts": lambda: iter(RECORDS),
    "list of wide dicts": _wide,
    "frame": lambda: pd.DataFrame(RECORDS),
    "frame of Int64": lambda: pd.DataFrame(RECORDS).astype({"n": "Int64"}),
    "Hugging Face Dataset": lambda: datasets.Dataset.from_list(RECORDS),
    "Hugging Face IterableDataset": lambda: datasets.Dataset.from_list(
        RECORDS
    ).to_iterable_dataset(),
    "Hugging Face split": lambda: datasets.DatasetDict(
        {"test": datasets.Dataset.from_list(RECORDS)}
    )["test"],
}


@pytest.fixture(autouse=True)
def _without_bars():
    datasets.disable_progress_bars()


# --- every source ---------------------------------------------------------------------------


@pytest.mark.parametrize("as_text", [str, lambda path: path], ids=["str", "Path"])
@pytest.mark.parametrize("name", PLACES)
def test_every_place_gives_the_same_rows_and_the_same_digest(tmp_path, name, as_text):
    PLACES[name](tmp_path / name)
    rows = wb.read(as_text(tmp_path / name))
    cells = _plain(rows[["row_id", "input", "references", "topic", "n"]])
    assert cells == RECORDS
    assert digest(rows) == digest(wb.read(RECORDS))
    assert rows.attrs == {"name": name.split(".")[0], "source": str(tmp_path / name)}


@pytest.mark.parametrize("name", OBJECTS)
def test_every_object_gives_the_same_rows_and_the_same_digest(name):
    rows = wb.read(OBJECTS[name]())
    assert _plain(rows[["row_id", "input", "references", "topic", "n"]]) == RECORDS
    assert digest(rows) == digest(wb.read(RECORDS))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: RECORDS, "the list given"),
        (lambda: ["a text"], "the list given"),
        (lambda: pd.DataFrame(RECORDS), "the frame given"),
        (lambda: datasets.Dataset.from_list(RECORDS), "the Hugging Face dataset given"),
    ],
)
def test_rows_in_memory_say_so(make, name):
    assert wb.read(make()).attrs == {"name": name, "source": name}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("rows.jsonl", "rows"),
        ("a/rows.jsonl.gz", "rows"),
        ("news.v1.csv", "news.v1"),
        ("a/news.v1/rows.csv", "rows"),
    ],
)
def test_a_dataset_is_called_by_its_file_however_it_is_reached(tmp_path, monkeypatch, path, name):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    content = b'{"input": "x"}\n' if "jsonl" in path else b"input\nx\n"
    (tmp_path / path).write_bytes(gzip.compress(content) if path.endswith(".gz") else content)
    monkeypatch.chdir(tmp_path)
    assert wb.read(path).attrs == {"name": name, "source": path}
    assert wb.read(tmp_path / path).attrs["name"] == name


def test_texts_become_inputs_numbered_from_one(tmp_path):
    (tmp_path / "a.txt").write_text("one\u2028still one\n\nthree\n", encoding="utf-8")
    expected = [
        {"row_id": "1", "input": "one\u2028still one"},
        {"row_id": "2", "input": ""},
        {"row_id": "3", "input": "three"},
    ]
    assert _plain(wb.read(tmp_path / "a.txt")) == expected
    assert _plain(wb.read(["one\u2028still one", "", "three"])) == expected


def test_a_shuffled_selection_of_a_hugging_face_dataset_is_read_as_it_stands():
    whole = datasets.Dataset.from_list([{"row_id": str(at), "input": "x"} for at in range(20)])
    part = whole.shuffle(seed=1).select(range(5))
    assert wb.read(part)["row_id"].tolist() == part["row_id"][:]
    assert len(set(part["row_id"][:])) == 5


def test_chat_messages_have_one_digest_in_every_format(tmp_path):
    messages = [
        {"role": "user", "content": "What is 2 + 2?"},
        {"role": "tool", "content": "4", "name": "calculator"},
    ]
    records = [{"input": messages, "references": ["4"]}]
    _jsonl(tmp_path / "a.jsonl", records)
    pd.DataFrame(records).to_parquet(tmp_path / "a.parquet")
    found = [
        wb.read(source)
        for source in (
            records,
            tmp_path / "a.jsonl",
            tmp_path / "a.parquet",
            datasets.Dataset.from_list(records),
        )
    ]
    assert len({digest(rows) for rows in found}) == 1
    assert found[0].loc[0, "input"] == messages


def test_columns_may_be_renamed():
    rows = wb.read(
        [{"id": 1, "article": "x", "highlights": "y", "kept": 3}],
        columns={"id": "row_id", "article": "input", "highlights": "references"},
    )
    assert _plain(rows) == [{"row_id": "1", "input": "x", "references": ["y"], "kept": 3}]


def test_what_comes_in_is_not_changed():
    frame = pd.DataFrame({"input": ["a", "b"], "reference": ["x", None]}, index=[5, 5])
    before = frame.copy()
    rows = wb.read(frame, columns={"input": "input"})
    rows.loc[0, "input"] = "changed"
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("source", "kind"), [(5, "int"), (b"ab", "bytes"), ({"input": ["a"]}, "dict"), (print, None)]
)
def test_what_is_no_dataset_is_refused(source, kind):
    assert _refused(BadKind, wb.read, source) == (
        "a dataset must be a path, a name, a DataFrame, a list of dicts or a Hugging Face Dataset, "
        f"but a {kind or type(source).__name__} came; turn it into one of these."
    )


@pytest.mark.parametrize(
    ("items", "kinds"),
    [
        (["a", {"input": "b"}], "'dict', 'str'"),
        ([1, 2], "'int'"),
        (["a", None], "'NoneType', 'str'"),
    ],
)
def test_a_mixed_list_is_refused(items, kinds):
    assert _refused(BadKind, wb.read, items) == (
        f"rows must all be dicts, or all be texts, but {kinds} came; make them so."
    )


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda _: [], "the list given"),
        (lambda _: pd.DataFrame({"input": []}), "the frame given"),
        (lambda _: None, "the references given"),
        (lambda place: place / "a.txt", "{}/a.txt"),
        (lambda place: place / "a.csv", "{}/a.csv"),
    ],
)
def test_a_dataset_without_rows_is_refused(tmp_path, make, name):
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "a.csv").write_text("input,topic\n")
    assert _refused(BadValue, wb.read, make(tmp_path)) == (
        f"a dataset must have at least one row, but {name.format(tmp_path)} has none; check it."
    )


def test_half_a_surrogate_pair_in_memory_is_named():
    assert _refused(BadValue, wb.read, [{"input": "x"}, {"input": "y\ud800"}]) == (
        "the list given must hold whole characters, but row 2 has '\\ud800', half of a surrogate "
        "pair; write U+FFFD in its place."
    )


def test_a_rule_of_the_table_is_told_with_the_source(tmp_path):
    (tmp_path / "a.csv").write_text("row_id,input\na,x\na,y\n")
    assert _refused(BadValue, wb.read, tmp_path / "a.csv") == (
        f"ROWS ({tmp_path}/a.csv) must have one row per row_id, but {{'row_id': 'a'}} comes again "
        "in row 2 (1 such rows); remove the copies or name them apart."
    )


def test_a_path_that_cannot_be_a_path_is_told():
    name = "n" * 300
    assert _refused(Unreadable, wb.read, name) == (
        f"{name} must be a readable file, but opening it failed (File name too long); check the path."
    )


# --- Hugging Face ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["DatasetDict", "IterableDatasetDict", "saved"])
def test_several_splits_are_refused_with_their_names(tmp_path, kind):
    split = datasets.Dataset.from_list([{"input": "x"}])
    splits = datasets.DatasetDict({"train": split, "test": split})
    if kind == "IterableDatasetDict":
        splits = datasets.IterableDatasetDict(
            {name: each.to_iterable_dataset() for name, each in splits.items()}
        )
    if kind == "saved":
        splits.save_to_disk(tmp_path / "saved")
        splits = tmp_path / "saved"
    assert _refused(BadValue, wb.read, splits) == (
        "a dataset must be one split, but a mapping of 'train', 'test' came; choose one, such as "
        "source['train']."
    )


def test_one_split_of_several_that_were_saved_is_a_dataset(tmp_path):
    split = datasets.Dataset.from_list([{"input": "x"}])
    datasets.DatasetDict({"train": split}).save_to_disk(tmp_path / "saved")
    assert wb.read(tmp_path / "saved" / "train")["input"].tolist() == ["x"]


# --- shipped sets and folders ---------------------------------------------------------------


@pytest.mark.parametrize("place", ["", "notebooks", "workbench/metrics", "datasets/news-summaries"])
def test_a_shipped_set_is_found_from_every_folder_of_the_project(monkeypatch, root, place):
    monkeypatch.chdir(root / place)
    assert folder("news-summaries") == root / "datasets" / "news-summaries"
    rows = wb.read("news-summaries")
    assert len(rows) >= 40
    assert rows["references"].map(len).unique().tolist() == [2]
    assert rows.attrs["name"] == "news-summaries"


def test_a_shipped_set_is_found_from_elsewhere(monkeypatch, tmp_path, root):
    here = digest(wb.read(root / "datasets" / "news-summaries"))
    monkeypatch.chdir(tmp_path)
    assert digest(wb.read("news-summaries")) == here


def test_a_set_of_ones_own_is_found_from_a_subfolder_and_is_nearer(monkeypatch, tmp_path):
    for name in ("mine", "news-summaries"):
        (tmp_path / "datasets" / name).mkdir(parents=True)
        _jsonl(tmp_path / "datasets" / name / "rows.jsonl", [{"input": name}])
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert wb.read("mine")["input"].tolist() == ["mine"]
    assert wb.read("news-summaries")["input"].tolist() == ["news-summaries"]


def test_an_unknown_set_is_told_with_the_nearest(monkeypatch, tmp_path, root):
    shutil.copytree(root / "datasets" / "news-summaries", tmp_path / "datasets" / "my-set")
    monkeypatch.chdir(tmp_path)
    known = sorted({"my-set", *(c.parent.name for c in (root / "datasets").glob("*/README.md"))})
    listed = ", ".join(map(repr, known))
    assert _refused(UnknownName, wb.read, "my-sett") == (
        f"the name of a shipped dataset must be one of {listed}, but 'my-sett' came; "
        "did you mean 'my-set'?"
    )
    assert _refused(UnknownName, folder, "zzz") == (
        f"the name of a shipped dataset must be one of {listed}, but 'zzz' came."
    )


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([], "nothing"),
        (["README.md", "data.jsonl"], "'README.md', 'data.jsonl'"),
        (["rows.csv", "rows.jsonl"], "'rows.csv', 'rows.jsonl'"),
        (["rows.txt"], "'rows.txt'"),
        (["rows.txt", "rows.xlsx", "xrows.csv"], "'rows.txt', 'rows.xlsx', 'xrows.csv'"),
    ],
)
def test_a_folder_must_hold_one_table_of_rows(tmp_path, files, told):
    for name in files:
        (tmp_path / name).write_text("")
    assert _refused(Unreadable, wb.read, tmp_path) == (
        "a dataset folder must hold one table called rows (rows.jsonl, rows.csv, …), but "
        f"{tmp_path} holds {told}; name the file itself."
    )


# --- references -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "references"),
    [
        ({"reference": "x"}, ["x"]),
        ({"references": "x"}, ["x"]),
        ({"references": ["x", "y"]}, ["x", "y"]),
        ({"reference_1": "x", "reference_2": "y"}, ["x", "y"]),
        ({"reference": "x", "reference_2": "y", "reference_10": "z"}, ["x", "y", "z"]),
        ({"reference_0": None, "reference_1": "y"}, ["y"]),
        ({"reference_1": float("nan"), "reference_2": ""}, [""]),
        ({"reference": None}, []),
    ],
)
def test_references_may_be_written_in_several_ways(record, references):
    rows = wb.read([{"input": "a", **record}])
    assert rows["references"].tolist() == [references]
    assert list(rows.columns) == ["row_id", "input", "references"]


@pytest.mark.parametrize("name", ["reference_style", "reference_", "references_2", "reference_1a"])
def test_a_column_that_only_begins_like_a_reference_is_a_slice(name):
    rows = wb.read([{"input": "a", "reference": "x", name: "y"}])
    assert _plain(rows) == [{"row_id": "1", "input": "a", "references": ["x"], name: "y"}]


def test_two_columns_of_the_same_name_are_two_references(tmp_path):
    (tmp_path / "a.csv").write_text("input,reference,reference\na,x,y\nb,z,\n")
    assert wb.read(tmp_path / "a.csv")["references"].tolist() == [["x", "y"], ["z"]]


def test_references_that_come_twice_are_refused():
    records = [{"input": "a", "references": ["x"], "reference_1": "y", "reference_2": "z"}]
    assert _refused(BadValue, wb.read, records) == (
        "a dataset must give its references once, but the columns 'references' and 'reference_1', "
        "'reference_2' came; drop one of them."
    )
    assert _refused(
        BadValue,
        wb.read,
        records[:1],
        columns={"reference_1": "s", "reference_2": "t"},
        references=[["x"]],
    ) == ("a dataset must give its references once, but the list given has them already.")


def test_a_list_that_a_csv_made_a_text_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    pd.DataFrame({"input": ["x"], "references": [["a", "b"]]}).to_csv(path, index=False)
    assert _refused(BadValue, wb.read, path) == (
        f"references must be text or a list of text, but row '1' of {path} has a list written as "
        "text (\"['a', 'b']\"); use columns reference_1, reference_2, …, or JSON Lines."
    )


def test_a_reference_may_itself_be_the_text_of_a_list():
    rows = wb.read([{"input": "give me JSON", "references": ['["a"]']}])
    assert rows["references"].tolist() == [['["a"]']]


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_parallel_texts_stand_beside_the_rows(tmp_path, packed):
    for name, lines in (("src", ["a", "b", "c"]), ("ref1", FIRST), ("ref2", SECOND)):
        content = "".join(f"{line}\n" for line in lines).encode()
        path = tmp_path / f"{name}.txt{packed}"
        path.write_bytes(gzip.compress(content) if packed else content)
    paths = [tmp_path / f"ref1.txt{packed}", str(tmp_path / f"ref2.txt{packed}")]
    rows = wb.read(tmp_path / f"src.txt{packed}", references=paths)
    assert rows["input"].tolist() == ["a", "b", "c"]
    assert rows["references"].tolist() == [list(pair) for pair in zip(FIRST, SECOND, strict=True)]
    assert _bleu(rows) == pytest.approx(BLEU, abs=1e-6)


def test_references_without_a_source_are_a_dataset_without_inputs():
    rows = wb.read(references=[FIRST, SECOND])
    assert _plain(rows[["row_id", "input"]]) == [
        {"row_id": str(n), "input": None} for n in (1, 2, 3)
    ]
    assert rows.attrs["name"] == "the references given"
    assert _bleu(rows) == pytest.approx(BLEU, abs=1e-6)


def test_a_stream_may_have_gaps():
    rows = wb.read(references=[FIRST, [SECOND[0], None, SECOND[2]]])
    assert rows["references"].map(len).tolist() == [2, 1, 2]


@pytest.mark.parametrize(
    ("streams", "short", "n"),
    [
        ([FIRST[:1], SECOND], "#1", 1),
        ([FIRST, SECOND[:1]], "#2", 1),
        ([FIRST[:1], SECOND[:1]], "#1", 1),
        ([[*FIRST, "one more"], SECOND], "#1", 4),
    ],
)
def test_a_reference_stream_of_another_length_than_the_outputs_is_refused(streams, short, n):
    # the trap: sacrebleu zips, and what is left is perfect
    if n < 3:
        assert sacrebleu.corpus_bleu(OUTPUTS, streams).score == pytest.approx(100)
    assert sacrebleu.corpus_bleu(OUTPUTS, [FIRST, SECOND]).score == pytest.approx(BLEU, abs=1e-6)
    assert _refused(BadValue, wb.read, ["a", "b", "c"], references=streams) == (
        f"each reference stream must have one line per row, 3 of them, but stream {short} has {n}; "
        "give whole streams (not one list per row), of equal length."
    )


def test_a_reference_file_of_another_length_is_named(tmp_path):
    for name, lines in (("a.txt", FIRST), ("b.txt", SECOND[:2])):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    assert _refused(BadValue, wb.read, references=paths) == (
        f"each reference stream must have one line per row, 3 of them, but stream {paths[1]} has 2; "
        "give whole streams (not one list per row), of equal length."
    )


def test_references_that_are_all_too_short_are_found_by_the_outputs():
    rows = wb.read(references=[FIRST[:1], SECOND[:1]])
    assert _refused(BadValue, wb.outputs, rows, {"a": OUTPUTS}) == (
        "system 'a' must have 1 texts, one per row, but 3 came; put None where it failed."
    )


@pytest.mark.parametrize(
    ("transposed", "wrong", "n"),
    [
        ([list(pair) for pair in zip(FIRST, SECOND, strict=True)], 61.88, 2),
        ([[text] for text in FIRST], 100.00, 1),
    ],
)
def test_transposed_references_are_refused(transposed, wrong, n):
    # the trap: sacrebleu gives another figure and no error
    assert sacrebleu.corpus_bleu(OUTPUTS, transposed).score == pytest.approx(wrong, abs=0.005)
    assert _refused(BadValue, wb.read, OUTPUTS, references=transposed) == (
        f"each reference stream must have one line per row, 3 of them, but stream #1 has {n}; give "
        "whole streams (not one list per row), of equal length."
    )
    rows = wb.read(references=transposed)
    assert _refused(BadValue, wb.outputs, rows, {"a": OUTPUTS}) == (
        f"system 'a' must have {n} texts, one per row, but 3 came; put None where it failed."
    )


def test_uneven_numbers_of_references_per_row_lose_none(tmp_path):
    # the trap: zip(*references) keeps as many as the row with the fewest has
    uneven = [[FIRST[0], SECOND[0]], [FIRST[1]], [FIRST[2], SECOND[2]]]
    dropped = [list(stream) for stream in zip(*uneven, strict=False)]
    assert sacrebleu.corpus_bleu(OUTPUTS, dropped).score == pytest.approx(45.0675063, abs=1e-6)
    listed = wb.read([{"input": "x", "references": references} for references in uneven])
    pd.DataFrame(
        {"input": "x", "reference_1": FIRST, "reference_2": [SECOND[0], None, SECOND[2]]}
    ).to_csv(tmp_path / "a.csv", index=False)
    in_columns = wb.read(tmp_path / "a.csv")
    for rows in (listed, in_columns):
        assert rows["references"].tolist() == uneven
        assert _bleu(rows) == pytest.approx(BLEU, abs=1e-6)


@pytest.mark.parametrize(
    ("references", "shown"), [("ref.txt", "'ref.txt'"), ([], "[]"), ((), "()")]
)
def test_references_must_be_a_list_of_streams(references, shown):
    assert _refused(BadKind, wb.read, ["a"], references=references) == (
        f"references must be a list of streams, one per reference, but {shown} came; write "
        "references=[…]."
    )


# --- outputs --------------------------------------------------------------------------------

TEXTS = {("a", "1"): "one", ("a", "2"): None, ("b", "1"): "", ("b", "2"): "NA"}
TABLE = [{"row_id": row, "system": system, "text": text} for (system, row), text in TEXTS.items()]


@pytest.fixture
def rows():
    return wb.read(["x", "y"])


def _found(outputs):
    return {
        (row["system"], row["row_id"]): row["text"]
        for row in _plain(outputs[["system", "row_id", "text"]])
    }


def _lines(place, name, lines):
    (place / name).write_text("".join(f"{line}\n" for line in lines))
    return place / name


OUTPUT_FORMS = {
    "lists": lambda place: {"a": ["one", None], "b": ["", "NA"]},
    "tuples and arrays": lambda place: {"a": ("one", None), "b": np.array(["", "NA"])},
    "a frame's column": lambda place: {"a": pd.Series(["one", None]), "b": pd.Series(["", "NA"])},
    "dicts": lambda place: {"a": {"2": None, "1": "one"}, "b": {1: "", 2: "NA"}},
    "repeats": lambda place: {"a": [["one"], [None]], "b": [[""], ("NA",)]},
    "text file": lambda place: {"a": ["one", None], "b": _lines(place, "b.txt", ["", "NA"])},
    "name of a text file": lambda place: {
        "a": ["one", None],
        "b": str(_lines(place, "b.txt", ["", "NA"])),
    },
    "list of dicts": lambda place: TABLE,
    "frame": lambda place: pd.DataFrame(TABLE),
    "Hugging Face Dataset": lambda place: datasets.Dataset.from_list(TABLE),
}


@pytest.mark.parametrize("form", OUTPUT_FORMS)
def test_outputs_may_come_in_every_form(rows, tmp_path, form):
    outputs = wb.outputs(rows, OUTPUT_FORMS[form](tmp_path))
    assert _found(outputs) == TEXTS
    assert sorted(outputs["output_id"]) == ["a:1:0", "a:2:0", "b:1:0", "b:2:0"]
    assert outputs["repeat"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "name", ["outputs.jsonl", "outputs.json", "outputs.parquet", "outputs.csv.gz"]
)
@pytest.mark.parametrize("as_folder", [False, True])
def test_outputs_may_come_from_a_file_or_its_folder(rows, tmp_path, name, as_folder):
    table = [each for each in TABLE if each["text"] != ""]
    frame, path = pd.DataFrame(table), tmp_path / name
    if ".parquet" in name:
        frame.to_parquet(path)
    elif ".csv" in name:
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=name.endswith("l"))
    outputs = wb.outputs(rows, tmp_path if as_folder else path)
    assert _found(outputs) == {(each["system"], each["row_id"]): each["text"] for each in table}


def test_outputs_of_a_shipped_set_answer_all_of_its_rows():
    rows = wb.read("news-summaries")
    outputs = wb.outputs(rows, "news-summaries")
    counts = outputs.groupby("system")["row_id"].nunique()
    assert len(counts) >= 6
    assert set(counts) == {len(rows)}


def test_repeats_are_counted_and_may_be_uneven(rows):
    outputs = wb.outputs(rows, {"a": [["one", "two", None], "three"], "b": {"2": ["four", "five"]}})
    assert outputs["output_id"].tolist() == ["a:1:0", "a:1:1", "a:1:2", "a:2:0", "b:2:0", "b:2:1"]
    assert outputs["repeat"].tolist() == [0, 1, 2, 0, 0, 1]
    assert _plain(outputs[["text"]]) == [
        {"text": text} for text in ("one", "two", None, "three", "four", "five")
    ]


def test_colons_make_no_two_outputs_one():
    rows = wb.read([{"row_id": "x:1", "input": "p"}, {"row_id": "1", "input": "q"}])
    outputs = wb.outputs(rows, {"m": ["a", "b"], "m:x": ["c", "d"]})
    assert outputs["output_id"].tolist() == [
        '["m", "x:1", "0"]',
        "m:1:0",
        "m:x:x:1:0",
        '["m:x", "1", "0"]',
    ]
    assert outputs["text"].tolist() == ["a", "b", "c", "d"]


def test_copies_of_an_output_are_refused_all_the_same():
    rows = wb.read([{"row_id": "x:1", "input": "p"}])
    told = _refused(BadValue, wb.outputs, rows, [{"row_id": "x:1", "system": "m", "text": "a"}] * 2)
    assert "but {'output_id': 'm:x:1:0'} comes again in row 2" in told


def test_a_table_may_have_names_and_columns_of_its_own(rows):
    table = [
        {"id": "1", "who": "a", "said": "x", "output_id": "mine", "latency_s": 2, "extra": "e"}
    ]
    outputs = wb.outputs(rows, table, columns={"id": "row_id", "who": "system", "said": "text"})
    assert _plain(outputs) == [
        {
            **{"row_id": "1", "system": "a", "text": "x", "output_id": "mine"},
            **{"latency_s": 2.0, "extra": "e", "repeat": 0},
        }
    ]


def test_a_file_of_outputs_keeps_marks_that_are_no_newlines(rows, tmp_path):
    path = _lines(tmp_path, "a.txt", ["one\u2028still one", "two"])
    assert wb.outputs(rows, {"a": path})["text"].tolist() == ["one\u2028still one", "two"]


def test_the_rows_may_have_any_order_and_index():
    rows = wb.read([{"row_id": "b", "input": "x"}, {"row_id": "a", "input": "y"}])[::-1]
    assert _found(wb.outputs(rows, {"s": ["of a", "of b"]})) == {
        ("s", "a"): "of a",
        ("s", "b"): "of b",
    }


@pytest.mark.parametrize(
    ("texts", "n"), [(["one"], 1), (["one", "two", "three"], 3), ([], 0), ((), 0)]
)
def test_a_system_must_have_one_text_per_row(rows, texts, n):
    assert _refused(BadValue, wb.outputs, rows, {"b": ["x", "y"], "a": texts}) == (
        f"system 'a' must have 2 texts, one per row, but {n} came; put None where it failed."
    )


@pytest.mark.parametrize(("texts", "kind"), [(7, "int"), (None, "NoneType"), ({"x"}, "set")])
def test_the_texts_of_a_system_must_be_in_order(rows, texts, kind):
    assert _refused(BadKind, wb.outputs, rows, {"a": texts}) == (
        "the texts of system 'a' must be a list in the order of the rows, a mapping from row_id or "
        f"a path, but a {kind} came; turn it into one of these."
    )


def test_the_texts_of_a_system_may_come_one_by_one(rows):
    assert wb.outputs(rows, {"a": (text for text in "xy")})["text"].tolist() == ["x", "y"]


def test_an_unknown_row_is_told_with_the_nearest():
    rows = wb.read([{"row_id": "first", "input": "x"}, {"row_id": "second", "input": "y"}])
    assert _refused(UnknownName, wb.outputs, rows, {"a": {"frist": "x"}}) == (
        "row_id in OUTPUTS (the texts given) must be one of 'first', 'second', but 'frist' came; "
        "did you mean 'first'?"
    )


@pytest.mark.parametrize(
    ("source", "name"),
    [({}, "the texts given"), ({"a": {}}, "the texts given"), ([], "the list given")],
)
def test_no_outputs_at_all_are_refused(rows, source, name):
    assert _refused(BadValue, wb.outputs, rows, source) == (
        f"OUTPUTS must have at least one output, but {name} has none; check it."
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"a": ["x", 7]},
            "text in OUTPUTS (the texts given) must be text, but '7' came in row 2; correct that cell.",
        ),
        (
            {"a": [{"text": "x"}, "y"]},
            "text in OUTPUTS (the texts given) must be text, but \"{'text': 'x'}\" came in row 1; "
            "correct that cell.",
        ),
        (
            {"a": ["x", "\ud800"]},
            "the texts given must hold whole characters, but row 2 has '\\ud800', half of a "
            "surrogate pair; write U+FFFD in its place.",
        ),
        (
            [{"row_id": "1", "text": "x"}],
            "OUTPUTS (the list given) must have the columns 'output_id', 'system', but only "
            "'row_id', 'text' came; add them, rename yours, or, with a column "
            "per system, name these columns (wb.outputs(rows, ['NAME', …]), or --systems NAME … in a "
            "shell).",
        ),
        (
            [{"row_id": "1", "system": "a", "text": "x"}] * 2,
            "OUTPUTS (the list given) must have one row per output_id, but {'output_id': 'a:1:0'} "
            "comes again in row 2 (1 such rows); remove the copies or name them apart.",
        ),
        (
            [{"row_id": "1", "system": "a", "text": "x", "output_id": n} for n in "xy"],
            "OUTPUTS (the list given) must have one row per row_id × system × repeat, but "
            "{'row_id': '1', 'system': 'a', 'repeat': 0} comes again in row 2 (1 such rows); remove "
            "the copies or name them apart.",
        ),
        (
            [{"row_id": "1", "system": "a", "text": "x", "repeat": -1}],
            "repeat in OUTPUTS (the list given) must be a whole number, not negative, but '-1' came "
            "in row 1; correct that cell.",
        ),
    ],
)
def test_a_broken_rule_of_outputs_is_told(rows, source, message):
    assert _refused(BadValue, wb.outputs, rows, source) == message


def test_a_text_file_is_no_table_of_outputs(rows, tmp_path):
    path = _lines(tmp_path, "a.txt", ["one", "two"])
    assert _refused(BadValue, wb.outputs, rows, path) == (
        f"OUTPUTS ({path}) must have the columns 'output_id', 'row_id', 'system', 'text', but only "
        "'input' came; add them, rename yours, or, with a column "
        "per system, name these columns (wb.outputs(rows, ['NAME', …]), or --systems NAME … in a "
        "shell)."
    )


def test_a_text_in_the_place_of_a_path_is_told(rows):
    assert _refused(Unreadable, wb.outputs, rows, {"a": "Good day"}) == (
        "Good day must be a readable file, but there is no such file; check the path."
    )


def test_the_index_of_a_frame_called_row_id_names_the_rows():
    frame = pd.DataFrame({"input": ["a", "b"]}, index=pd.Index(["x", "y"], name="row_id"))
    assert wb.read(frame)["row_id"].tolist() == ["x", "y"]


def test_a_bare_name_with_a_version_is_a_name_and_no_file():
    with pytest.raises(UnknownName) as caught:
        wb.read("no-such-set-1.2")
    assert str(caught.value).startswith("the name of a shipped dataset must be one of ")


# --- a column per system --------------------------------------------------------------------


WIDE = [
    {"id": "a", "source": "Hallo", "reference": "Hello", "gpt": "Hello", "mistral": "Hi"},
    {"id": "b", "source": "Welt", "reference": "World", "gpt": None, "mistral": "A world"},
]


def test_a_column_per_system_becomes_outputs():
    rows = wb.read(WIDE, columns={"id": "row_id", "source": "input"})
    found = wb.outputs(rows, ["gpt", "mistral"])
    same = wb.outputs(rows, {"gpt": ["Hello", None], "mistral": ["Hi", "A world"]})
    pd.testing.assert_frame_equal(found, same)
    assert found["row_id"].tolist() == ["a", "b", "a", "b"]


def test_an_unknown_column_of_texts_is_refused_with_the_nearest_name():
    rows = wb.read(WIDE, columns={"id": "row_id", "source": "input"})
    with pytest.raises(UnknownName) as caught:
        wb.outputs(rows, ["gpt", "Mistal"])
    assert str(caught.value) == (
        "a column of texts (--systems in a shell) must be one of 'gpt', 'mistral', but 'Mistal' "
        "came; did you mean 'mistral'?"
    )


def test_a_renaming_of_no_column_is_refused():
    with pytest.raises(UnknownName) as caught:
        wb.read(WIDE, columns={"ID": "row_id", "source": "input"})
    assert str(caught.value) == (
        "a name in columns (--columns in a shell) must be one of 'id', 'source', 'reference', "
        "'gpt', 'mistral', but 'ID' came; did you mean 'id'?"
    )


@pytest.mark.parametrize("ours", ["row_id", "input", "references", "reference_2", "system"])
def test_a_renaming_the_wrong_way_round_is_told(ours):
    with pytest.raises(UnknownName) as caught:
        wb.read([{"id": "a", "source": "Hallo"}], columns={ours: "id"})
    assert str(caught.value) == (
        f"columns must name yours first and ours second, but {ours!r} to 'id' came, and it is 'id' "
        f"that the list given has; turn it round: {{'id': {ours!r}}}, or --columns id={ours} in a "
        "shell."
    )


def test_a_misspelt_column_renamed_to_one_that_is_there_is_no_turn():
    with pytest.raises(UnknownName, match="did you mean 'source'"):
        wb.read([{"id": "a", "source": "Hallo"}], columns={"sorce": "id"})


def test_beside_references_the_input_may_be_left_out():
    rows = wb.read([{"row_id": "a", "reference": "Hello"}])
    assert rows["input"].isna().all()
    assert rows["references"].tolist() == [["Hello"]]


# --- texts that look like numbers -----------------------------------------------------------


SUMS = "id,source,gold,gpt,le\n2e3,5.50,12,3.10,1\n-0,4.10,7,,0\n"
OURS = {"id": "row_id", "source": "input", "gold": "references", "le": "cluster"}


def test_what_a_column_is_called_later_decides_whether_it_holds_texts(tmp_path):
    (tmp_path / "mine.csv").write_text(SUMS)
    rows = wb.read(tmp_path / "mine.csv", columns=OURS, systems=["gpt"])
    assert _plain(rows.drop(columns="gpt")) == [
        {"row_id": "2e3", "input": "5.50", "references": ["12"], "cluster": "1"},
        {"row_id": "-0", "input": "4.10", "references": ["7"], "cluster": "0"},
    ]
    assert _plain(wb.outputs(rows, ["gpt"])[["system", "text"]]) == [
        {"system": "gpt", "text": "3.10"},
        {"system": "gpt", "text": None},
    ]


def test_a_system_may_be_named_as_it_is_called_later(tmp_path):
    (tmp_path / "mine.csv").write_text(SUMS)
    rows = wb.read(tmp_path / "mine.csv", columns=OURS | {"gpt": "a"}, systems=["a"])
    assert rows["a"].tolist()[0] == "3.10"


def test_a_column_of_texts_that_gets_another_name_may_hold_numbers(tmp_path):
    (tmp_path / "mine.csv").write_text("input,text\n3,x\n4,y\n")
    rows = wb.read(tmp_path / "mine.csv", columns={"input": "length", "text": "input"})
    assert rows["length"].tolist() == [3, 4]


def test_renamed_columns_of_a_table_of_outputs_hold_texts(tmp_path):
    (tmp_path / "out.csv").write_text("id,sys,answer\n1,3.5,12\n1,4.10,7.0\n")
    rows = wb.read([{"input": "x"}])
    ours = {"id": "row_id", "sys": "system", "answer": "text"}
    table = wb.outputs(rows, tmp_path / "out.csv", columns=ours)
    assert table["system"].tolist() == ["3.5", "4.10"]
    assert table["text"].tolist() == ["12", "7.0"]


def test_a_system_that_is_no_column_is_refused_when_it_is_read():
    told = _refused(UnknownName, wb.read, [{"input": "x", "gpt": "y"}], systems=["gtp"])
    assert told.startswith(
        "a column of texts (--systems in a shell) must be one of 'gpt', but 'gtp'"
    )


def test_numbers_of_a_column_that_was_not_named_are_refused(tmp_path):
    (tmp_path / "mine.csv").write_text(SUMS)
    rows = wb.read(tmp_path / "mine.csv", columns=OURS)
    assert _refused(BadValue, wb.outputs, rows, ["gpt"]) == (
        "the column of a system must hold texts, but 'gpt' holds the number 3.1; name it when a CSV "
        "file is read (wb.read(…, systems=['gpt'])), or make texts of its numbers."
    )


# --- whole numbers that floats blur ---------------------------------------------------------

LARGE = [None, *(2**53 + at for at in range(1, 10))]


def _csv_of(path, records):
    lines = [
        ",".join("" if cell is None else str(cell) for cell in row.values()) for row in records
    ]
    path.write_text("\n".join([",".join(records[0]), *lines]))


@pytest.mark.parametrize("kind", ["list", ".jsonl", ".json", ".csv", ".parquet"])
def test_large_whole_numbers_stay_themselves_beside_a_missing_cell(tmp_path, kind):
    records = [{"input": "x", "small": n and n % 7, "account": n} for n in LARGE]
    path = tmp_path / f"a{kind}"
    if kind == ".parquet":
        pd.DataFrame(records).astype({"small": "Int64"}).assign(
            account=pd.array(LARGE, dtype="Int64")
        ).to_parquet(path)
    elif kind == ".json":
        path.write_text(json.dumps(records))
    elif kind != "list":
        {".jsonl": _jsonl, ".csv": _csv_of}[kind](path, records)
    rows = wb.read(records if kind == "list" else path)
    assert _plain(rows[["account"]]) == [{"account": n} for n in LARGE]
    assert _plain(rows[["small"]]) == [{"small": n and n % 7} for n in LARGE]


def test_large_whole_numbers_have_digests_differences_and_slices_of_their_own():
    old, new = ([{"input": "x", "n": n}, {"input": "y", "n": None}] for n in (2**60, 2**60 + 1))
    assert digest(wb.read(old)) != digest(wb.read(new))
    assert wb.data.diff(wb.read(old), wb.read(new)).changed == ("1",)
    rows = wb.read([{"input": "x", "references": ["a"], "account": n} for n in LARGE * 2])
    outputs = wb.outputs(rows, {"a": ["a"] * 20, "b": ["b"] * 20})
    c = wb.compare(wb.score(outputs, rows, [wb.ExactMatch()]), samples=50)
    values = c.slices("account", least=1).frame["value"]
    assert set(map(str, LARGE[1:])) <= set(values)


def test_large_floats_stay_floats():
    assert wb.read([{"input": "x", "n": 1e300}, {"input": "y", "n": None}])["n"].dtype == "float64"
