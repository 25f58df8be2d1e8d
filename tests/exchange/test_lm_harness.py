"""lm-evaluation-harness: what it wrote with its dummy model, and its older shapes."""

import json
from pathlib import Path

import pytest

from workbench import exchange
from workbench.errors import BadValue

HOME = Path(__file__).parent / "fixtures" / "lm_eval"
RESULTS = next(HOME.glob("results_*.json"))


def samples(task):
    return next(HOME.glob(f"samples_{task}_*"))


def test_means_are_those_of_the_results():
    """But for perplexity, which the harness makes of log likelihoods at the end."""
    told = json.loads(RESULTS.read_text())["results"]
    e = exchange.read(RESULTS)
    means = e.scores.merge(e.rows[["row_id", "task"]]).groupby(["task", "metric"])["value"].mean()
    seen = 0
    for (task, metric), mean in means.items():
        key = metric if "," in metric else f"{metric},none"
        if metric != "perplexity":
            seen += 1
            assert told[task][key] == pytest.approx(mean)
    assert seen == 5


def test_filters_are_metrics_of_one_output():
    e = exchange.read(samples("wb_capitals"))
    assert e.outputs["text"].tolist() == ["lol"] * 3
    assert e.outputs["filtered,first-letters"].tolist() == ["lo"] * 3
    assert e.outputs["exact_match,as-is"].tolist() == [0, 0, 1]
    assert e.outputs["exact_match,first-letters"].tolist() == [0, 0, 0]
    assert set(e.scores["signature"]) == {
        f"lm-eval:wb_capitals|metric:exact_match|filter:{name}|version:1.0"
        for name in ("as-is", "first-letters")
    }
    assert e.rows["references"].tolist() == [["Paris"], ["Tokyo"], ["lol"]]
    assert e.rows["input"][0] == "Q: What is the capital of France?\nA:"


def test_the_output_of_multiple_choice_is_the_likeliest_choice():
    e = exchange.read(samples("wb_sums"))
    for line, text, references, right in zip(
        map(json.loads, samples("wb_sums").read_text().splitlines()),
        e.outputs["text"], e.rows["references"], e.outputs["acc"], strict=True,
    ):  # fmt: skip
        likely = [float(each[0][0]) for each in line["resps"]]
        assert text == line["doc"]["choices"][likely.index(max(likely))]
        assert references == [line["doc"]["choices"][line["doc"]["gold"]]]
        assert right == (text in references)


def written(tmp_path, *lines):
    path = tmp_path / "samples_t_2026-11-28T08-48-07.172109.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return exchange.read(path)


def line(at, requests, likely, target):
    return {
        "doc_id": at, "doc": {}, "target": target, "acc": 1.0, "filter": "none", "metrics": ["acc"],
        "arguments": {
            f"gen_args_{n}": {"arg_0": context, "arg_1": ending}
            for n, (context, ending) in enumerate(requests)
        },
        "resps": [[[str(each), "False"]] for each in likely],
    }  # fmt: skip


def test_mutual_information_compares_only_what_follows_a_context(tmp_path):
    choices = [("2 + 2 =", " 3"), ("2 + 2 =", " 4"), ("", "3"), ("", "4")]
    e = written(tmp_path, line(0, choices, [-5, -4, -1, -3], "1"))
    assert (e.outputs["text"].tolist(), e.rows["references"].tolist()) == (["4"], [["4"]])
    # without a context anywhere, none is left out
    e = written(tmp_path, line(0, [("", " yes"), ("", " no")], [-2, -1], "0"))
    assert (e.outputs["text"].tolist(), e.rows["references"].tolist()) == (["no"], [["yes"]])


def test_where_contexts_are_the_choices_the_text_is_the_chosen_one(tmp_path):
    begin, ending = "Mary is better than Mark, so ", " got the hard cases."
    requests = [(f"{begin}{name}", ending) for name in ("Mary", "Mark")]
    e = written(
        tmp_path, line(0, requests, [-2, -1], ending.strip()), line(1, requests, [-1, -2], "1")
    )
    assert e.outputs["text"].tolist() == ["Mark", "Mary"]
    assert e.rows["input"].tolist() == [f"{begin}_{ending}"] * 2
    assert e.rows["references"].tolist() == [[], []]
    assert e.outputs["acc"].tolist() == [1.0, 1.0]
    assert e.notes[0] == (
        "2 rows of t ask which context one ending suits; the text is what the chosen context has of its "
        "own, and there are no references, for no sample says which is right."
    )


def test_a_log_likelihood_is_no_text_and_perplexity_has_no_direction():
    e = exchange.read(samples("wb_endings"))
    assert e.outputs["text"].tolist() == ["", ""]
    assert {metric.name: metric.direction for metric in e.metrics} == {
        "perplexity": None, "acc": "up",
    }  # fmt: skip


def test_a_model_with_arguments_bears_its_name(tmp_path):
    told = json.loads(RESULTS.read_text())
    told["config"]["model_args"] = "pretrained=org/model"
    told["model_name"] = "org/model"
    told["higher_is_better"]["wb_sums"]["acc"] = False
    (tmp_path / RESULTS.name).write_text(json.dumps(told))
    (tmp_path / samples("wb_sums").name).write_text(samples("wb_sums").read_text())
    e = exchange.read(tmp_path)
    assert set(e.outputs["system"]) == {"org/model"}
    assert {metric.name: metric.direction for metric in e.metrics} == {
        "acc": "down",
        "acc_norm": "up",
    }


def test_without_results_the_folder_names_the_system(tmp_path):
    place = tmp_path / "org__model"
    place.mkdir()
    (place / samples("wb_sums").name).write_text(samples("wb_sums").read_text())
    e = exchange.read(place)
    assert set(e.outputs["system"]) == {"org__model"}
    assert e.notes[0].endswith(
        "has no results_*.json beside it, so the system bears the folder's name."
    )


def test_the_lists_of_older_versions_are_read_alike(tmp_path):
    lines = []
    for line in map(json.loads, samples("wb_sums").read_text().splitlines()):
        line["arguments"] = [list(each.values()) for each in line["arguments"].values()]
        del line["metrics"], line["filter"]
        lines.append(json.dumps(line))
    path = tmp_path / samples("wb_sums").name
    path.write_text("\n".join(lines))
    old, new = exchange.read(path), exchange.read(samples("wb_sums"))
    assert old.outputs["text"].tolist() == new.outputs["text"].tolist()
    assert old.rows["input"].tolist() == new.rows["input"].tolist()
    assert old.outputs["acc"].tolist() == new.outputs["acc"].tolist()


def test_a_greedy_ending_is_what_the_model_would_write(tmp_path):
    path = tmp_path / samples("wb_endings").name
    path.write_text(samples("wb_endings").read_text().replace('"False"', '"True"'))
    assert exchange.read(path).outputs["text"].tolist() == [" mat", " pours"]


def test_results_without_samples_and_broken_lines_are_refused(tmp_path):
    (tmp_path / RESULTS.name).write_text(RESULTS.read_text())
    with pytest.raises(BadValue, match=r"beside it \(they are written by"):
        exchange.read(tmp_path / RESULTS.name)
    path = tmp_path / "x.jsonl"
    path.write_text(f"{samples('wb_sums').read_text()}{{}}\n")
    with pytest.raises(BadValue) as caught:
        exchange.read(path)
    assert str(caught.value) == (
        f"{path} must be as its tool writes it, but line 5 does not hold arguments, doc, doc_id, resps; "
        "write it again with the tool."
    )
