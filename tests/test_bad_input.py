"""Broken input through every door: one sentence, exit status 2, and nothing left behind.

The table is the overview; the tests of each module look closer. `{place}` is the working folder.
"""

import contextlib
import gzip
import io
import json
import os
import resource
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import workbench as wb
from workbench.cli import main
from workbench.errors import InputError

PERMISSIONS = runpy.run_path(str(Path(__file__).with_name("permissions.py")))
without_override, drop_override = PERMISSIONS["without_override"], PERMISSIONS["drop_override"]
LINES = ["The cat sat on the mat.", "It rained all day.", "Nobody came.", "The train was late."]
ROWS = [{"row_id": n, "input": "x", "references": [line]} for n, line in enumerate(LINES)]
OUTPUTS = [
    {"row_id": n, "system": system, "text": line} for system in "ab" for n, line in enumerate(LINES)
]
LARGE = 200 * 1024**2


def jsonl(records):
    return "".join(f"{json.dumps(record)}\n" for record in records)


def parquet(records):
    stream = io.BytesIO()
    pd.DataFrame(records).to_parquet(stream)
    return stream.getvalue()


def book(*cells):
    for at, cell in enumerate(cells):
        cell["id"] = f"cell-{at}"
    return nbformat.writes(new_notebook(cells=list(cells)))


FILES = {
    # what is right
    "ref.txt": "".join(f"{line}\n" for line in LINES),
    "a.txt": "".join(f"{line}\n" for line in LINES),
    "b.txt": "".join(f"{line.replace('the', 'a')}\n" for line in LINES),
    "rows.jsonl": jsonl(ROWS),
    "outputs.jsonl": jsonl(OUTPUTS),
    "right.ipynb": book(new_markdown_cell("# Right")),
    "shows.ipynb": book(
        new_code_cell("1", outputs=[new_output("display_data", data={"text/plain": "1" * 40_000})])
    ),
    # nothing in it
    "empty.txt": "", "empty.jsonl": "", "empty.csv": "", "empty.json": "", "empty.parquet": "",
    "header.csv": "row_id,input\n", "list.json": "[]", "folder/": "",
    # encodings and compression
    "latin.txt": "café\n".encode("latin-1") * 4,
    "latin.csv": "row_id,input\n1,a\n2,café\n".encode("latin-1"),
    "utf16.txt": "abc\n".encode("utf-16") * 4,
    "utf16.jsonl": jsonl(ROWS).encode("utf-16"),
    "cut.txt.gz": gzip.compress(b"abc\n" * 4_000)[:-20],
    "cut.jsonl.gz": gzip.compress(jsonl(ROWS).encode())[:-4],
    "plain.txt.gz": "abc\n" * 4,
    "cut.parquet": parquet(ROWS)[:-40],
    "text.parquet": "row_id,input\n",
    # shape
    "short.txt": "only one\n",
    "broken.jsonl": '{"row_id": 1, "input": "a"}\n{"row_id": 2, "input":\n',
    "lists.jsonl": '{"row_id": 1, "input": "a"}\n[1, 2]\n',
    "object.json": '{"rows": []}',
    "deep.jsonl": "[" * 100_000,
    "half.jsonl": '{"input": "\\ud83d"}\n',
    "uneven.csv": "row_id,input\n1,a\n2,b,c\n",
    "semicolons.csv": "row_id;input\n1;a, b\n2;c\n",
    "tabs.csv": "row_id\tinput\n1\ta\n",
    "quote.csv": 'row_id,input\n1,"a\n2,b\n',
    "twice.csv": "row_id,input,input\n1,a,b\n",
    "wide.csv": "id,question,answer,gpt,mistral\n1,a,b,c,d\n",
    "list.csv": "row_id,input,references\n1,a,\"['x', 'y']\"\n",
    "rows.xlsx": "x",
    # keys and values
    "no_input.jsonl": jsonl([{"row_id": 1, "question": "a"}]),
    "no_system.jsonl": jsonl([{"row_id": 0, "text": "a"}]),
    "no_references.jsonl": jsonl([{"row_id": n, "input": "x"} for n in range(4)]),
    "copies.jsonl": jsonl([*ROWS, ROWS[0]]),
    "copied_outputs.jsonl": jsonl([*OUTPUTS, OUTPUTS[0]]),
    "nan_id.jsonl": '{"row_id": 0, "input": "a"}\n{"row_id": NaN, "input": "b"}\n',
    "no_id.csv": "row_id,input\n1,a\n,b\n",
    "true_id.jsonl": jsonl([{"row_id": True, "input": "a"}]),
    "number.jsonl": jsonl([{"input": "a", "references": 5}]),
    "strange.jsonl": jsonl([*OUTPUTS, {"row_id": 99, "system": "a", "text": "x"}]),
    "nan.jsonl": jsonl([{**each, "mark": float("nan")} for each in OUTPUTS]),
    "infinite.jsonl": jsonl([{**each, "mark": float("inf")} for each in OUTPUTS]),
    "slow.jsonl": jsonl([{**each, "latency_s": float("inf")} for each in OUTPUTS]),
    "words.jsonl": jsonl([{**each, "mark": "good"} for each in OUTPUTS]),
    "numbers.jsonl": jsonl([{**each, "text": 5} for each in OUTPUTS]),
    "failed.jsonl": jsonl([{**each, "text": None} for each in OUTPUTS]),
    "one.jsonl": jsonl([each for each in OUTPUTS if each["system"] == "a"]),
    "apart.jsonl": jsonl([e for e in OUTPUTS if (e["system"] == "a") == (e["row_id"] < 2)]),
    "gaps.jsonl": jsonl([{**each, "topic": "x" if each["row_id"] else None} for each in ROWS]),
    # evaluations of other tools
    "helm/per_instance_stats.json": '[{"instance_id": "1", "stats": []}]',
    "models.json": '{"models": [], "examples": []}',
    "samples.jsonl": '{"doc_id": 0, "doc": {}, "arguments": {}, "resps": []}\n[]\n',
    "results.json": '{"results": {"results": [], "stats": {}}}',
    # notebooks
    "broken.ipynb": '{"cells": [',
    "nothing.ipynb": "",
    "list.ipynb": "[]",
    "future.ipynb": '{"cells": [], "metadata": {}, "nbformat": 9, "nbformat_minor": 0}',
    "utf16.ipynb": "{}".encode("utf-16"),
    "silent.ipynb": book(new_code_cell("1 + 1"), new_code_cell("2 + 2")),
    "raises.ipynb": book(new_code_cell("20 / 0")),
    "index.ipynb": book(new_markdown_cell("# Index")),
    "folder2/right.ipynb": book(new_markdown_cell("# Right too")),
    # places
    "file": "a file where a folder should be",
    "locked.jsonl": jsonl(ROWS), "locked.txt": "x\n" * 4, "locked.ipynb": book(),
    "closed/rows.jsonl": jsonl(ROWS), "read_only/": "",
    "saved/state.json": "{",
}  # fmt: skip
LINKS = {
    "loop.txt": "loop.txt",
    "loop.jsonl": "loop.jsonl",
    "loop.ipynb": "loop.ipynb",
    "endless.txt": "/dev/zero",
    "full/right.html": "/dev/full",
}
MODES = {"locked.jsonl": 0, "locked.txt": 0, "locked.ipynb": 0, "closed": 0, "read_only": 0o555}

