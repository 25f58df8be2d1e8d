"""The same verbs from a shell: what they print, what they refuse, and their exit status."""

import json
import re
import shlex
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import sacrebleu

import workbench as wb
from workbench.cli import _options, main
from workbench.metrics.catalogue import NAMES

COMMANDS = [
    "tour", "lab", "score", "compare", "run", "runs", "rate", "agreement", "rank",
    "trajectories", "notebooks", "report", "bench",
]  # fmt: skip
REFERENCE = [
    "The cat sat on the mat and slept.",
    "It rained all day in the old town.",
    "Nobody came to the party last night.",
    "The train to the coast was late again.",
    "She reads two long books every week.",
    "We walked home along the quiet river.",
]
# b is a with one word changed in each line; c is poor
SYSTEMS = {
    "a": [line.replace("the", "a", 1) for line in REFERENCE],
    "b": [line.replace("the", "some", 1) for line in REFERENCE],
    "c": ["The cat.", "Rain fell.", "Nobody came.", "A train.", "She reads.", "We walked home."],
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with a reference, three systems, and the same as tables."""
    monkeypatch.chdir(tmp_path)
    for name, lines in {"ref": REFERENCE, **SYSTEMS}.items():
        Path(f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    Path("short.txt").write_text("only one\n")
    Path("latin.txt").write_bytes(b"caf\xe9\n" * 6)
    rows = [{"row_id": n, "input": "x", "references": [r]} for n, r in enumerate(REFERENCE)]
    outputs = [
        {"row_id": n, "system": system, "text": None if (system, n) == ("c", 0) else text}
        for system, lines in SYSTEMS.items()
        for n, text in enumerate(lines)
    ]
    pd.DataFrame(rows).to_json("rows.jsonl", orient="records", lines=True)
    pd.DataFrame(outputs).to_json("outputs.jsonl", orient="records", lines=True)
    return tmp_path


def _run(capsys, command):
    """Run a command in this process; return its status and what it wrote."""
    status = main(shlex.split(command))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def _shell(command, **options):
    """Run a command as a shell does."""
    script = Path(sys.executable).with_name("workbench")
    return subprocess.run(
        [script, *shlex.split(command)], capture_output=True, text=True, check=False, **options
    )


def _strict(text):
    def refuse(constant):
        raise AssertionError(f"JSON knows no {constant}")

    return json.loads(text, parse_constant=refuse)


def _names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- score ----------------------------------------------------------------------------------


def test_score_gives_sacrebleus_figures(place, capsys):
    status, out, err = _run(capsys, "score ref.txt a.txt b.txt c.txt --metric bleu chrf ter --json")
    assert (status, err) == (0, "")
    peers = {
        "bleu": sacrebleu.corpus_bleu,
        "chrf": sacrebleu.corpus_chrf,
        "ter": sacrebleu.corpus_ter,
    }
    found = {(row["metric"], row["system"]): row["score"] for row in _strict(out)["rows"]}
    expected = {
        (metric, system): peer(lines, [REFERENCE]).score
        for metric, peer in peers.items()
        for system, lines in SYSTEMS.items()
    }
    assert found == pytest.approx(expected, abs=1e-9)


def test_score_shows_a_leaderboard(place, capsys):
    status, out, err = _run(capsys, "score ref.txt a.txt c.txt --metric bleu --samples 100")
    header, names, *systems, signature = out.strip().split("\n")
    assert (status, err) == (0, "")
    assert signature.startswith("bleu: nrefs:1|")
    assert header.startswith("Leaderboard; ")
    assert "ref.txt, 6 rows" in header
    assert names.split() == ["system", "bleu", "group", "rows", "failed", "empty"]
    assert [line.split()[0] for line in systems] == ["a", "c"]


def test_further_references_raise_the_number_of_them(place, capsys):
    command = "score ref.txt a.txt --also a.txt b.txt --metric bleu --json --samples 10"
    status, out, _ = _run(capsys, command)
    (row,) = _strict(out)["rows"]
    assert status == 0
    assert row["signature"].startswith("nrefs:3|")
    assert row["score"] == 100.0


def test_packed_files_are_systems_of_the_same_name(place, capsys):
    import gzip

    Path("a.txt.gz").write_bytes(gzip.compress(Path("a.txt").read_bytes()))
    plain = _run(capsys, "score ref.txt a.txt --json --samples 10")
    assert _run(capsys, "score ref.txt a.txt.gz --json --samples 10") == plain


def test_tables_and_a_shipped_set_are_scored_too(place, capsys):
    command = "score --rows rows.jsonl --outputs outputs.jsonl --metric rougeL --json --samples 10"
    command += " --most-failed 0.2"
    status, out, err = _run(capsys, command)
    told = _strict(out)
    assert (status, err) == (0, "")
    assert told["dataset"] == "rows"
    assert told["digest"] == wb.data.digest(wb.read("rows.jsonl"))
    assert {row["system"]: row["n_failed"] for row in told["rows"]} == {"a": 0, "b": 0, "c": 1}
    status, out, _ = _run(capsys, "score --rows news-summaries --metric rouge1 --json --samples 10")
    assert status == 0
    assert len(_strict(out)["rows"]) >= 6


# --- compare --------------------------------------------------------------------------------


def test_compare_says_what_the_package_says(place, capsys):
    command = (
        "compare ref.txt a.txt b.txt c.txt --metric bleu chrf --baseline a --samples 200 --seed 3"
    )
    status, out, err = _run(capsys, command)
    rows = wb.read(references=["ref.txt"])
    rows.attrs["name"] = "ref.txt"
    scores = wb.score(wb.outputs(rows, SYSTEMS), rows, [wb.BLEU(), wb.ChrF()])
    comparison = wb.compare(scores, baseline="a", samples=200, seed=3)
    assert (status, err) == (0, "")
    assert out == f"{comparison!r}\n\n" + "\n".join(comparison.sentences()) + "\n"
    assert len(comparison.sentences()) == 4
    status, out, _ = _run(capsys, f"{command} --json")
    told = _strict(out)["rows"]
    assert [row["p"] for row in told] == comparison.frame["p"].tolist()
    assert [row["verdict"] for row in told] == comparison.frame["verdict"].tolist()


@pytest.mark.parametrize("verb", ["score", "compare"])
def test_figures_are_written_to_files_too(place, capsys, verb):
    command = f"{verb} ref.txt a.txt b.txt --metric bleu --samples 100"
    names = ["figures.csv", "figures.jsonl", "figures.parquet", "board.tex", "figures.xlsx"]
    told = _run(capsys, command)
    assert _run(capsys, f"{command} --write {' '.join(names)} pair.json") == told
    status, out, _ = _run(capsys, f"{command} --json")
    rows = _strict(out)["rows"]
    assert status == 0
    for frame in (
        pd.read_csv("figures.csv"),
        pd.read_json("figures.jsonl", lines=True),
        pd.read_parquet("figures.parquet"),
    ):
        assert frame["system"].tolist() == [row["system"] for row in rows]
        assert frame["score"].tolist() == pytest.approx([row["score"] for row in rows], rel=1e-9)
    assert r"\begin{tabular}" in Path("board.tex").read_text()
    assert zipfile.is_zipfile("figures.xlsx")
    pair = wb.exchange.read("pair.json")
    assert sorted(pair.outputs["text"]) == sorted([*SYSTEMS["a"], *SYSTEMS["b"]])


def test_where_one_file_cannot_be_written_none_is(place, capsys):
    status, out, err = _run(
        capsys, "score ref.txt a.txt --metric exact_match --write all.csv pair.json"
    )
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("workbench: LLM Comparator shows two systems side by")
    assert not any(Path(name).exists() for name in ("all.csv", "pair.json"))


def test_the_baseline_is_the_first_system_unless_named(place, capsys):
    for options, baseline in (("", "c"), ("--baseline b", "b")):
        _, out, _ = _run(capsys, f"compare ref.txt c.txt b.txt --samples 10 --json {options}")
        assert {row["baseline"] for row in _strict(out)["rows"]} == {baseline}


def test_sacrebleus_own_p_values_are_to_be_had(place, capsys):
    from sacrebleu.metrics import BLEU
    from sacrebleu.significance import PairedTest

    command = "compare ref.txt a.txt c.txt --metric bleu --compat sacrebleu --json"
    status, out, _ = _run(capsys, command)
    systems = [(name, SYSTEMS[name]) for name in "ac"]
    metrics = {"BLEU": BLEU(references=[REFERENCE])}
    _, results = PairedTest(systems, metrics, None, test_type="ar", n_samples=10_000, n_jobs=1)()
    (row,) = _strict(out)["rows"]
    assert status == 0
    assert row["p"] == pytest.approx(results["BLEU"][1].p_value, abs=1e-12)


@pytest.mark.parametrize(
    ("margins", "status"),
    [
        ("bleu=100", 0),
        ("bleu=100 chrf=100", 0),
        ("bleu=100 chrf=0", 1),
        ("bleu=0.5", 1),
        ("bleu=0", 1),
    ],
)
@pytest.mark.parametrize("as_json", ["", "--json"])
def test_a_gate_fails_unless_every_loss_is_shown_to_be_smaller(
    place, capsys, margins, status, as_json
):
    command = f"compare ref.txt a.txt c.txt --baseline a --samples 200 --margin {margins} {as_json}"
    found, out, err = _run(capsys, command)
    assert found == status
    assert err.startswith("workbench: gate failed: " if status else "")
    assert bool(err) == bool(status)
    if as_json:
        told = {row["metric"]: row["not_worse"] for row in _strict(out)["rows"]}
        asked = [part.split("=")[0] for part in margins.split()]
        assert all(told[metric] == "yes" for metric in asked) == (status == 0)
        assert all(told[metric] is None for metric in told if metric not in asked)


def test_an_identical_system_passes_the_gate_of_no_loss(place, capsys):
    Path("d.txt").write_bytes(Path("a.txt").read_bytes())
    status, out, _ = _run(capsys, "compare ref.txt a.txt d.txt --samples 50 --margin bleu=0 --json")
    assert [row["verdict"] for row in _strict(out)["rows"]] == ["identical", "identical"]
    assert status == 0


# --- JSON and determinism -------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "score ref.txt a.txt b.txt c.txt --metric length_ratio exact_match bleu",
        "score --rows rows.jsonl --outputs outputs.jsonl --failures worst --metric token_f1",
        "score --rows rows.jsonl --outputs outputs.jsonl --most-failed 0.2",
        "score ref.txt short6.txt --metric bleu length_ratio",
        "compare ref.txt a.txt b.txt c.txt --metric length_ratio bleu --margin bleu=1",
        "compare ref.txt a.txt a2.txt --metric bleu",
        "compare --rows rows.jsonl --outputs outputs.jsonl --test bootstrap --cluster row_id --most-failed 1",
        "compare --rows rows.jsonl --outputs outputs.jsonl --compat sacrebleu --metric bleu --most-failed 1",
        "compare ref.txt a.txt b.txt --correction none --level 0.9",
    ],
)
def test_json_is_json_and_the_same_on_every_run(place, capsys, command):
    Path("short6.txt").write_text("\n" * 6)
    Path("a2.txt").write_bytes(Path("a.txt").read_bytes())
    samples = "" if "compat" in command else "--samples 50"
    _, out, err = _run(capsys, f"{command} --json {samples}")
    told = _strict(out)
    assert err == "" or "--margin" in command
    assert set(told) == {"dataset", "digest", "settings", "failures", "rows"}
    assert re.fullmatch("[0-9a-f]{64}", told["digest"])
    assert told["rows"]
    assert all("signature" in row for row in told["rows"])
    assert _run(capsys, f"{command} --json {samples}")[1] == out


# --- bad input ------------------------------------------------------------------------------

BAD = {
    "score": (
        "the input must be either text files (REFERENCE SYSTEM …) or --rows, but neither came; see "
        "--help for an example."
    ),
    "compare ref.txt a.txt --rows rows.jsonl": (
        "the input must be either text files (REFERENCE SYSTEM …) or --rows, but both came; see "
        "--help for an example."
    ),
    "score ref.txt": (
        "a reference must be followed by outputs, but only ref.txt came; add a text file per system."
    ),
    "score --rows rows.jsonl --also ref.txt": (
        "--also must stand beside text files, but it came beside --rows rows.jsonl; put the "
        "references into the dataset."
    ),
    "score ref.txt a.txt --outputs outputs.jsonl": (
        "--outputs must stand beside --rows, but it came beside ref.txt; name the outputs as text "
        "files."
    ),
    "score ref.txt a.txt ./a.txt": (
        "system files must have distinct names, but 2 files have 1 name; rename one."
    ),
    "score ref.txt missing.txt": (
        "missing.txt must be a readable file, but there is no such file; check the path."
    ),
    "score ref.txt .": (
        ". must be a readable file, but opening it failed (Is a directory); check the path."
    ),
    "score ref.txt latin.txt": (
        "latin.txt must be UTF-8 text, but line 1 has the byte 0xe9; save it as UTF-8."
    ),
    "score ref.txt short.txt": (
        "system 'short' must have 6 texts, one per row, but 1 came; put None where it failed."
    ),
    "score ref.txt a.txt --also short.txt": (
        "each reference stream must have one line per row, 6 of them, but stream short.txt has 1; "
        "give whole streams (not one list per row), of equal length."
    ),
    "score --rows rows.jsonl": (
        "OUTPUTS (rows.jsonl) must have the columns 'output_id', 'system', 'text', but only "
        "'row_id', 'input', 'references' came; add them, rename yours, or, with a column "
        "per system, name these columns (wb.outputs(rows, ['NAME', …]), or --systems NAME … in a "
        "shell)."
    ),
    "score --rows outputs.jsonl --outputs outputs.jsonl": (
        "ROWS (outputs.jsonl) must have the columns 'input', but only 'row_id', 'system', 'text' "
        "came; add them, or say which they are (columns={'YOURS': 'input'}, or --columns YOURS=input "
        "in a shell)."
    ),
    "score ref.txt a.txt --metric blue": (
        "metric must be one of 'bleu', 'chrf', 'chrf++', 'ter', 'rouge1', 'rouge2', 'rougeL', "
        "'rougeLsum', 'exact_match', 'token_f1', 'length_ratio', 'column', "
        "'regex_match', 'json_valid', 'label_match', 'numeric_match', 'pass_at_k', 'pass_hat_k', "
        "'majority_vote', 'self_consistency', but 'blue' came; did you mean 'bleu'?"
    ),
    "score ref.txt a.txt --metric bleu bleu": (
        "metrics must have distinct names, but 'bleu' came twice; name one apart, such as "
        "name='bleu-2'."
    ),
    "score ref.txt a.txt --metric bleu:tokenise=char": (
        "option of bleu must be one of 'effective_order', 'lowercase', 'max_ngram_order', 'name', "
        "'smooth_method', 'smooth_value', 'tokenize', but 'tokenise' came; did you mean 'tokenize'?"
    ),
    "compare ref.txt a.txt": (
        "a comparison must have at least two systems, but only 'a' came; add the outputs of another."
    ),
    "compare ref.txt a.txt --margin bleu=100": (
        "a comparison must have at least two systems, but only 'a' came; add the outputs of another."
    ),
    "compare ref.txt a.txt b.txt --baseline z": "baseline must be one of 'a', 'b', but 'z' came.",
    "compare ref.txt a.txt b.txt --test t": (
        "test must be one of 'randomisation', 'bootstrap', 'mcnemar', but 't' came."
    ),
    "compare ref.txt a.txt b.txt --correction homl": (
        "correction must be one of 'holm', 'max-t', 'benjamini-hochberg', 'benjamini-yekutieli', "
        "'none', but 'homl' came; did you mean 'holm'?"
    ),
    "compare ref.txt a.txt b.txt --failures ignore": (
        "failures must be one of 'exclude', 'worst', but 'ignore' came."
    ),
    "compare ref.txt a.txt b.txt --samples 0": (
        "level must be between 0 and 1, samples at least 1 and seed at least 0, but 0.95, 0 and 0 "
        "came; use 0.95, 10000 and 0."
    ),
    "score ref.txt a.txt --level 95": (
        "level must be between 0 and 1, samples at least 1 and seed at least 0, but 95.0, 10000 and "
        "0 came; use 0.95, 10000 and 0."
    ),
    "compare ref.txt a.txt b.txt --margin bleu": (
        "a margin must be written as METRIC=LOSS, such as bleu=0.5, but 'bleu' came."
    ),
    "compare ref.txt a.txt b.txt --margin bleu=1 bleu=50": (
        "a margin must be given once per metric, but bleu has two; drop one."
    ),
    "compare ref.txt a.txt b.txt --margin rouge1=1": (
        "metric must be one of 'bleu', 'chrf', but 'rouge1' came."
    ),
    "compare ref.txt a.txt b.txt --margin bleu=-1": (
        "a margin must be a number of at least 0 and of a metric with a direction, but -1.0 came for bleu; say "
        "how large a loss does not matter."
    ),
    "report missing.ipynb": (
        "a report is made of notebooks (.ipynb) or a folder of them, but missing.ipynb is neither; "
        "start in the project's folder, or name a notebook."
    ),
    "report ref.txt": (
        "a report is made of notebooks (.ipynb) or a folder of them, but ref.txt is neither; start "
        "in the project's folder, or name a notebook."
    ),
    "bench --runs 0": (
        "runs must be at least 1 and the size factor above 0, but 0 and 1.0 came; use 5 and 1."
    ),
    "bench --task blue": (
        "task must be one of 'agreement', 'all_pairs_bootstrap', 'all_pairs_from_texts_bootstrap', "
        "'all_pairs_from_texts_randomisation', 'all_pairs_randomisation', 'bleu', 'bleu_cached', "
        "'bleu_large', 'bleu_nltk', 'bleu_torchmetrics', 'calls_cpu', 'calls_floor' …, but 'blue' "
        "came; did you mean 'bleu'?"
    ),
    "bench --task missing.py": "a task must be a file, but missing.py is none; check the path.",
    "notebooks --check .": (
        "a report is made of notebooks (.ipynb) or a folder of them, but . is neither; start in the "
        "project's folder, or name a notebook."
    ),
}


@pytest.mark.parametrize("command", BAD)
def test_bad_input_is_told_in_one_sentence_and_leaves_no_file(place, capsys, command):
    before = _names(place)
    assert _run(capsys, command) == (2, "", f"workbench: {BAD[command]}\n")
    assert _names(place) == before


def test_an_unknown_set_is_told(place, capsys):
    status, out, err = _run(capsys, "score --rows news-sumaries")
    assert (status, out) == (2, "")
    assert err.endswith("but 'news-sumaries' came; did you mean 'news-summaries'?\n")


def test_a_folder_that_cannot_be_written_is_told(place, capsys):
    nbformat.write(nbformat.v4.new_notebook(), "empty.ipynb")
    Path("taken").write_text("a file")
    status, out, err = _run(capsys, "report empty.ipynb --folder taken")
    assert (status, out) == (2, "")
    assert err == (
        f"workbench: {place}/taken must be readable and writable, but that failed (File exists); "
        "check the path, its permissions and the room on the disk.\n"
    )


def test_a_hostile_name_cannot_command_the_terminal(place, capsys):
    status, out, err = _run(capsys, "score ref.txt '\x1b[2J\u202ea.txt'")
    assert (status, out) == (2, "")
    assert err == (
        "workbench: �[2J�a.txt must be a readable file, but there is no such file; check the path.\n"
    )


def test_a_hostile_output_cannot_command_the_terminal(place, capsys):
    Path("x\x1b[31m.txt").write_text("\x1b[2J\u202e\n" * 6)
    _, out, _ = _run(capsys, "compare ref.txt a.txt 'x\x1b[31m.txt' --samples 10")
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "x�[31m" in out


@pytest.mark.parametrize(
    ("command", "end"),
    [
        ("", "error: the following arguments are required: COMMAND\n"),
        (
            "scores",
            "error: argument COMMAND: invalid choice: 'scores' (choose from 'tour', 'lab', 'score', "
            "'compare', 'run', 'runs', 'rate', 'agreement', 'rank', 'trajectories', 'notebooks', 'report', "
            "'bench')\n",
        ),
        ("score ref.txt a.txt --bogus", "error: unrecognized arguments: --bogus\n"),
        ("score ref.txt a.txt --samples x", "error: argument --samples: invalid int value: 'x'\n"),
        (
            "notebooks",
            "error: one of the arguments --write --check is required\n",
        ),
        (
            "notebooks --write --check",
            "error: argument --check: not allowed with argument --write\n",
        ),
    ],
)
def test_words_that_are_no_command_are_told_with_the_usage(capsys, command, end):
    with pytest.raises(SystemExit) as caught:
        main(shlex.split(command))
    captured = capsys.readouterr()
    assert caught.value.code == 2
    assert captured.out == ""
    assert captured.err.startswith("usage: workbench ")
    assert captured.err.endswith(end)


# --- help -----------------------------------------------------------------------------------


def _help(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    captured = capsys.readouterr()
    assert (caught.value.code, captured.err) == (0, "")
    return captured.out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_shows_an_example_that_parses(capsys, monkeypatch, command):
    (example,) = re.findall(r"^example: (.+)$", _help(capsys, monkeypatch, command), re.MULTILINE)
    program, *arguments = shlex.split(example)
    assert program == "workbench"
    assert arguments[0] == command
    assert callable(_options(arguments).run)


@pytest.mark.parametrize("command", ["score", "compare"])
def test_the_help_names_every_metric(capsys, monkeypatch, command):
    told = re.search(r"all of them: ([\w+ \n]+?)\n  -", _help(capsys, monkeypatch, command))
    assert told[1].split() == list(NAMES)


@pytest.mark.parametrize("command", ["score", "compare"])
def test_the_example_of_a_command_runs(place, capsys, monkeypatch, command):
    (example,) = re.findall(r"^example: workbench (.+)$", _help(capsys, monkeypatch, command), re.M)
    status, out, err = _run(capsys, f"{example} --samples 20")
    assert (status, err) == (0, "")
    assert "bleu" in out
    assert "rougeL" in out


def test_the_help_names_every_command(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.findall(r"^    (\w+)", capsys.readouterr().out, re.MULTILINE) == COMMANDS


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"{wb.__version__}\n")


# --- notebooks, report and lab --------------------------------------------------------------


@pytest.fixture
def notebook(place):
    cells = [
        nbformat.v4.new_markdown_cell("# What is twenty and one?\n\nA sum.", id="question"),
        nbformat.v4.new_code_cell("20 + 1", id="answer"),
    ]
    path = place / "books" / "sum.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_notebooks_are_stored_and_then_held_to_what_they_say(notebook, capsys):
    assert _run(capsys, "notebooks --check books") == (
        1,
        "books/sum.ipynb: its cells were not run once, in order\n"
        "books/sum.ipynb: fewer than 80 % of its code cells show something\n"
        "books/sum.ipynb: it is not in canonical form\n",
        "",
    )
    assert _run(capsys, "notebooks --write books") == (0, "changed books/sum.ipynb\n", "")
    stored = notebook.read_text()
    assert '"21"' in stored
    assert _run(capsys, "notebooks --write books/sum.ipynb") == (0, "nothing changed\n", "")
    assert notebook.read_text() == stored
    assert _run(capsys, "notebooks --check books") == (
        0,
        "every notebook is canonical and says what a fresh run says\n",
        "",
    )
    notebook.write_text(stored.replace('"21"', '"22"'))
    assert _run(capsys, "notebooks --check books") == (
        1,
        "books/sum.ipynb, cell 1: its stored output differs from that of a fresh run\n",
        "",
    )


def test_a_notebook_that_breaks_is_bad_input_and_stays_as_it_was(notebook, capsys):
    notebook.write_text(notebook.read_text().replace("20 + 1", "20 / 0"))
    before, names = notebook.read_text(), _names(notebook.parent)
    assert _run(capsys, "notebooks --write books") == (
        2,
        "",
        "workbench: books/sum.ipynb must run from top to bottom, but code cell 1 does not "
        "(ZeroDivisionError: division by zero); mend it.\n",
    )
    assert (notebook.read_text(), _names(notebook.parent)) == (before, names)


def test_a_report_is_written_where_it_is_asked_for(notebook, place, capsys):
    assert _run(capsys, "notebooks --write books")[0] == 0
    assert _run(capsys, "report books --folder out/html") == (0, "out/html/index.html\n", "")
    assert _names(place / "out") == ["html", "html/index.html", "html/sum.html"]
    assert "What is twenty and one?" in (place / "out/html/index.html").read_text()
    first = (place / "out/html/sum.html").read_bytes()
    assert _run(capsys, "report books --folder out/html")[0] == 0
    assert (place / "out/html/sum.html").read_bytes() == first
    assert b"21</pre>" in first
    notebook.write_text(notebook.read_text().replace("20 + 1", "20 + 2"))
    assert _run(capsys, "report books --folder out/html --execute")[0] == 0
    assert b"22</pre>" in (place / "out/html/sum.html").read_bytes()


@pytest.mark.parametrize("options", ["--version", "-- --version", "--port 9999 --version", "a b"])
def test_all_options_of_lab_are_kept_in_their_order(options):
    assert " ".join(_options(["lab", *options.split()]).rest).removeprefix("-- ") == (
        options.removeprefix("-- ")
    )


def test_lab_hands_its_options_to_jupyterlab(capfd):
    assert main(["lab", "--", "--port", "9999", "--version"]) == 0
    assert re.fullmatch(r"4\.\d+\.\d+\n", capfd.readouterr().out)


@pytest.mark.slow
def test_lab_returns_the_status_of_jupyterlab(capfd):
    assert main(["lab", "--port"]) == 2
    assert "expected one argument" in capfd.readouterr().err


# --- a real shell ---------------------------------------------------------------------------


def test_a_shell_sees_the_same_words_and_the_same_status(place, capsys):
    for command in (
        "compare ref.txt a.txt c.txt --samples 50 --json",
        "compare ref.txt a.txt c.txt --samples 50 --margin bleu=0.1",
        "score ref.txt missing.txt",
    ):
        done = _shell(command)
        assert (done.returncode, done.stdout, done.stderr) == _run(capsys, command)
    assert _shell("score --bogus").returncode == 2
    assert _shell("--version").stdout == f"{wb.__version__}\n"


def test_a_shell_sees_the_same_bytes_whatever_the_hash_seed(place):
    command = "score --rows rows.jsonl --outputs outputs.jsonl --metric bleu rougeL --samples 50 --json --most-failed 1"
    found = {_shell(command, env={"PYTHONHASHSEED": seed}).stdout for seed in ("1", "77")}
    assert len(found) == 1
    assert _strict(found.pop())["rows"]


def test_a_reader_that_has_gone_is_no_error(place):
    script = Path(sys.executable).with_name("workbench")
    with subprocess.Popen(
        [script, *shlex.split("score --rows news-summaries --metric rouge1 --samples 10 --json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_an_interrupt_is_told_in_a_word(place):
    import os

    os.mkfifo("pipe.txt")
    script = Path(sys.executable).with_name("workbench")
    with subprocess.Popen(
        [script, "score", "pipe.txt", "a.txt"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        # opening waits until the command reads, so the interrupt comes in the midst of its work
        with Path("pipe.txt").open("wb"):
            process.send_signal(signal.SIGINT)
            assert process.wait() == 130
        assert process.stdout.read() == b""
        assert process.stderr.read() == b"workbench: stopped.\n"


# --- a column per system --------------------------------------------------------------------


def test_a_column_per_system_is_compared_with_the_first_named(place, capsys):
    Path("mine.csv").write_text("id,source,reference,b,a\n1,x,yes,yes,no\n2,x,yes,yes,yes\n")
    command = "compare --rows mine.csv --columns id=row_id source=input --systems b a --metric"
    status, out, err = _run(capsys, f"{command} exact_match --json")
    assert (status, err) == (0, "")
    (record,) = json.loads(out)["rows"]
    assert (record["system"], record["baseline"], record["delta"]) == ("a", "b", -0.5)


def test_columns_of_numbers_are_texts_where_they_are_named(place, capsys):
    Path("mine.csv").write_text("id,source,gold,gpt,mistral\n1,3*4?,12,12,13\n2,3+4?,7,7,8\n")
    command = "compare --rows mine.csv --columns id=row_id source=input gold=reference --systems"
    status, out, err = _run(capsys, f"{command} gpt mistral --metric exact_match --json")
    assert (status, err) == (0, "")
    (record,) = json.loads(out)["rows"]
    assert (record["score"], record["baseline_score"]) == (0.0, 1.0)


def test_a_failed_gate_says_who_failed(place, capsys):
    status, out, err = _run(capsys, "compare ref.txt a.txt c.txt --metric bleu --margin bleu=0")
    assert status == 1
    assert out.startswith("Differences from a.")
    assert err == "workbench: gate failed: not shown to lose less than the margin: c in bleu.\n"


@pytest.mark.parametrize(
    ("command", "sentence"),
    {
        "compare ref.txt a.txt --systems a b": (
            "--systems must stand beside --rows, but it came beside ref.txt; name the outputs as "
            "text files."
        ),
        "compare --rows rows.jsonl --systems a b --outputs outputs.jsonl": (
            "outputs must come as columns (--systems) or as a table (--outputs), but both came; "
            "leave one out."
        ),
        "compare --rows rows.jsonl --columns input": (
            "a renamed column must be written as YOURS=OURS, such as source=input, but 'input' "
            "came."
        ),
    }.items(),
)
def test_columns_that_cannot_be_meant_are_refused(place, capsys, command, sentence):
    assert _run(capsys, command) == (2, "", f"workbench: {sentence}\n")
