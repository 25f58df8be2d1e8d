"""Blocks of code between fences."""

import pytest

from workbench.metrics.fences import fenced


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("no code", []),
        ("```\na\n```", ["a\n"]),
        ("say\n```json\n{}\n```\nand\n~~~py\nx\n~~~~", ["{}\n", "x\n"]),
        ("````md\n```\ninner\n```\n````", ["```\ninner\n```\n"]),
        ("  ```\na\n  ```", ["a\n"]),
        ("    ```\na\n    ```", []),
        ("```\ncut off", ["cut off"]),
        ("`````\nx", ["x"]),
        ("see ```here``` and\n```a```\n", []),
        ("```\n```", [""]),
    ],
)
def test_blocks_are_found_as_in_markdown(text, blocks):
    assert fenced(text) == blocks


def test_many_fences_take_no_time():
    assert len(fenced("```\na\n```\n" * 5_000)) == 5_000