REFUSED = {
    # text files
    "score ref.txt missing.txt": (
        "missing.txt must be a readable file, but there is no such file; check the path."
    ),
    "score ref.txt folder": (
        "folder must be a readable file, but opening it failed (Is a directory); check the path."
    ),
    "score ref.txt loop.txt": (
        "loop.txt must be a readable file, but opening it failed (Too many levels of symbolic "
        "links); check the path."
    ),
    "score ref.txt locked.txt": (
        "locked.txt must be a readable file, but opening it failed (Permission denied); check the "
        "path."
    ),
    "score ref.txt a.txt --also locked.txt": (
        "locked.txt must be a readable file, but opening it failed (Permission denied); check the "
        "path."
    ),
    "score ref.txt short.txt": (
        "system 'short' must have 4 texts, one per row, but 1 came; put None where it failed."
    ),
    "score ref.txt empty.txt": (
        "system 'empty' must have 4 texts, one per row, but 0 came; put None where it failed."
    ),
    "score empty.txt a.txt": (
        "a reference stream must have at least one line, but empty.txt has none; check it."
    ),
    "score ref.txt a.txt --also short.txt": (
        "each reference stream must have one line per row, 4 of them, but stream short.txt has 1; "
        "give whole streams (not one list per row), of equal length."
    ),
    "score ref.txt latin.txt": (
        "latin.txt must be UTF-8 text, but line 1 has the byte 0xe9; save it as UTF-8."
    ),
    "score utf16.txt a.txt": (
        "utf16.txt must be UTF-8 text, but line 1 has the byte 0xff; save it as UTF-8."
    ),
    "score ref.txt cut.txt.gz": (
        "cut.txt.gz must be a whole gzip file, but it is broken (Compressed file ended before the "
        "end-of-stream marker was reached); fetch or pack it again."
    ),
    "score ref.txt plain.txt.gz": (
        "plain.txt.gz must be a whole gzip file, but it is broken (Not a gzipped file (b'ab')); "
        "fetch or pack it again."
    ),
    "score ref.txt endless.txt": (
        "endless.txt must hold at most 64 MiB in a line, but line 1 holds more; split it."
    ),
    # datasets
    "score --rows empty.jsonl": (
        "a dataset must have at least one row, but empty.jsonl has none; check it."
    ),
    "score --rows empty.csv": (
        "a dataset must have at least one row, but empty.csv has none; check it."
    ),
    "score --rows header.csv": (
        "a dataset must have at least one row, but header.csv has none; check it."
    ),
    "score --rows list.json": (
        "a dataset must have at least one row, but list.json has none; check it."
    ),
    "score --rows empty.json": (
        "empty.json must be JSON, but line 1 is not (Expecting value at character 1); correct that "
        "line."
    ),
    "score --rows empty.parquet": (
        "empty.parquet must be a Parquet file, but it is not (Parquet file size is 0 bytes); write "
        "it again."
    ),
    "score --rows cut.parquet": (
        "cut.parquet must be a Parquet file, but it is not (Parquet magic bytes not found in "
        "footer. Either the file is corrupted or this is not a parquet file.); write it again."
    ),
    "score --rows text.parquet": (
        "text.parquet must be a Parquet file, but it is not (Parquet magic bytes not found in "
        "footer. Either the file is corrupted or this is not a parquet file.); write it again."
    ),
    "score --rows latin.csv": (
        "latin.csv must be UTF-8 text, but line 3 has the byte 0xe9; save it as UTF-8."
    ),
    "score --rows utf16.jsonl": (
        "utf16.jsonl must be UTF-8 text, but line 1 has the byte 0xff; save it as UTF-8."
    ),
    "score --rows cut.jsonl.gz": (
        "cut.jsonl.gz must be a whole gzip file, but it is broken (Compressed file ended before "
        "the end-of-stream marker was reached); fetch or pack it again."
    ),
    "score --rows broken.jsonl": (
        "broken.jsonl must be JSON, but line 2 is not (Expecting value at character 23); correct "
        "that line."
    ),
    "score --rows lists.jsonl": (
        "lists.jsonl must hold one JSON object per row, but line 2 is a list; write each row as an "
        "object of column names and cells."
    ),
    "score --rows object.json": (
        "object.json must be a JSON list of objects, but a dict came; wrap the rows in a list, or "
        "write one object a line as .jsonl."
    ),
    "score --rows deep.jsonl": (
        "deep.jsonl must be JSON, but line 1 is not (it is nested too deeply); correct that line."
    ),
    "score --rows half.jsonl": (
        "half.jsonl must hold whole characters, but row 1 has '\\ud83d', half of a surrogate pair; "
        "write U+FFFD in its place."
    ),
    "score --rows uneven.csv": (
        "uneven.csv must have as many cells in each line as its header has names, but line 3 does "
        "not (it has 3 cells under 2 names); put cells that hold ',', quotes or line ends in "
        "double quotes."
    ),
    "score --rows semicolons.csv": (
        "semicolons.csv must have ',' between its names, but its header seems to have ';'; save it "
        "with commas as .csv."
    ),
    "score --rows tabs.csv": (
        "tabs.csv must have ',' between its names, but its header seems to have '\\t'; rename it to "
        "end in .tsv."
    ),
    "score --rows quote.csv": (
        "quote.csv must have as many cells in each line as its header has names, but line 3 does "
        "not (unexpected end of data); put cells that hold ',', quotes or line ends in double "
        "quotes."
    ),
    "score --rows twice.csv": (
        "ROWS (twice.csv) must have each column once, but 'input' came twice; rename one of them."
    ),
    "score --rows wide.csv --columns question=input answr=reference --systems gpt mistral": (
        "a name in columns (--columns in a shell) must be one of 'id', 'question', 'answer', 'gpt', "
        "'mistral', but 'answr' came; did you mean 'answer'?"
    ),
    "score --rows wide.csv --columns id=row_id question=input answer=reference --systems gtp": (
        "a column of texts (--systems in a shell) must be one of 'gpt', 'mistral', but 'gtp' came; "
        "did you mean 'gpt'?"
    ),
    "score --rows wide.csv --columns row_id=id question=input answer=reference": (
        "columns must name yours first and ours second, but 'row_id' to 'id' came, and it is 'id' "
        "that wide.csv has; turn it round: {{'id': 'row_id'}}, or --columns id=row_id in a shell."
    ),
    "score --rows wide.csv --columns id=row_id question=input answer=reference": (
        "OUTPUTS (wide.csv) must have the columns 'output_id', 'row_id', 'system', 'text', but only "
        "'id', 'question', 'answer', 'gpt', 'mistral' came; add them, rename yours, or, with a column "
        "per system, name these columns (wb.outputs(rows, ['NAME', …]), or --systems NAME … in a "
        "shell)."
    ),
    "score --rows list.csv": (
        "references must be text or a list of text, but row '1' of list.csv has a list written as "
        "text (\"['x', 'y']\"); use columns reference_1, reference_2, …, or JSON Lines."
    ),
    "score --rows helm": (
        "a run of HELM must hold scenario_state.json and per_instance_stats.json, but helm has no "
        "scenario_state.json; name the folder of one run."
    ),
    "score --rows models.json": (
        "models.json must be as its tool writes it, but models must hold two names that differ; write "
        "it again with the tool."
    ),
    "score --rows samples.jsonl": (
        "samples.jsonl must be as its tool writes it, but line 2 does not hold arguments, doc, doc_id, "
        "resps; write it again with the tool."
    ),
    "score --rows results.json": (
        "an evaluation must hold an output or more, but results.json (promptfoo) holds none; it may be "
        "a run that did not end."
    ),
    "score ref.txt a.txt --write a.doc": (
        "a file to write must end in .csv, .tsv, .jsonl, .parquet, .xlsx, .tex, .json, but 'a.doc' "
        "came; rename it."
    ),
    "score --rows rows.xlsx": (
        "a file of records must end in .jsonl, .ndjson, .json, .csv, .tsv, .parquet (or one of "
        "these and .gz), but 'rows.xlsx' came; rename it, or read it with pandas and pass the "
        "frame."
    ),
    "score --rows folder": (
        "a dataset folder must hold one table called rows (rows.jsonl, rows.csv, …), but folder "
        "holds nothing; name the file itself."
    ),
    "score --rows saved": (
        "saved must be a readable file, but opening it failed (Directory saved is neither a "
        "`Dataset` directory nor a `DatasetDict` directory.); check the path."
    ),
    "score --rows closed": (
        "closed must be a readable file, but opening it failed (Permission denied); check the path."
    ),
    "score --rows locked.jsonl": (
        "locked.jsonl must be a readable file, but opening it failed (Permission denied); check "
        "the path."
    ),
    "score --rows loop.jsonl": (
        "loop.jsonl must be a readable file, but opening it failed (Too many levels of symbolic "
        "links); check the path."
    ),
    "score --rows missing.csv": (
        "missing.csv must be a readable file, but there is no such file; check the path."
    ),
    "score --rows uneevn.csv": (
        "uneevn.csv must be a readable file, but there is no such file; did you mean 'uneven.csv'?"
    ),
    "score --rows no_input.jsonl": (
        "ROWS (no_input.jsonl) must have the columns 'input', but only 'row_id', 'question' came; "
        "add them, or say which they are (columns={{'YOURS': 'input'}}, or --columns YOURS=input in a "
        "shell)."
    ),
    "score --rows copies.jsonl": (
        "ROWS (copies.jsonl) must have one row per row_id, but {{'row_id': '0'}} comes again in "
        "row 5 (1 such rows); remove the copies or name them apart."
    ),
    "score --rows nan_id.jsonl": (
        "row_id in ROWS (nan_id.jsonl) must be text or a whole number, but nothing came in row 2; "
        "correct that cell."
    ),
    "score --rows no_id.csv": (
        "row_id in ROWS (no_id.csv) must be text or a whole number, but nothing came in row 2; "
        "correct that cell."
    ),
    "score --rows true_id.jsonl": (
        "row_id in ROWS (true_id.jsonl) must be text or a whole number, but 'True' came in row 1; "
        "correct that cell."
    ),
    "score --rows number.jsonl": (
        "references in ROWS (number.jsonl) must be text or a list of text, but '5' came in row 1; "
        "correct that cell."
    ),
    "score --rows no_references.jsonl --outputs outputs.jsonl": (
        "bleu needs references, but ROWS came without the column 'references'; name yours "
        "'reference' or 'references' as it is read (columns={{'YOURS': 'reference'}}, or --columns "
        "YOURS=reference in a shell), or use a metric without references."
    ),
    "score --rows gaps.jsonl --outputs outputs.jsonl --cluster topic": (
        "every row must have a topic, but rows '0' have none; fill it in, or pass cluster='row_id'."
    ),
    # outputs
    "score --rows rows.jsonl": (
        "OUTPUTS (rows.jsonl) must have the columns 'output_id', 'system', 'text', but only "
        "'row_id', 'input', 'references' came; add them, rename yours, or, with a column "
        "per system, name these columns (wb.outputs(rows, ['NAME', …]), or --systems NAME … in a "
        "shell)."
    ),
    "score --rows rows.jsonl --outputs folder": (
        "a dataset folder must hold one table called outputs (outputs.jsonl, outputs.csv, …), but "
        "folder holds nothing; name the file itself."
    ),
    "score --rows rows.jsonl --outputs no_system.jsonl": (
        "OUTPUTS (no_system.jsonl) must have the columns 'output_id', 'system', but only 'row_id', "
        "'text' came; add them, rename yours, or, with a column "
        "per system, name these columns (wb.outputs(rows, ['NAME', …]), or --systems NAME … in a "
        "shell)."
    ),
    "score --rows rows.jsonl --outputs copied_outputs.jsonl": (
        "OUTPUTS (copied_outputs.jsonl) must have one row per output_id, but {{'output_id': "
        "'a:0:0'}} comes again in row 9 (1 such rows); remove the copies or name them apart."
    ),
    "score --rows rows.jsonl --outputs strange.jsonl": (
        "row_id in OUTPUTS (strange.jsonl) must be one of '0', '1', '2', '3', but '99' came."
    ),
    "score --rows rows.jsonl --outputs numbers.jsonl": (
        "text in OUTPUTS (numbers.jsonl) must be text, but '5' came in row 1; correct that cell."
    ),
    "score --rows rows.jsonl --outputs slow.jsonl": (
        "latency_s in OUTPUTS (slow.jsonl) must be a finite number, but 'inf' came in row 1; "
        "correct that cell."
    ),
    "score --rows rows.jsonl --outputs failed.jsonl": (
        "bleu needs at least one output to score, but all 8 failed; look at the column 'error'."
    ),
    "score --rows rows.jsonl --outputs nan.jsonl --metric column:column=mark": (
        "mark needs at least one output to score, but all 8 failed; look at the column 'error'."
    ),
    "score --rows rows.jsonl --outputs infinite.jsonl --metric column:column=mark": (
        "column 'mark' must be numeric, but 'inf' came for output 'a:0:0'; turn it into a number, "
        "or leave the cell empty."
    ),
    "score --rows rows.jsonl --outputs words.jsonl --metric column:column=mark": (
        "column 'mark' must be numeric, but 'good' came for output 'a:0:0'; turn it into a number, "
        "or leave the cell empty."
    ),
    # options
    "score": (
        "the input must be either text files (REFERENCE SYSTEM …) or --rows, but neither came; see "
        "--help for an example."
    ),
    "score ref.txt": (
        "a reference must be followed by outputs, but only ref.txt came; add a text file per "
        "system."
    ),
    "score ref.txt a.txt --metric blue": (
        "metric must be one of 'bleu', 'chrf', 'chrf++', 'ter', 'rouge1', 'rouge2', 'rougeL', "
        "'rougeLsum', 'exact_match', 'token_f1', 'length_ratio', 'column', "
        "'regex_match', 'json_valid', 'label_match', 'numeric_match', 'pass_at_k', 'pass_hat_k', "
        "'majority_vote', 'self_consistency', but 'blue' came; did you mean 'bleu'?"
    ),
    "score ref.txt a.txt --metric bleu:tokenize=zzz": (
        "tokenize must be one of '13a', 'none', 'intl', 'char', 'zh', 'ja-mecab', 'ko-mecab', "
        "'spm', 'flores101', 'flores200', 'spBLEU-1K', but 'zzz' came."
    ),
    "score ref.txt a.txt --metric bleu:max_ngram_order=x": (
        "max_ngram_order of bleu must be a whole number, but 'x' came; write it so."
    ),
    "score ref.txt a.txt --metric column:column=missing": (
        "the column of a metric must be one of 'output_id', 'row_id', 'system', 'repeat', 'text', "
        "'input', 'references', but 'missing' came."
    ),
    "score ref.txt a.txt --level nan": (
        "level must be between 0 and 1, samples at least 1 and seed at least 0, but nan, 10000 and "
        "0 came; use 0.95, 10000 and 0."
    ),
    # compare
    "compare ref.txt a.txt": (
        "a comparison must have at least two systems, but only 'a' came; add the outputs of "
        "another."
    ),
    "compare --rows rows.jsonl --outputs one.jsonl": (
        "a comparison must have at least two systems, but only 'a' came; add the outputs of "
        "another."
    ),
    "compare --rows rows.jsonl --outputs apart.jsonl": (
        "two systems must have a row that both answered, but a shares none with any other; look at "
        "the column 'error', or use failures='worst'."
    ),
    "compare ref.txt a.txt b.txt --baseline z": "baseline must be one of 'a', 'b', but 'z' came.",
    "compare ref.txt a.txt b.txt --cluster topic": (
        "cluster must be one of 'output_id', 'row_id', 'system', 'repeat', 'text', 'input', "
        "'references', but 'topic' came."
    ),
    "compare ref.txt a.txt b.txt --margin bleu=nan": (
        "a margin must be a number of at least 0 and of a metric with a direction, but nan came for bleu; say "
        "how large a loss does not matter."
    ),
    "compare ref.txt a.txt b.txt --margin bleu=inf": (
        "a margin must be a number of at least 0 and of a metric with a direction, but inf came for "
        "bleu; say how large a loss does not matter."
    ),
    "compare ref.txt a.txt b.txt --compat bleu": (
        "compat must be one of 'None', 'sacrebleu', but 'bleu' came; did you mean 'sacrebleu'?"
    ),
    # report
    "report missing.ipynb": (
        "a report is made of notebooks (.ipynb) or a folder of them, but missing.ipynb is neither; "
        "start in the project's folder, or name a notebook."
    ),
    "report folder": (
        "a report is made of notebooks (.ipynb) or a folder of them, but folder is neither; start "
        "in the project's folder, or name a notebook."
    ),
    "report loop.ipynb": (
        "a report is made of notebooks (.ipynb) or a folder of them, but loop.ipynb is neither; "
        "start in the project's folder, or name a notebook."
    ),
    "report a.txt": (
        "a report is made of notebooks (.ipynb) or a folder of them, but a.txt is neither; start "
        "in the project's folder, or name a notebook."
    ),
    "report broken.ipynb": (
        "broken.ipynb must be a notebook, but it is not (Notebook does not appear to be JSON: "
        "'{{\"cells\": ['); save it again."
    ),
    "report nothing.ipynb": (
        "nothing.ipynb must be a notebook, but it is not (Notebook does not appear to be JSON: "
        "''); save it again."
    ),
    "report list.ipynb": (
        "list.ipynb must be a notebook, but it is not ('list' object has no attribute 'get'); save "
        "it again."
    ),
    "report future.ipynb": (
        "future.ipynb must be a notebook, but it is not (Unsupported nbformat version 9); save it "
        "again."
    ),
    "report utf16.ipynb": (
        "utf16.ipynb must be a notebook, but it is not ('utf-8' codec can't decode byte 0xff in "
        "position 0: invalid start byte); save it again."
    ),
    "report locked.ipynb": (
        "locked.ipynb must be readable and writable, but that failed (Permission denied); check "
        "the path, its permissions and the room on the disk."
    ),
    "report silent.ipynb": (
        "silent.ipynb must have outputs to report, but none of its 2 code cells has any; run it "
        "first (workbench report --execute)."
    ),
    "report right.ipynb broken.ipynb": (
        "broken.ipynb must be a notebook, but it is not (Notebook does not appear to be JSON: "
        "'{{\"cells\": ['); save it again."
    ),
    "report right.ipynb folder2/right.ipynb": (
        "notebooks of one report must have names of their own, other than index, but "
        "'right.ipynb', 'folder2/right.ipynb' share one; rename one of them."
    ),
    "report index.ipynb": (
        "notebooks of one report must have names of their own, other than index, but 'index.ipynb' "
        "share one; rename one of them."
    ),
    "report raises.ipynb --execute": (
        "raises.ipynb must run from top to bottom, but code cell 1 does not (ZeroDivisionError: "
        "division by zero); mend it."
    ),
    "report right.ipynb --folder file": (
        "{place}/file must be readable and writable, but that failed (File exists); check the "
        "path, its permissions and the room on the disk."
    ),
    "report right.ipynb --folder file/in": (
        "file/in/right.html must be readable and writable, but that failed (Not a directory); "
        "check the path, its permissions and the room on the disk."
    ),
    "report right.ipynb --folder read_only": (
        "read_only/right.html must be readable and writable, but that failed (Permission denied); "
        "check the path, its permissions and the room on the disk."
    ),
    "report right.ipynb --folder read_only/in": (
        "read_only/in/right.html must be readable and writable, but that failed (Permission "
        "denied); check the path, its permissions and the room on the disk."
    ),
    "report right.ipynb --folder full": (
        "full/right.html must be readable and writable, but that failed (No space left on device); "
        "check the path, its permissions and the room on the disk."
    ),
    # notebooks
    "notebooks --check missing": (
        "a report is made of notebooks (.ipynb) or a folder of them, but missing is neither; start "
        "in the project's folder, or name a notebook."
    ),
    "notebooks --check broken.ipynb": (
        "broken.ipynb must be a notebook, but it is not (Notebook does not appear to be JSON: "
        "'{{\"cells\": ['); save it again."
    ),
    "notebooks --check utf16.ipynb": (
        "utf16.ipynb must be a notebook, but it is not ('utf-8' codec can't decode byte 0xff in "
        "position 0: invalid start byte); save it again."
    ),
    "notebooks --check locked.ipynb": (
        "locked.ipynb must be readable and writable, but that failed (Permission denied); check "
        "the path, its permissions and the room on the disk."
    ),
    "notebooks --write list.ipynb": (
        "list.ipynb must be a notebook, but it is not ('list' object has no attribute 'get'); save "
        "it again."
    ),
    "notebooks --write raises.ipynb": (
        "raises.ipynb must run from top to bottom, but code cell 1 does not (ZeroDivisionError: "
        "division by zero); mend it."
    ),
}

