"""Modules of a widget as one script: each once, imports first, no name twice."""

import re
from collections import Counter
from pathlib import Path

import pytest

from workbench.widgets.inspector import scripts
from workbench.widgets.inspector.scripts import SCRIPT
from workbench.widgets.modules import joined

REGEX = re.compile(r'"`"|' r"/(?:[^/\\\n]|\\.)*`(?:[^/\\\n]|\\.)*/|\\`")
HERE = Path(scripts.__file__).parent

NAMES = re.compile(r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", re.MULTILINE)


def test_what_is_imported_stands_before_what_imports_it(tmp_path):
    tmp_path.joinpath("leaf.js").write_text("export const one = 1;\n")
    tmp_path.joinpath("twig.js").write_text(
        'import { one } from "./leaf.js";\nexport const two = one + 1;\n'
    )
    entry = tmp_path / "tree.js"
    entry.write_text(
        'import { one } from "./leaf.js";\nimport { two } from "./twig.js";\n\nexport { one };\n'
        "export default { one, two };\n"
    )
    lines = [line for line in joined(entry).splitlines() if line]
    assert lines == [
        "export const one = 1;",
        "export const two = one + 1;",
        "export default { one, two };",
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


@pytest.mark.parametrize("module", sorted(HERE.glob("*.js")), ids=lambda path: path.name)
def test_no_text_goes_on_over_a_line(module):
    for line in module.read_text(encoding="utf-8").splitlines():
        # a backtick in a regular expression, or by itself, opens no text
        assert any(each.count("`") % 2 == 0 for each in (line, REGEX.sub("", line))), line


def test_no_two_modules_of_the_inspector_use_one_name():
    names = [
        name
        for module in HERE.glob("*.js")
        for name in NAMES.findall(module.read_text(encoding="utf-8"))
    ]
    assert [name for name, n in Counter(names).items() if n > 1] == []


def test_nothing_of_an_import_is_left():
    assert not re.search(r"^import |^export \{", SCRIPT, flags=re.MULTILINE)
    assert SCRIPT.count("export default") == 1
