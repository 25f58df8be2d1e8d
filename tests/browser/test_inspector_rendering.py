"""What a step holds, as a reader sees it: Markdown, code, differences, tables, pictures and sources."""

import base64
import json
import runpy
import struct
import zlib
from pathlib import Path
from random import Random

import pytest

from workbench.trajectories import Step, read
from workbench.trajectories.model import Part
from workbench.widgets.inspector import inspect

pytestmark = pytest.mark.browser

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
a_run, assert_accessible, at, called, said = (
    SHARED[name] for name in ("a_run", "assert_accessible", "at", "called", "said")
)

# the text of a page without classes and roles
SHAPE = """text => inspector.markdownBox(text).innerHTML
  .replace(/ (class|role|aria-label|rel|target|scope|tabindex)="[^"]*"/g, "").replaceAll("<div><table>", "<table>").replaceAll("</table></div>", "</table>")"""
MARKDOWN = {
    "paragraphs": ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
    "headings": ("# One #\n### Two\n#no", "<p>One</p><p>Two</p><p>#no</p>"),
    "underlined": ("Title\n===\nx\n\n---", "<p>Title</p><p>x</p><hr>"),
    "emphasis": ("a *b* **c** _d_ ~~e~~", "<p>a <em>b</em> <strong>c</strong> <em>d</em> <del>e</del></p>"),
    "both": ("***a***", "<p><em><strong>a</strong></em></p>"),
    "inside": ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
    "no emphasis": ("2 * 3 * 4, a_b_c, *.py, **kwargs", "<p>2 * 3 * 4, a_b_c, *.py, **kwargs</p>"),
    "names": ("__init__ and __main__.py", "<p>__init__ and __main__.py</p>"),
    "spans": ("`a *b*` ``c ` d`` `e", "<p><code>a *b*</code> <code>c ` d</code> `e</p>"),
    "escapes": (r"\*a\* \`b\` \c", r"<p>*a* `b` \c</p>"),
    "list": ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
    "numbers": ("3. a\n4. b\n   more", '<ol start="3"><li>a</li><li>b\nmore</li></ol>'),
    "tasks": ("- [ ] a\n- [x] b", "<ul><li>☐ a</li><li>☑ b</li></ul>"),
    "loose": ("1. a\n\n   b\n2. c", "<ol><li>a<p>b</p></li><li>c</li></ol>"),
    "quote": ("> a\n> > b\n\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"),
    "rules": ("a\n\n***\n- - -", "<p>a</p><hr><hr>"),
    "table": (
        "| a | b |\n|---|:-:|\n| 1 | *2* |\n| 3 \\| 4 |",
        "<div><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td><em>2</em></td></tr>"
        "<tr><td>3 | 4</td></tr></tbody></table></div>",
    ),
    "link": (
        "[so](https://example.org/a_(b))",
        '<p><span><a href="https://example.org/a_(b)">so</a> (https://example.org/a_(b))</span></p>',
    ),
    "address": ("<https://example.org/>", '<p><span><a href="https://example.org/">https://example.org/</a></span></p>'),
    "script link": ("[x](javascript:alert(1))", "<p><span>x (javascript:alert(1))</span></p>"),
    "data link": ("[x](data:text/html,hi)", "<p><span>x (data:text/html,hi)</span></p>"),
    "relative link": ("[x](//example.org)", "<p><span>x (//example.org)</span></p>"),
    "image": ("![cat](http://example.org/x.png)", "<p><em>image: cat (http://example.org/x.png)</em></p>"),
    "html": ("<b>a</b> <!-- c -->", "<p>&lt;b&gt;a&lt;/b&gt; &lt;!-- c --&gt;</p>"),
    "entities": ("&lt; &amp;", "<p>&amp;lt; &amp;amp;</p>"),
    "controls": ("a\x1b[31m\u202eb", "<p>a\ufffd[31m\ufffdb</p>"),
    "indented": ("a\n\n    b\n     c", "<p>a</p><div><div><pre><span>b</span>\n<span> c</span>\n</pre></div></div>"),
    "fence": ("~~~\n``` x\n~~~\nb", "<div><div><pre><span>``` x</span>\n</pre></div></div><p>b</p>"),
    "open fence": ("```py\nx", "<div><span>py</span><div><pre><span>x</span>\n</pre></div></div>"),
}  # fmt: skip