CALLS = {
    "read of nothing": lambda: wb.read([]),
    "read of a number": lambda: wb.read(5),
    "read of a mixed list": lambda: wb.read([{"input": "a"}, "b"]),
    "read of an empty frame": lambda: wb.read(pd.DataFrame({"input": []})),
    "read of a locked file": lambda: wb.read("locked.jsonl"),
    "read of a frame with copies": lambda: wb.read(
        pd.DataFrame({"row_id": [1, 1], "input": ["a", "b"]})
    ),
    "read of a name with a mistake": lambda: wb.read("news-sumaries"),
    "read of uneven references": lambda: wb.read(references=[["a", "b"], ["a"]]),
    "read of references of one file": lambda: wb.read(references="ref.txt"),
    "outputs of another length": lambda: wb.outputs(wb.read(ROWS), {"a": ["x"]}),
    "outputs of an unknown row": lambda: wb.outputs(wb.read(ROWS), {"a": {"99": "x"}}),
    "outputs in no order": lambda: wb.outputs(wb.read(ROWS), {"a": {"x", "y"}}),
    "outputs with copies": lambda: wb.outputs(
        wb.read(ROWS), pd.DataFrame([*OUTPUTS, OUTPUTS[0]]).assign(output_id=range(9))
    ),
    "outputs of nothing": lambda: wb.outputs(wb.read(ROWS), {}),
    "outputs of a file of lines": lambda: wb.outputs(wb.read(ROWS), "a.txt"),
    "outputs of a missing file": lambda: wb.outputs(wb.read(ROWS), {"a": Path("missing.txt")}),
}
TOLD = {
    "read of nothing": (
        "a dataset must have at least one row, but the list given has none; check it."
    ),
    "read of a number": (
        "a dataset must be a path, a name, a DataFrame, a list of dicts or a Hugging Face Dataset, "
        "but a int came; turn it into one of these."
    ),
    "read of a mixed list": (
        "rows must all be dicts, or all be texts, but 'dict', 'str' came; make them so."
    ),
    "read of an empty frame": (
        "a dataset must have at least one row, but the frame given has none; check it."
    ),
    "read of a locked file": (
        "locked.jsonl must be a readable file, but opening it failed (Permission denied); check "
        "the path."
    ),
    "read of a frame with copies": (
        "ROWS (the frame given) must have one row per row_id, but {'row_id': '1'} comes again in "
        "row 2 (1 such rows); remove the copies or name them apart."
    ),
    "read of a name with a mistake": (
        "the name of a shipped dataset must be one of 'claims-agent', 'news-summaries', 'phrasebook-en-es', but "
        "'news-sumaries' came; did you mean 'news-summaries'?"
    ),
    "read of uneven references": (
        "each reference stream must have one line per row, 2 of them, but stream #2 has 1; give "
        "whole streams (not one list per row), of equal length."
    ),
    "read of references of one file": (
        "references must be a list of streams, one per reference, but 'ref.txt' came; write "
        "references=[…]."
    ),
    "outputs of another length": (
        "system 'a' must have 4 texts, one per row, but 1 came; put None where it failed."
    ),
    "outputs of an unknown row": (
        "row_id in OUTPUTS (the texts given) must be one of '0', '1', '2', '3', but '99' came."
    ),
    "outputs in no order": (
        "the texts of system 'a' must be a list in the order of the rows, a mapping from row_id or "
        "a path, but a set came; turn it into one of these."
    ),
    "outputs with copies": (
        "OUTPUTS (the frame given) must have one row per row_id × system × repeat, but {'row_id': "
        "'0', 'system': 'a', 'repeat': 0} comes again in row 9 (1 such rows); remove the copies or "
        "name them apart."
    ),
    "outputs of nothing": (
        "OUTPUTS must have at least one output, but the texts given has none; check it."
    ),
    "outputs of a file of lines": (
        "OUTPUTS (a.txt) must have the columns 'output_id', 'row_id', 'system', 'text', but only "
        "'input' came; add them, rename yours, or, with a column "
        "per system, name these columns (wb.outputs(rows, ['NAME', …]), or --systems NAME … in a "
        "shell)."
    ),
    "outputs of a missing file": (
        "missing.txt must be a readable file, but there is no such file; check the path."
    ),
}

