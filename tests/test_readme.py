"""The README says what is true: its commands, its example, its notebooks, its links."""

import gzip
import re
import shlex
from itertools import islice
from pathlib import Path

import pytest

import workbench
from workbench import cli, reports
from workbench.explaining.buckets import BUCKETS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ["README.md", "DESIGN.md", "CONTRIBUTING.md", "CHANGELOG.md"]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize(
    "command",
    [
        "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e . "
        "&& .venv/bin/workbench tour",
        "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[test]' "
        "&& .venv/bin/pytest",
    ],
)
def test_the_two_commands_stand_in_the_readme(command):
    assert f"```sh\n{command.replace(chr(39), chr(34))}\n```" in README


def test_the_example_of_the_readme_runs():
    example = blocks("python")[0]
    *body, last = example.strip().splitlines()
    names: dict = {}
    exec("\n".join(body), names)
    assert repr(eval(last, names)).startswith("Leaderboard;")
    for call in re.findall(r"`((?:comparison|wb)\.[a-z_.]+\(.*?\))`", README):
        assert eval(call, {**names, "wb": names["wb"]}) is not None


MINE = "id,source,gold,gpt,mistral\n1,Hallo,Hello there,Hello there,Hi\n2,Ja,Yes,Yes,No\n"


def test_own_data_are_read_as_the_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text(MINE)
    names = {"wb": workbench}
    exec(blocks("python")[1], names)
    assert names["outputs"]["system"].value_counts().to_dict() == {"gpt": 2, "mistral": 2}
    assert names["rows"]["input"].tolist() == ["Hallo", "Ja"]


def test_a_metric_of_ones_own_is_scored_and_compared_as_the_readme_says():
    rows = workbench.read([{"input": "Hallo", "references": ["Hello there"]}] * 3)
    answers = {"calm": ["Hello there", "Hi", "Hello"], "loud": ["Hello!!", "Hi!", "Hello there"]}
    names = {"wb": workbench, "rows": rows, "outputs": workbench.outputs(rows, answers)}
    exec(next(each for each in blocks("python") if "class Exclamations" in each), names)
    board = workbench.compare(names["scores"]).leaderboard().frame
    figures = board.set_index(["metric", "system"])["score"].round(3).to_dict()
    assert figures["exclamations", "loud"] == 1
    assert figures["exclamations", "calm"] == 0
    assert figures["regex_match", "loud"] == 0.667


COMMANDS = [
    line for block in blocks("sh") for line in block.splitlines() if line.startswith("workbench")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_runs(command, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.csv").write_text(MINE)
    (tmp_path / "ref.txt").write_text("The dog bit the man.\nIt was fine.\n")
    (tmp_path / "a.txt").write_text("The dog bit a man.\nIt was fine.\n")
    (tmp_path / "b.txt").write_text("The dog bit the man.\nIt was.\n")
    (tmp_path / "rows.jsonl").write_text(
        '{"row_id": 1, "input": "x", "references": ["犬が男を噛んだ。"]}\n'
    )
    (tmp_path / "outputs.jsonl").write_text(
        '{"row_id": 1, "system": "a", "text": "犬は男を噛んだ。"}\n'
    )
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    (tmp_path / "experiment.yaml").write_text("rows: rows.jsonl\nmodels: [{endpoint: gpt-4o}]\n")
    (tmp_path / "runs").mkdir()
    if "traces/" in command:
        (tmp_path / "traces").mkdir()
        claims = ROOT / "datasets" / "claims-agent"
        with gzip.open(claims / "runs.jsonl.gz", "rt", encoding="utf-8") as stream:
            some = "".join(islice(stream, 7, 96, 8))
        (tmp_path / "traces" / "runs.jsonl").write_text(some, encoding="utf-8")
        (tmp_path / "policy.yaml").write_text((claims / "policy.yaml").read_text())
    if "ratings.sqlite" in command:
        session = ROOT / "datasets" / "news-summaries" / "ratings" / "journal.jsonl"
        workbench.ratings.restore(session, tmp_path / "ratings.sqlite").close()
    monkeypatch.chdir(tmp_path)
    gate_fails = "--margin" in command or "--policy" in command
    assert cli.main(shlex.split(command)[1:]) == (1 if gate_fails else 0)
    assert capsys.readouterr().out


def test_the_table_of_notebooks_is_the_folder():
    listed = re.findall(
        r"^\| \[(\w+)\]\((notebooks/\w+\.ipynb)\) \| (.+) \|$", README, flags=re.MULTILINE
    )
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert [path for _, path, _ in listed] == [f"notebooks/{path.name}" for path in found]
    for (name, _, question), path in zip(listed, found, strict=True):
        assert name == path.stem
        assert question == reports.read(path).cells[0].source.splitlines()[0].removeprefix("# ")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).exists(), target


def test_every_command_is_named_in_the_readme_and_the_changelog():
    actions = cli._parser()._actions
    (names,) = (set(action.choices) for action in actions if action.choices)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [name for name in names if name not in changelog] == []
    assert {name for name in names if f"workbench {name}" in README} >= names - {"notebooks"}


def test_the_built_in_bucket_that_the_readme_names_is_one():
    (named,) = re.findall(r'`"(\w+)"` and other built-in buckets', README)
    assert named in BUCKETS