@pytest.fixture
def module(read):
    return read(a_run(said("start"))).page


def test_markdown_becomes_a_few_harmless_elements(module):
    shown = {name: module.evaluate(SHAPE, text) for name, (text, _) in MARKDOWN.items()}
    assert shown == {name: wanted for name, (_, wanted) in MARKDOWN.items()}


def test_no_letter_of_a_text_is_lost_whatever_it_is(module):
    random = Random(6)
    pieces = [*"*_`~[]()#>|-+!\\<:\n\n  \t", "12. ", "```\n", "- ", "~~~", "](", "|--", "](http://a", "x", "é", "\U0001f600", "ab "]  # fmt: skip
    texts = ["".join(random.choices(pieces, k=random.randint(1, 120))) for _ in range(1_500)]
    lost = module.evaluate(
        r"""texts => texts.filter((text) => {
          const kept = (each) => each.replace(/[^\p{L}\p{Extended_Pictographic}]/gu, "");
          const shown = inspector.markdownBox(text).textContent.replaceAll("image: ", "");
          return kept(shown) !== kept(text);
        })""",
        texts,
    )
    assert lost == []


WORST = ["*", "[", "`", ">", "_a", "![", "[](", "~~", "|", "- ", "> - ", "<http://", "#", "\\", "a*b_", "**a ", "[a](", "` ``", "1. ", "    ", "-|", "\t", "((", "![](data:image/png;base64,", "<<<<<<< SEARCH\n", "/*", '"\\"', "'", "@@ -1 +1 @@\n", "a,", "x\n"]  # fmt: skip


def test_no_text_takes_long(module):
    waits = module.evaluate(
        """texts => texts.map((text) => {
          const whole = text.repeat(Math.ceil(65536 / text.length)), waited = [];
          for (let n = 0; n < 3; n++) {
            const since = performance.now();
            inspector.markdownTree(whole); inspector.isDiff(whole); inspector.picturesIn(whole);
            waited.push(performance.now() - since);
          }
          return [text, Math.round(Math.min(...waited))];
        })""",
        WORST,
    )
    slower = slowness(module)
    assert [each for each in waits if each[1] / slower > 200] == []