# Those that a shell runs too, one for each way out of the program.
IN_A_SHELL = [
    "score ref.txt missing.txt",
    "score --rows broken.jsonl",
    "score --rows locked.jsonl",
    "compare ref.txt a.txt",
    "report broken.ipynb",
    "report right.ipynb --folder read_only",
    "report right.ipynb --folder full",
]


# --- the folder -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of all the files; as no test may leave anything in it, they share it."""
    place = tmp_path_factory.mktemp("bad")
    for name, content in FILES.items():
        path = place / name
        path.parent.mkdir(exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    (place / "full").mkdir()
    for name, target in LINKS.items():
        (place / name).symlink_to(target)
    for name, mode in MODES.items():
        (place / name).chmod(mode)
    yield place
    for name in MODES:
        (place / name).chmod(0o700)


@pytest.fixture
def place(folder, monkeypatch):
    """The folder, left by the test as it was found."""
    monkeypatch.chdir(folder)
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder):
    """Return names, sizes and times of what is in a folder; a partial file would show."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        found[str(path.relative_to(folder))] = (status.st_size, status.st_mtime_ns)
    return found


@contextlib.contextmanager
def limited(n_bytes):
    """Let no file grow beyond a size: Python ignores the signal, and writing fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def run(capsys, command):
    with without_override():
        status = main(shlex.split(command))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def shell(command, **options):
    script = Path(sys.executable).with_name("workbench")
    options = {"stdout": subprocess.PIPE, "preexec_fn": drop_override} | options
    return subprocess.run(
        [script, *shlex.split(command)], stderr=subprocess.PIPE, text=True, check=False, **options
    )


