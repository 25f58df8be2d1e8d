"""Whatever people, models and files write is shown and never obeyed; conftest.py has the table."""

import csv
import functools
import json
import re
import shlex
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import workbench as wb
from workbench import reports
from workbench.cli import main
from workbench.display import Lines, Sheet, plain, spreadsheet_cell, visible
from workbench.errors import BadValue, InputError

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def commands(text, but="\n"):
    """Return what a terminal might obey in a text."""
    return {
        c for c in text if c not in but and (unicodedata.category(c) in {"Cc", "Cs"} or c in BIDI)
    }


def tables(text):
    """Return ROWS and OUTPUTS with a text in every place: ids, names, values, columns, errors."""
    rows = [
        {
            "row_id": f"{text}{n}",
            "input": text,
            "references": [text],
            text: text if n % 2 else "other",
        }
        for n in range(6)
    ]
    records = [
        {
            "row_id": row["row_id"],
            "system": system,
            "text": answer,
            "error": None if answer else text,
            f"{text}s": float(n - 2),
        }
        for n, row in enumerate(rows)
        for system, answer in ((text, text), (f"{text}b", f"no {text}"), ("fails", n and "no"))
    ]
    for record in records:
        record["text"] = record["text"] or None
    return rows, records


@functools.cache
def comparison(text):
    rows, records = tables(text)
    rows = wb.read(rows)
    rows.attrs["name"] = text
    metrics = [wb.ExactMatch(), wb.Column(f"{text}s")]
    scores = wb.score(wb.outputs(rows, pd.DataFrame(records)), rows, metrics)
    return wb.compare(scores, baseline=text, samples=20, most_failed=0.2)


@functools.cache
def shown(text):
    """Return everything that is shown as text or HTML, by name."""
    c = comparison(text)
    old = wb.read(tables(text)[0])
    return {
        "scores": c.scores,
        "comparison": c,
        "leaderboard": c.leaderboard(),
        "sentences": c.sentences(),
        "slices": c.slices(text),
        "examples": c.examples(text, f"{text}b"),
        "pair": c.pair(f"{text}b", text),
        "ngrams": c.ngrams(f"{text}b"),
        "influence": c.influence(f"{text}b", metric=f"{text}s"),
        "disagreements": c.disagreements(),
        "side by side": c.side_by_side(f"{text}b", sort="size"),
        "difference": wb.data.diff(old, old.assign(input=f"{text} new", **{"y": text})),
    }


# --- HTML -----------------------------------------------------------------------------------