def test_a_megabyte_of_marks_does_not_freeze_the_page(read):
    marks = ["*", "[](", "`", ">", "_ ", "- ", "|", "#", "*a* ", "- a\n", "*a*\n\n", "`a`\n"]
    reading = read(a_run(said("start"), *(said(mark * (1_000_000 // len(mark))) for mark in marks)))
    reading.at(0)
    watch(reading)
    for step in range(1, len(marks) + 1):
        reading.press("j")
        detail = reading.at(step)
        for _ in range(3):
            load_more(reading, detail)
        assert "characters are shown as Markdown; the rest is text." in detail.inner_text()
    assert longest(reading) < 200


def watch(reading):
    reading.page.evaluate(
        "() => { window.tasks = []; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration))).observe({ type: 'longtask' }); }"
    )


def longest(reading):
    return max(reading.page.evaluate("tasks"), default=0) / slowness(reading.page)


def slowness(page):
    """Tell how much slower than a free machine this one is, which others use too."""
    return page.evaluate(
        """() => {
          const since = performance.now();
          let sum = 0;
          for (let n = 0; n < 2e7; n++) sum = (sum * 31 + n) | 0;
          return Math.max(1, (performance.now() - since) / 60 + (sum === 0.5));
        }"""
    )


def load_more(reading, detail):
    button = detail.get_by_role("button", name="Load more").first
    before = button.inner_text()
    button.click()
    reading.page.wait_for_function(
        "before => ![...document.querySelectorAll('.wi-detail button')].some((each) => each.textContent === before)",
        arg=before,
    )


# ----------------------------------------------------------------------------------- the ways


def ways(detail, part=-1):
    return detail.locator(".wi-part").nth(part).locator(".wi-modes button").all_inner_texts()


def test_prose_is_markdown_and_a_result_is_text_until_it_is_asked_for(read):
    steps = [
        said("**a**"),
        called("# a comment\nx = 1"),
        called("```\ncode\n```"),
        called("[1, 2]"),
    ]
    reading = read(a_run(*steps))
    detail = reading.at(0)
    assert detail.locator(".wi-markdown strong").inner_text() == "a"
    detail.get_by_role("button", name="Text", exact=True).click()
    assert detail.locator(".wi-body").inner_text() == "**a**"
    reading.page.locator(".wi-steps").focus()
    reading.press("j")
    assert ways(reading.at(1)) == ["Text", "Markdown"]
    assert reading.page.locator(".wi-part").last.locator("pre").inner_text() == "# a comment\nx = 1"
    reading.press("j")
    assert ways(reading.at(2)) == ["Markdown", "Text"]
    reading.press("m")
    assert reading.page.locator(".wi-part").last.locator("pre").inner_text() == "```\ncode\n```"
    reading.press("j")
    assert ways(reading.at(3)) == ["Tree", "Text"]
    assert reading.page.locator(".wi-part").last.locator("pre").inner_text() == "[1, 2]"
    reading.press("m")
    reading.page.locator(".wi-part").last.locator(".wi-tree").wait_for()


DIFF = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n-old\n+new\n"


def test_differences_keep_their_marks_and_say_what_each_line_is(read):
    edit = {"path": "a.py", "old_str": "one\ntwo\nthree", "new_str": "one\n2\nthree"}
    search = "Do this:\n<<<<<<< SEARCH\na\nb\n=======\na\nc\n>>>>>>> REPLACE\n"
    reading = read(a_run(called(DIFF, json.dumps(edit)), called(search)))
    detail = reading.at(0)
    result, arguments = detail.locator(".wi-part").last, detail.locator(".wi-part").first
    assert result.locator("pre").text_content() == DIFF
    assert result.locator("ins").all_inner_texts() == ["+new"]
    assert result.locator("del").all_inner_texts() == ["-old"]
    assert arguments.locator("pre").text_content() == " one\n-two\n+2\n three\n"
    assert "path: a.py" in arguments.inner_text()
    reading.press("j")
    result = reading.at(1).locator(".wi-part").last
    assert result.locator("pre").text_content() == "Do this:\n@@ search, replace @@\n a\n-b\n+c\n\n"


def test_lines_of_a_difference_give_both_texts_back(module):
    random = Random(3)
    for _ in range(60):
        one, two = ([random.choice("abcd") for _ in range(random.randint(0, 12))] for _ in "12")
        lines = module.evaluate("([one, two]) => inspector.lineChanges(one, two)", [one, two])
        assert [line[1:] for line in lines if line[0] != "+"] == one
        assert [line[1:] for line in lines if line[0] != "-"] == two
    long = [["a"] * 5_000, ["b"] * 5_000]
    assert len(module.evaluate("([one, two]) => inspector.lineChanges(one, two)", long)) == 10_000


def test_code_has_numbers_that_nobody_copies(read):
    code = 'def f(x):\n    # say\n    return "a" + x[10]\n'
    wide = "x = '" + "y" * 500 + "'"
    reading = read(a_run(called("ok", json.dumps({"code": code})), called("ok", json.dumps({"cmd": wide}))))  # fmt: skip
    part = reading.at(0).locator(".wi-part").first
    assert part.locator("pre").text_content() == code
    assert part.locator(".wi-code-k").all_inner_texts() == ["def", "return"]
    assert part.locator(".wi-code-s").all_inner_texts() == ['"a"']
    assert part.locator(".wi-code-c").all_inner_texts() == [" # say"]
    assert part.locator(".wi-wide").get_attribute("tabindex") is None
    reading.press("j")
    box = reading.at(1).locator(".wi-wide").first
    assert box.get_attribute("tabindex") == "0"
    box.focus()
    reading.press("ArrowRight", "ArrowRight")
    reading.page.wait_for_function("document.querySelector('.wi-wide').scrollLeft > 0")


def test_records_and_separated_values_are_tables(read):
    records = [{"id": at, "name": f"n{at}", "at": None if at % 2 else 1.50} for at in range(120)]
    csv = "id,name,note\n" + "".join(f'{at},"a, ""b""",x\n' for at in range(5))
    broad = [{f"c{at}": at for at in range(30)}] * 2
    steps = [called(json.dumps(each)) for each in (records, broad, [{"a": {"b": 1}}] * 3)]
    reading = read(
        a_run(*steps, called(csv), called("Yes, no, maybe\nI say, well\nso, be it, then"))
    )
    result = reading.at(0).locator(".wi-part").last
    result.locator("table").wait_for()
    assert ways(reading.page.locator(".wi-detail")) == ["Table", "Tree", "Text"]
    assert result.locator("th[scope=col]").all_inner_texts() == ["id", "name", "at"]
    assert result.locator("tbody tr").count() == 50
    assert result.locator("tbody tr").nth(0).inner_text().split("\t") == ["0", "n0", "1.5"]
    result.get_by_role("button", name="Show more rows (70 left)").click()
    assert result.locator("tbody tr").count() == 100
    reading.page.locator(".wi-steps").focus()
    reading.press("j")
    result = reading.at(1).locator(".wi-part").last
    assert result.locator("th").count() == 20
    assert "The first 20 of 30 columns." in result.inner_text()
    reading.press("j")
    assert ways(reading.at(2)) == ["Tree", "Text"]
    reading.press("j")
    result = reading.at(3).locator(".wi-part").last
    assert result.locator("tbody tr").count() == 5
    assert result.locator("tbody td").nth(1).inner_text() == 'a, "b"'
    reading.press("j")
    assert ways(reading.at(4)) == []


def test_a_tree_is_walked_by_keys_and_tells_where_it_is(read):
    value = {"a": {"b c": [1, 12345678901234567890]}, "text": '{"inner": [true]}', "z": 1.10}
    reading = read(a_run(called(json.dumps(value).replace("1.1}", "1.10}"))))
    part = reading.at(0).locator(".wi-part").last
    part.get_by_role("button", name="Expand all").click()
    assert "inner" in part.locator(".wi-tree").inner_text()
    part.locator("summary").first.focus()
    reading.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    path = part.locator(".wi-bar code")
    assert path.inner_text() == '$.a["b c"][1]'
    reading.press("ArrowDown", "ArrowDown", "ArrowDown")
    assert path.inner_text() == "JSON.parse($.text).inner[0]" or path.inner_text() == "JSON.parse($.text).inner"  # fmt: skip
    reading.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reading.press("End")
    part.locator(".wi-leaf", has_text="z:").click()
    assert path.inner_text() == "$.z"
    part.get_by_role("button", name="Collapse").click()
    assert part.locator("details[open]").count() == 1


# ------------------------------------------------------------------------------------ pictures


def png(width, height, noise=0):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes([90, 140, 200]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    more = chunk(b"teXt", b"x" * noise) if noise else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")  # fmt: skip


def blob(data, mime="image/png"):
    return Part("out", "tool", "blob", data, mime_type=mime)


def coded(data):
    return base64.b64encode(data).decode()


def test_pictures_of_a_log_are_drawn_and_nothing_else_is(read):
    huge = png(40, 30)[:16] + struct.pack(">II", 60_000, 60_000) + png(40, 30)[24:]
    shown = [blob(coded(png(40, 30))), blob(f"data:image/png;base64,{coded(png(64, 48, 90_000))}")]
    refused = [
        blob(coded(b"<svg xmlns='http://www.w3.org/2000/svg' onload='hit=1'/>")),
        blob("data:image/svg+xml;base64," + coded(b"<svg/>"), "image/svg+xml"),
        blob(coded(huge)),
        blob("no base64 at all"),
        blob("A" * 7_100_000),
        blob("A" * 1_500_000),
        Part("out", "tool", "uri", "http://example.org/x.png", mime_type="image/png"),
    ]
    seen = f"Here:\n![shot](data:image/png;base64,{coded(png(20, 10, 60_000))})\nand so on"
    steps = [Step("chat", "", shown), Step("chat", "", refused), called(seen), said(seen)]
    reading = read(a_run(*steps))
    detail = reading.at(0)
    pictures = detail.locator("img")
    pictures.nth(1).wait_for()
    assert [each.get_attribute("alt") for each in pictures.all()] == ["image of step 0, 40 × 30", "image of step 0, 64 × 48"]  # fmt: skip
    reading.page.wait_for_function("[...document.images].every((each) => each.naturalWidth > 0)")
    reading.press("j")
    detail = reading.at(1)
    detail.get_by_text("60,000 × 60,000 pixels is not drawn").wait_for()
    detail.get_by_role("button", name="Load the picture").click()
    detail.get_by_text("no picture of a kind that is drawn here").nth(2).wait_for()
    assert detail.get_by_text("larger than 5 MB").count() == 1
    assert detail.get_by_role("button", name="Save").count() == 1
    assert detail.get_by_text("http://example.org/x.png").count() == 1
    assert reading.page.locator("img").count() == 0
    reading.page.locator(".wi-steps").focus()
    for step in (2, 3):
        reading.press("j")
        detail = reading.at(step)
        detail.locator("img").wait_for()
        assert detail.locator("img").get_attribute("alt") == f"image of step {step}, 20 × 10"
        assert "image: shot (below)" in detail.inner_text()


def test_other_files_are_saved_under_a_harmless_name(read):
    sound = bytes(range(256)) * 300
    reading = read(a_run(Step("chat", "", [blob(coded(sound), "../../audio/wav\u202e"), blob(None, "audio/wav"), blob(coded(sound), "audio/wav")])))  # fmt: skip
    detail = reading.at(0)
    assert "the log says nothing of its content" in detail.inner_text()
    for number, name in ((0, "step-0-part-0.bin"), (2, "step-0-part-2.wav")):
        with reading.page.expect_download() as saved:
            detail.locator(".wi-part").nth(number).get_by_role("button", name="Save").click()
        assert saved.value.suggested_filename == name
        assert Path(saved.value.path()).read_bytes() == sound


# ---------------------------------------------------------------------- sources, links, search


LOG = [{"task_id": 1, "reward": 1.0, "trial": 0, "info": {}, "traj": [
    {"role": "user", "content": "Héllo"}, {"role": "assistant", "content": "Hi!", "odd": 1.50}]}]  # fmt: skip


def test_the_source_is_what_stands_in_the_file(read, tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(LOG, ensure_ascii=False, indent=1))
    reading = read(wb_read(path))
    reading.press("End")
    detail = reading.at(1)
    detail.get_by_text("Source: the bytes in the file").click()
    box = detail.locator(".wi-source")
    box.locator("pre", has_text='"odd": 1.5').wait_for()
    start, end = path.read_bytes().index(b'{\n    "role": "assistant"'), path.read_bytes().rindex(b"}\n  ]") + 1  # fmt: skip
    assert box.locator("pre").text_content() == path.read_bytes()[start:end].decode()
    assert f"bytes {start:,} to {end:,}: /0/traj/1" in box.inner_text()
    box.get_by_role("button", name="Tree").click()
    assert "odd: 1.5" in box.locator(".wi-tree").inner_text()
    path.write_text("[]")
    reading.page.locator(".wi-steps").focus()
    reading.press("Home")
    detail = reading.at(0)
    detail.get_by_text("Source: the bytes in the file").click()
    detail.get_by_text("has changed").wait_for()


def wb_read(path):
    return read(path)


def test_a_file_says_that_it_does_not_hold_the_source(visit, tmp_path):
    inspect(a_run(said("**Hi** ![x](http://example.org/)"), Step("chat", "/1", [blob(coded(png(8, 6)))]))).to_html(tmp_path / "runs.html")  # fmt: skip
    seen = visit((tmp_path / "runs.html").as_uri())
    detail = at(seen.page, 0)
    assert detail.locator("strong").inner_text() == "Hi"
    detail.get_by_text("Source: the bytes in the file").click()
    detail.get_by_text("not the log they were read from").wait_for()
    seen.page.locator(".wi-steps").focus()
    seen.page.keyboard.press("j")
    at(seen.page, 1).locator("img").wait_for()
    seen.page.wait_for_function("document.images[0].naturalWidth === 8")
    assert (seen.console, seen.requests) == ([], [seen.page.url.partition("#")[0]])


def test_keys_go_from_a_call_to_its_result_and_back(read):
    asks = Step("chat", "", [Part("out", "assistant", "tool_call", "{}", "find")], agent="boss")
    team = [asks, called("1", call_step=0), Step("invoke_agent", "", agent="clerk"), said("x", parent=2, agent="clerk"), said("y", parent=2, agent="clerk"), said("z", agent="boss")]  # fmt: skip
    reading = read(a_run(*team))
    reading.at(0)
    reading.press("]")
    detail = reading.at(1)
    assert detail.locator(".wi-links").inner_text() == "asked for by step 0 ["
    reading.press("]")
    reading.page.get_by_text("No step is known that answers this one.").wait_for()
    reading.press("[")
    reading.at(0)
    reading.press("j", "j")
    detail = reading.at(2)
    assert detail.locator(".wi-links button").all_inner_texts() == ["first step inside: step 3", "last step inside: step 4", "after boss: step 0", "then boss: step 5"]  # fmt: skip
    detail.get_by_role("button", name="last step inside").click()
    detail = reading.at(4)
    assert detail.locator(".wi-links button").all_inner_texts() == ["inside step 2: clerk", "then boss: step 5"]  # fmt: skip


def test_what_is_searched_for_is_marked_and_in_sight(read):
    text = "line\n\n" * 200 + "a **Needle** in (a+b)\n"
    reading = read(a_run(said("start"), said(text), called('{"x": "needle"}')))
    reading.at(0)
    reading.press("/")
    reading.page.keyboard.type("NEEDLE")
    reading.page.get_by_text("2 in this run").wait_for()
    reading.press("Enter")
    detail = reading.at(1)
    assert detail.locator("mark").all_inner_texts() == ["Needle"]
    assert detail.locator("mark").evaluate("""(mark) => {
      const pane = mark.closest(".wi-detail").getBoundingClientRect(), own = mark.getBoundingClientRect();
      return own.top >= pane.top && own.bottom <= pane.bottom; }""")
    detail.get_by_role("button", name="Text", exact=True).click()
    assert detail.locator("mark").all_inner_texts() == ["Needle"]


# ------------------------------------------------------------------------------------- hostile


def test_hostile_markdown_is_inert(read, hostiles):
    texts = [
        text for name, text in hostiles.items() if "\ud83d" not in text and "\udcff" not in text
    ]
    marked = [f"```\n{text}\n```\n# {text}\n\n- [{text}]({text})\n\n| {text} | b |\n|---|---|\n| {text} | c |\n\n![{text}]({text})" for text in texts]  # fmt: skip
    reading = read(a_run(*map(said, marked), called(DIFF + "+" + "\n+".join(texts)[:3_000])))
    for step in range(len(marked) + 1):
        reading.at(step)
        reading.press("j")
    assert reading.page.evaluate("window.hit") is None
    assert reading.page.title() == "Trajectories"
    assert reading.page.locator("main :is(script, iframe, form, style, link, meta, svg, img, a[href^='j'], a:not([rel='noopener noreferrer nofollow']))").count() == 0  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 900, 1600])
def test_everybody_can_read_it(read, scheme, width):
    table = json.dumps([{f"column {at}": "value " * 5 for at in range(12)}] * 3)
    marked = "# A\n\n- b\n  1. c\n\n| a | b |\n|---|---|\n| `1` | **2** |\n\n```py\nx = 'y' # z " + "w" * 300 + "\n```\n> q\n\n[a](https://example.org)"  # fmt: skip
    steps = [said(marked), called(DIFF, '{"command": "ls -l # all"}'), called(table), called('{"a": {"b": [1]}}'), Step("chat", "", [blob(coded(png(300, 200)))])]  # fmt: skip
    reading = read(a_run(*steps), color_scheme=scheme, viewport={"width": width, "height": 900})
    for step in range(len(steps)):
        reading.at(step)
        reading.page.wait_for_timeout(100)
        assert_accessible(reading.page)
        reading.page.locator(".wi-steps").focus()
        reading.press("j")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("swe-agent", {"Markdown", "Diff", "Code"}),
        ("inspect", {"Tree", "Picture"}),
        ("tau-bench", {"Markdown", "Tree"}),
        ("who_and_when", {"Markdown"}),
    ],
)
def test_real_logs_read_well(read, shared, name, wanted):
    reading = read(wb_read(shared / "trajectories" / name))
    reading.page.locator(".wi-link").wait_for()
    shown = set()
    for _ in range(7):
        for _ in range(30):
            shown |= {*reading.page.locator(".wi-modes [aria-pressed=true]").all_inner_texts()}
            if wanted <= shown:
                return
            reading.press("j")
            reading.page.wait_for_timeout(60)
        reading.page.locator(".wi-runs").focus()
        reading.press("j")
        reading.page.locator(".wi-steps").focus()
    raise AssertionError(f"only {shown} were shown")
