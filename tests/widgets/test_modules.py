"""Modules of a widget as few scripts: each once, imports first, no name twice, none too large."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from workbench.errors import BadValue
from workbench.trajectories import Run
from workbench.widgets.inspector import inspect, scripts
from workbench.widgets.inspector.scripts import PARTS, SCRIPT, file_script
from workbench.widgets.modules import joined, split
from workbench.widgets.side_by_side import SideBySide

REGEX = re.compile(r'"`"|' r"/(?:[^/\\\n]|\\.)*`(?:[^/\\\n]|\\.)*/|\\`")
HERE = Path(scripts.__file__).parent
MODULES = sorted(HERE.glob("*.js"))
BESIDE = sorted((HERE.parent / "side_by_side").glob("*.js"))

NAMES = re.compile(r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", re.MULTILINE)


def written(folder, **modules):
    """Write modules that import each other, and return where the last one is."""
    for name, text in modules.items():
        folder.joinpath(f"{name}.js").write_text(text)
    return folder / f"{name}.js"


def lines_of(text):
    return [line for line in text.splitlines() if line]


def test_what_is_imported_stands_before_what_imports_it(tmp_path):
    entry = written(
        tmp_path,
        leaf="export const one = 1;\n",
        twig='import { one } from "./leaf.js";\nexport const two = one + 1;\n',
        tree='import { one } from "./leaf.js";\nimport { two } from "./twig.js";\n\n'
        "export default { one, two };\n",
    )
    assert lines_of(joined(entry)) == [
        "export const one = 1;",
        "export const two = one + 1;",
        "export default { one, two };",
    ]


def test_a_module_may_take_from_a_folder_beside_its_own(tmp_path):
    for name in ("own", "other"):
        tmp_path.joinpath(name).mkdir()
    written(
        tmp_path / "other",
        leaf="export const one = 1;\n",
        twig='import { one } from "./leaf.js";\nexport const two = one + 1;\n',
    )
    tree = 'import { two } from "../other/twig.js";\nexport default two;\n'
    assert lines_of(joined(written(tmp_path / "own", tree=tree))) == [
        "export const one = 1;",
        "export const two = one + 1;",
        "export default two;",
    ]


def test_comments_types_and_indents_are_left_out(tmp_path):
    entry = tmp_path / "one.js"
    entry.write_text(
        "// @ts-check\n/* What this is:\n   not much. */\n\n/** Twice. @param {number} n */\n"
        "export function twice(n) {\n  // why\n  const two = /** @type {any} */ (2); // after\n"
        '  return `${n} * ${two} /* kept */` + "/* kept */";\n}\n'
    )
    assert joined(entry).split("\n") == [
        "",
        "export function twice(n) {",
        "const two = (2); // after",
        'return `${n} * ${two} /* kept */` + "/* kept */";',
        "}",
        "",
    ]


LATER = {
    "base": "export const one = 1, unused = 0;\nexport const hidden = 2;\n",
    "shared": 'import { one } from "./base.js";\nexport const three = () => one + 2;\n',
    "own": "export class Own {}\n",
    "left": 'import { three } from "./shared.js";\nimport { Own } from "./own.js";\n'
    'import { one, hidden } from "./base.js";\nconst inner = [three, one, hidden];\n'
    "export function left() { return inner; }\n",
    "right": 'import { three } from "./shared.js";\nexport async function right() { return three(); }\n',
    "entry": 'import { one } from "./base.js";\n/** @param {import("./own.js").Own} own */\n'
    'const LENT = {};\nexport const later = [() => import("./left.js"), () => import("./right.js")];\n'
    "export default one;\n",
}


def test_what_comes_later_is_a_script_that_is_lent_what_it_imports(tmp_path):
    first, parts = split(written(tmp_path, **LATER))
    assert lines_of(first) == [
        "export const one = 1, unused = 0;",
        "export const hidden = 2;",
        "export const three = () => one + 2;",  # both parts need it
        "const LENT = { hidden, one, three };",
        'export const later = [() => import("./left.js"), () => import("./right.js")];',
        "export default one;",
    ]
    assert {name: lines_of(text) for name, text in parts.items()} == {
        "left": [
            "export default ({ hidden, one, three }) => {",
            "class Own {}",
            "const inner = [three, one, hidden];",
            "function left() { return inner; }",
            "return { Own, left };",
            "};",
        ],
        "right": [
            "export default ({ three }) => {",
            "async function right() { return three(); }",
            "return { right };",
            "};",
        ],
    }


def test_in_one_script_what_comes_later_is_at_hand(tmp_path):
    lines = lines_of(joined(written(tmp_path, **LATER)))
    assert sorted(lines) == sorted(
        [
            "export const one = 1, unused = 0;",
            "export const hidden = 2;",
            "export const three = () => one + 2;",
            "export class Own {}",
            "const inner = [three, one, hidden];",
            "export function left() { return inner; }",
            "export async function right() { return three(); }",
            "const LENT = {};",
            "export const later = [() => Promise.resolve({ left }), () => Promise.resolve({ right })];",
            "export default one;",
        ]
    )


def test_who_brings_parts_must_say_where_they_find_what_they_are_lent(tmp_path):
    entry = written(tmp_path, **LATER | {"entry": 'export const later = () => import("./own.js");'})
    with pytest.raises(BadValue) as raised:
        split(entry)
    assert str(raised.value) == (
        "entry.js must hold the line 'const LENT = {};', for it has parts; add it."
    )


# --------------------------------------------------------------------------------- the inspector


@pytest.mark.parametrize("module", [*MODULES, *BESIDE], ids=lambda path: path.name)
def test_no_text_goes_on_over_a_line(module):
    for line in module.read_text(encoding="utf-8").splitlines():
        # a backtick in a regular expression, or by itself, opens no text
        assert any(each.count("`") % 2 == 0 for each in (line, REGEX.sub("", line))), line


def test_side_by_side_and_what_it_takes_from_the_inspector_use_no_name_twice():
    own = "".join(each.read_text(encoding="utf-8") for each in BESIDE)
    taken = sorted(set(re.findall(r'"../inspector/(\w+.js)"', own)))
    assert len(taken) >= 4
    texts = [own, *(HERE.joinpath(name).read_text(encoding="utf-8") for name in taken)]
    names = [name for text in texts for name in NAMES.findall(text)]
    assert [name for name, n in Counter(names).items() if n > 1] == []
    assert not re.search(r"^import ", SideBySide._esm, flags=re.MULTILINE)
    assert len(gzip.compress(SideBySide._esm.encode(), mtime=0)) < 16_000


def test_no_two_modules_of_the_inspector_use_one_name():
    names = [
        name for module in MODULES for name in NAMES.findall(module.read_text(encoding="utf-8"))
    ]
    assert [name for name, n in Counter(names).items() if n > 1] == []


def test_nothing_of_an_import_is_left():
    for text in (SCRIPT, file_script(), *PARTS.values()):
        assert not re.search(r"^import |^export \{|=> import\(\"(?!\./)", text, flags=re.MULTILINE)
    assert SCRIPT.count("export default") == 1
    assert 'import("' not in file_script()
    for text in PARTS.values():
        assert re.findall(r"^export.*", text, flags=re.MULTILINE) == [text.split("\n", 1)[0]]


def test_one_module_says_which_parts_there_are():
    found = {
        module.name: re.findall(r'(\w+): \(\) => import\("\./(\w+)\.js"\), // \w', text)
        for module in MODULES
        if "=> import(" in (text := module.read_text(encoding="utf-8"))
    }
    assert found == {"parts.js": [(name, name) for name in PARTS]}
    assert list(PARTS) == ["coding", "tree", "timeline", "aligned"]


def test_a_part_is_lent_only_what_the_first_script_has():
    (lent,) = re.findall(r"^const LENT = \{ (.*) \};$", SCRIPT, flags=re.MULTILINE)
    names = lent.split(", ")
    assert set(names) <= set(NAMES.findall(SCRIPT))
    for part, text in PARTS.items():
        asked = text.split("({ ", 1)[1].split(" })", 1)[0].split(", ")
        assert set(asked) <= set(names), part


def test_every_module_is_in_the_first_script_in_a_part_or_in_a_file_only():
    whole = [SCRIPT, *PARTS.values()]
    missing = [
        module.name
        for module in MODULES
        if not any(f" {NAMES.findall(module.read_text(encoding='utf-8'))[0]}" in t for t in whole)
    ]
    assert missing == ["derived.js", "file.js", "filesearch.js"]


def test_no_script_that_a_notebook_gets_is_larger_than_40_kb_packed():
    sizes = {
        name: len(gzip.compress(text.encode(), mtime=0))
        for name, text in {"first": SCRIPT, **PARTS}.items()
    }
    assert {name: size for name, size in sizes.items() if size > 40_000} == {}


def test_a_part_is_a_page_of_the_widget_like_any_other():
    widget = inspect(Run("mine", name="a"))
    for name, text in PARTS.items():
        reply = widget.answer({"type": "part", "name": name})
        assert reply == {"text": text}
        assert len(json.dumps({"id": 2**40, **reply}, ensure_ascii=False).encode()) <= 65_536
    for unknown in ("", "panel", "../panel", None, 7, ["tree"]):
        assert widget.answer({"type": "part", "name": unknown}) == {"text": ""}
