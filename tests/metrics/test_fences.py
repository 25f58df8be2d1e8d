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
        ("say\r\n```json\r\n{}\r\n```\r\nand\r\n~~~\r\nx\r\n~~~", ["{}\r\n", "x\r\n"]),
        ("say\r```\ra\rb\r``` \rend", ["a\rb\r"]),
        ("```\r\n```\r\n", [""]),
        ("```\r\ncut off\r", ["cut off\r"]),
        ("```\na\n```b\n```", ["a\n```b\n"]),
    ],
)
def test_blocks_are_found_as_in_markdown(text, blocks):
    assert fenced(text) == blocks


def test_many_fences_take_no_time():
    for end in ("\n", "\r\n", "\r"):
        assert len(fenced(f"```{end}a{end}```{end}" * 5_000)) == 5_000