def expected(command, place):
    return f"workbench: {REFUSED[command].format(place=place)}\n"


# --- the table ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", REFUSED)
def test_bad_input_is_told_in_one_sentence_and_leaves_nothing(place, capsys, command):
    assert run(capsys, command) == (2, "", expected(command, place))


@pytest.mark.parametrize("told", [*REFUSED.values(), *TOLD.values()])
def test_every_sentence_has_its_three_parts(told):
    """What must hold, what came and where, what to do; a list of names says the last by itself."""
    must, but, _ = told.partition(", but ")
    assert but
    assert any(word in must for word in (" must ", " needs ", " is made of "))
    assert "\n" not in told
    assert told.endswith((".", "?"))
    assert ";" in told or "must be one of" in told


@pytest.mark.parametrize("command", IN_A_SHELL)
def test_a_shell_is_told_the_same(place, command):
    done = shell(command)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected(command, place))


@pytest.mark.parametrize("what", CALLS)
def test_a_call_is_told_the_same_way(place, what):
    with pytest.raises(InputError) as caught, without_override():
        CALLS[what]()
    assert str(caught.value) == TOLD[what]
    assert caught.value.__cause__ is None


def test_permissions_hold_for_root_too(place):
    with without_override(), pytest.raises(PermissionError):
        Path("locked.txt").read_text()