class Document(HTMLParser):
    """A page as a browser would see it: tags, attributes and text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text, self.classes = [], set(), "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}
        self.classes += [value for name, value in attributes if name == "class"]

    def handle_data(self, data):
        self.text += data


OURS = {
    "figure", "figcaption", "div", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "ins", "span",
    "small", "br",
}  # fmt: skip


def test_html_holds_our_tags_and_shows_the_text(storable):
    told = {storable, plain(storable), plain(storable, width=80), plain(storable, width=160)}
    for name, thing in shown(storable).items():
        document = Document(thing._repr_html_().encode("utf-8").decode("utf-8"))
        assert set(document.tags) <= OURS, name
        assert document.attributes <= {"class", "style", "scope"}, name
        assert document.classes == ["mathjax_ignore tex2jax_ignore"], name
        assert any(each in document.text for each in told), name


def test_what_stands_amid_our_words_cannot_turn_them_round_in_html(storable):
    """A cell is a paragraph of its own; a caption or a sentence is not."""
    for name, thing in shown(storable).items():
        html = thing._repr_html_()
        ours = re.findall(r"<(?:figcaption|li)>(.*?)</(?:figcaption|li)>", html, re.DOTALL)
        assert ours, name
        assert commands("".join(ours)) == set(), name


def test_html_of_any_text_can_be_stored(hostile):
    sheet = Sheet(pd.DataFrame(), hostile, [hostile], [[hostile]])
    for thing in (sheet, Lines([hostile])):
        assert set(Document(thing._repr_html_().encode("utf-8").decode("utf-8")).tags) <= OURS


# --- text -----------------------------------------------------------------------------------


def test_a_repr_commands_no_terminal_and_adds_no_line(storable):
    for name, thing in shown(storable).items():
        assert commands(repr(thing)) == set(), name
        assert repr(thing).count("\n") == repr(shown("x")[name]).count("\n"), name


def test_a_line_of_any_text_is_one_line(hostile):
    assert commands(repr(Lines([hostile]))) == set()
    assert len(repr(Lines([hostile])).splitlines()) <= 1
    assert len(plain(hostile, width=20)) <= 20


# --- figures --------------------------------------------------------------------------------

DRAWN = {
    "forest": lambda c, text: wb.views.forest(c),
    "influence": lambda c, text: wb.views.influence(c, f"{text}b", text, f"{text}s"),
    "leaderboard": lambda c, text: wb.views.leaderboard(c),
    "leaderboard of a column": lambda c, text: wb.views.leaderboard(c, f"{text}s"),
    "matrix": lambda c, text: wb.views.matrix(c),
    "metrics": lambda c, text: wb.views.metrics(c, "exact_match", f"{text}s"),
    "ngrams": lambda c, text: wb.views.ngrams(c, f"{text}b", text),
    "rows": lambda c, text: wb.views.rows(c, f"{text}b", text),
    "rows of a column": lambda c, text: wb.views.rows(c, f"{text}b", text, f"{text}s"),
    "slices": lambda c, text: wb.views.slices(c, text),
    "strengths": lambda c, text: wb.views.strengths(standings(text)),
}


def standings(text):
    """Rank two systems that bear the text."""
    votes = pd.DataFrame(
        [(f"{at}", "r", "better", "ab"[at % 3 == 0]) for at in range(12)],
        columns=["item_id", "rater", "question", "value"],
    )
    return wb.ratings.rank(votes.assign(system_a=f"{text}a", system_b=f"{text}b", side=f"{text}a"))


# Figures of what agents did; tests/trajectories/test_hostile_logs.py draws them.
OF_RUNS = {
    "dashboard", "latency_over_time", "pass_hat_k", "steps_by_outcome", "timeline", "tool_sankey",
}  # fmt: skip


def test_every_view_is_drawn_here_or_with_the_logs():
    views = {name for name in wb.views.__all__ if name not in {"THEME", "colours"}}
    assert {name.split()[0] for name in DRAWN} == views - OF_RUNS


def labels(node):
    """Yield every text of a figure."""
    if isinstance(node, dict):
        for each in node.values():
            yield from labels(each)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from labels(each)
    elif isinstance(node, str):
        yield node


# What our figures write themselves: bold for the baseline, line ends in titles, hover templates.
OUR_MARKUP = re.compile(
    r"</?b>|<br>|<extra></extra>"
    r"|%\{(?:x|y|text|label|customdata|value|base|source\.label|target\.label)\}"
)


def test_plotly_finds_no_markup_no_formula_and_no_template_in_a_figure(storable):
    for name, draw in DRAWN.items():
        figure = json.loads(draw(comparison(storable), storable).to_json())
        for text in labels(figure):
            rest = OUR_MARKUP.sub("", text)
            assert not re.search(r"<|\$|%\{|&(?!(?:lt|gt|amp|#36|#123);)", rest), name
            assert commands(rest) == set(), name
            assert len(text) < 1_000, name


def test_a_label_shows_the_text_as_it_is():
    figure = wb.views.leaderboard(comparison("<b>$x$</b> %{y} &amp;"))
    assert "&lt;b&gt;&#36;x&#36;&lt;/b&gt; %&#123;y} &amp;amp;b" in {t.name for t in figure.data}


def test_a_title_is_never_broken_amidst_a_character():
    figure = wb.views.leaderboard(comparison("<" * 40))
    title = figure.layout.title.text
    assert title.count("&lt;") == title.count("&") > 0


# --- a terminal -----------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments):
    try:
        status = main([*arguments])
    except SystemExit as error:
        status = error.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("verb", ["score", "compare"])
def test_the_shell_commands_no_terminal(place, capsys, storable, verb):
    rows, records = tables(storable)
    for name, content in (("rows", rows), ("outputs", records)):
        Path(f"{name}.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in content))
    command = f"{verb} --rows rows.jsonl --outputs outputs.jsonl --samples 20 --metric exact_match"
    command += " --most-failed 0.2"
    baseline = [f"--baseline={storable}"] if verb == "compare" else []
    status, out, err = run(capsys, *shlex.split(command), *baseline)
    assert (status, err) == (0, "")
    assert commands(out) == set()
    status, out, err = run(capsys, *shlex.split(command), *baseline, "--json")
    assert (status, err) == (0, "")
    assert commands(out) == set()
    systems = {row["system"] for row in json.loads(out)["rows"]}
    assert systems | {storable} == {storable, f"{storable}b", "fails"}


REFUSED = {
    "a path": lambda text: ["score", "ref.txt", f"./{text}.txt"],
    "a reference": lambda text: ["score", f"./{text}.txt", "ref.txt"],
    "a dataset": lambda text: ["score", f"--rows=x{text}"],
    "outputs": lambda text: ["score", "--rows=rows.jsonl", f"--outputs=./{text}.jsonl"],
    "a metric": lambda text: ["score", "ref.txt", "a.txt", f"--metric={text}"],
    "an option": lambda text: ["score", "ref.txt", "a.txt", f"--metric=bleu:{text}=1"],
    "a column": lambda text: ["score", "ref.txt", "a.txt", f"--metric=column:column=z{text}"],
    "a baseline": lambda text: ["compare", "ref.txt", "a.txt", "b.txt", f"--baseline=z{text}"],
    "a cluster": lambda text: ["score", "ref.txt", "a.txt", f"--cluster=z{text}"],
    "a margin": lambda text: ["compare", "ref.txt", "a.txt", "b.txt", f"--margin=z{text}"],
    "a number": lambda text: ["score", "ref.txt", "a.txt", f"--samples=z{text}"],
    "an unknown option": lambda text: ["score", "ref.txt", "a.txt", f"--z{text}"],
    "a command": lambda text: [f"z{text}"],
    "a notebook": lambda text: ["report", f"./{text}.ipynb"],
    "a notebook to check": lambda text: ["notebooks", "--check", f"./{text}.ipynb"],
}


def argument(text):
    """Return a text as a shell can pass it on: without NUL, and not longer than a path."""
    return text.replace("\x00", "")[:1_000]


def test_an_error_commands_no_terminal(place, capsys, storable):
    for name in ("ref.txt", "a.txt", "b.txt"):
        Path(name).write_text("a b c\n" * 6)
    Path("rows.jsonl").write_text('{"input": "a", "references": ["a"]}\n')
    for kind, command in REFUSED.items():
        status, out, err = run(capsys, *command(argument(storable)))
        assert (status, out) == (2, ""), kind
        assert commands(err) == set(), kind
        if not err.startswith("usage: "):
            assert err.startswith("workbench: "), kind
            assert len(err.splitlines()) == 1, kind


@pytest.mark.parametrize("name", ["half", "undecoded byte"])
def test_half_a_character_is_refused_at_the_door(hostiles, name):
    half = {"half": "\ud83d", "undecoded byte": "\udcff"}[name]
    assert half not in hostiles.values()
    with pytest.raises(BadValue) as caught:
        wb.read([{"input": half}])
    assert str(caught.value) == (
        f"the list given must hold whole characters, but row 1 has {half!r}, half of a surrogate "
        "pair; write U+FFFD in its place."
    )


def test_a_file_whose_name_is_no_text_is_shown_in_text_and_in_json(place, capsys):
    """Linux allows any bytes in a name; Python shows those that are no UTF-8 as half characters."""
    Path("re\udcff.txt").write_text("a b c\n" * 6)
    Path("a.txt").write_text("a b c\n" * 6)
    status, out, err = run(capsys, "score", "re\udcff.txt", "a.txt", "--samples=10")
    assert (status, err) == (0, "")
    assert "re�.txt, 6 rows" in out
    status, out, err = run(capsys, "score", "re\udcff.txt", "a.txt", "--samples=10", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["dataset"] == "re\udcff.txt"
    assert out.isascii()


def test_names_of_notebooks_command_no_terminal(place, capsys):
    name = "\x1b]0;hit\x07\u202e.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 1", id="sum")]), name)
    faults = run(capsys, "notebooks", "--check", f"./{name}")
    assert faults[0] == 1
    assert commands(faults[1]) == set()
    status, out, err = run(capsys, "report", f"./{name}", "--folder", "out\x1b[2J")
    assert (status, out) == (2, "")
    assert commands(err) == set()


def test_a_word_of_a_hundred_thousand_letters_is_told_by_its_beginning():
    rows = wb.read([{"row_id": "b" * 100_000, "input": "x"}])
    with pytest.raises(InputError) as caught:
        wb.outputs(rows, [{"row_id": "a" * 100_000, "system": "s", "text": "t"}])
    assert len(str(caught.value)) < 1_000
    assert str(caught.value).endswith(f"but {('a' * 200)[:199]!r}"[:-1] + "… came.")


# --- spreadsheets ---------------------------------------------------------------------------

FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")


def number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_no_cell_of_a_csv_is_a_formula_however_it_is_separated(tmp_path, storable):
    csv.field_size_limit(10_000_000)
    path = tmp_path / "a.csv"
    for name in ("comparison", "leaderboard", "slices", "examples", "pair"):
        sheet = shown(storable)[name]
        (sheet.sheet if name == "comparison" else sheet).to_csv(path)
        assert list(tmp_path.iterdir()) == [path]
        content = path.read_bytes().decode("utf-8-sig")
        assert commands(content, but="\t\r\n") == set(), name
        for separator in ",;\t":
            for record in csv.reader(content.splitlines(keepends=True), delimiter=separator):
                formulas = [cell for cell in record if FORMULA.match(cell)]
                assert all(number(cell.split(",")[0]) for cell in formulas), (name, separator)


def test_a_csv_holds_every_cell_in_full(tmp_path, storable):
    sheet = comparison(storable).examples(storable, f"{storable}b")
    sheet.to_csv(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as stream:
        header, *body = csv.reader(stream)
    assert header == list(sheet.frame.columns)
    assert len(body) == len(sheet.frame)
    for cells, row in zip(body, sheet.frame.to_dict("records"), strict=True):
        told = dict(zip(header, cells, strict=True))
        for column in ("row_id", "input", "text", "other_text"):
            assert told[column] == spreadsheet_cell(row[column])
            kept = visible(row[column], but="\t\r\n").replace("'", "")
            assert told[column].replace("'", "") == kept
        for column in ("value", "other_value", "delta"):
            assert float(told[column]) == row[column]
        assert len(json.loads(told["references"].replace("'[", "["))) == 1


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\n=1", "'\n'=1"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),
        ("a=1-1+1", "a=1-1+1"),
        ("a, -b; c", "a, -b; c"),
        ("'=1", "'=1"),
        ("", ""),
        (-1, -1),
        (-0.5, -0.5),
        (float("inf"), "Infinity"),
        (None, ""),
        (float("nan"), ""),
        (True, "true"),
        (["=a", "é"], '["=a", "é"]'),
        ({"role": "user"}, '{"role": "user"}'),
        ("\x00\x1b[1m\u202e", "��[1m�"),
    ],
)
def test_a_cell_of_a_spreadsheet(cell, written):
    assert spreadsheet_cell(cell) == written
    assert isinstance(spreadsheet_cell(cell), type(written))


def test_a_csv_is_written_whole_or_not_at_all(tmp_path):
    sheet = Sheet(pd.DataFrame({"=a": [1]}), "what it says", ["a"], [["1"]])
    path = tmp_path / "new" / "a.csv"
    sheet.to_csv(path)
    assert path.read_bytes() == b'\xef\xbb\xbf"\'=a"\r\n1\r\n'
    with pytest.raises(OSError, match="No space left on device") as caught:
        sheet.to_csv("/dev/full")
    assert caught.value.filename == "/dev/full"
    assert Path("/dev/full").is_char_device()


def test_a_data_file_gives_every_text_back(tmp_path, storable):
    records = [{"row_id": storable, "input": storable, "why": storable}]
    for kind in ("jsonl", "json", "csv", "tsv", "parquet"):
        path = tmp_path / f"rows.{kind}"
        if kind == "parquet":
            pd.DataFrame(records).to_parquet(path)
        elif kind.startswith("json"):
            content = json.dumps(records if kind == "json" else records[0], ensure_ascii=False)
            path.write_text(content, encoding="utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as stream:
                separator = "," if kind == "csv" else "\t"
                writer = csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL)
                writer.writerows([records[0].keys(), records[0].values()])
        assert wb.read(path).to_dict("records") == records, kind


# --- reports --------------------------------------------------------------------------------


def test_a_report_holds_no_script_but_ours(kinds):
    """Of all texts a browser opens a report in its own test."""
    outputs = []
    for text in kinds.values():
        figure = wb.views.slices(comparison(text), text)
        data = [
            {"text/html": "\n".join(thing._repr_html_() for thing in shown(text).values())},
            {reports.PLOTLY: json.loads(figure.to_json())},
            {"text/plain": repr(text)},
        ]
        outputs += [new_output("display_data", data=each) for each in data]
    notebook = new_notebook(cells=[new_code_cell("shown", outputs=outputs)])
    html = reports.page(notebook, title=kinds["script"])
    document = Document(html.encode("utf-8").decode("utf-8"))
    assert document.tags.count("script") == 4
    assert not {name for name in document.attributes if name.startswith("on")}
    assert not {"img", "iframe", "form", "link", "svg"} & set(document.tags)
    for name, text in kinds.items():
        assert plain(text, width=80) in document.text, name


def test_the_index_shows_titles_and_leads_to_each_page(place):
    names = [
        "a#b", "50%", "a?b=c", "javascript:window.hit=1", "<script>", "\"'", "a b", "é", "..x",
    ]  # fmt: skip
    for name in names:
        cells = [new_markdown_cell(f"# {name}\n\n<script>window.hit=1</script>", id="title")]
        nbformat.write(new_notebook(cells=cells), place / f"{name}.ipynb")
    index = reports.build([place], folder=place / "out").read_text(encoding="utf-8")
    tags = Document(index).tags
    assert (tags.count("script"), tags.count("img")) == (1, 0)
    links = re.findall(r'href="([^"]*)"', index)
    assert all(not urlsplit(link).scheme and urlsplit(link).path == link for link in links)
    assert {unquote(link) for link in links} == {f"{name}.html" for name in names}
    assert all((place / "out" / unquote(link)).is_file() for link in links)