# --- what is too large ----------------------------------------------------------------------

# A process of its own: the peak of a child counts the parent that it was forked from.
_MEASURED = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([done.returncode, done.stdout, peak]))
"""


@pytest.mark.parametrize("name", ["large.txt", "large.jsonl", "large.csv", "large.txt.gz"])
def test_a_line_of_200_mb_is_told_within_a_few_hundred_mb(tmp_path, name):
    """The line is a hole in the file: it takes no room on the disk, and is zeros to a reader."""
    path = tmp_path / name
    if name.endswith(".gz"):
        with gzip.open(path, "wb", compresslevel=1) as stream:
            for _ in range(LARGE // 1024**2):
                stream.write(bytes(1024**2))
    else:
        with path.open("wb") as stream:
            stream.truncate(LARGE)
    (tmp_path / "ref.txt").write_text(FILES["ref.txt"])
    words = ["score", "ref.txt", name] if ".txt" in name else ["score", "--rows", name]
    script = Path(sys.executable).with_name("workbench")
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, script, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stderr == (
        f"workbench: {name} must hold at most 64 MiB in a line, but line 1 holds more; split it.\n"
    )
    status, out, peak_kb = json.loads(done.stdout)
    assert (status, out) == (2, "")
    assert peak_kb < 400 * 1024


# --- what has no room -----------------------------------------------------------------------

FULL = (
    "{} must be readable and writable, but that failed ({}); check the path, its permissions and "
    "the room on the disk."
)


@pytest.mark.parametrize(("name", "limit"), [("shows", 8_000), ("index", 100)])
def test_a_report_without_room_leaves_no_partial_page(place, capsys, tmp_path, name, limit):
    """As on a full disk, but the kernel says "too large"; `full` in the table says "no space"."""
    if name == "index":
        (tmp_path / "shows.html").symlink_to("/dev/null")
    with limited(limit):
        status = main(["report", "shows.ipynb", "--folder", str(tmp_path)])
    captured = capsys.readouterr()
    told = FULL.format(tmp_path / f"{name}.html", "File too large")
    assert (status, captured.out, captured.err) == (2, "", f"workbench: {told}\n")
    assert [path.name for path in tmp_path.iterdir() if not path.is_symlink()] == []


def test_an_old_report_stays_when_there_is_no_room_for_the_new(place, capsys, tmp_path):
    (tmp_path / "shows.html").write_text("old")
    with limited(8_000):
        assert main(["report", "shows.ipynb", "--folder", str(tmp_path)]) == 2
    assert (tmp_path / "shows.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["shows.html"]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_notebook_stays_as_it_was_when_there_is_no_room_for_its_outputs(tmp_path, capsys):
    path = tmp_path / "long.ipynb"
    path.write_text(book(new_code_cell("'x' * 40_000")))
    before = path.read_bytes()
    with limited(8_000):
        status = main(["notebooks", "--write", str(path)])
    captured = capsys.readouterr()
    told = FULL.format(path, "File too large")
    assert (status, captured.out, captured.err) == (2, "", f"workbench: {told}\n")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["long.ipynb"]


@pytest.mark.parametrize("options", ["", "--json"])
def test_a_full_disk_behind_standard_output_is_told_once(place, options):
    with Path("/dev/full").open("w") as full:
        done = shell(f"score ref.txt a.txt --samples 10 {options}", stdout=full)
    assert (done.returncode, done.stderr) == (
        2,
        "workbench: standard output must take UTF-8 text of any length, but it does not (No space "
        "left on device); make room, or send it elsewhere.\n",
    )


def test_standard_output_that_is_not_utf_8_is_told(place):
    done = shell(
        "compare ref.txt a.txt b.txt --samples 10", env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "workbench: standard output must take UTF-8 text of any length, but it does not (it is "
        "ascii); make room, or send it elsewhere.\n"
    )


def test_a_reader_of_a_report_that_has_gone_is_told_nothing(place, tmp_path):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        done = shell(f"report right.ipynb --folder {shlex.quote(str(tmp_path))}", stdout=gone)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "right.html"]
