"""Policies: each rule finds the step that breaks it, and is silent on what keeps to it."""

import json
import re
from dataclasses import replace

import pytest

from workbench.errors import BadKind, BadValue, UnknownName, Unreadable
from workbench.tables import FINDINGS
from workbench.trajectories.auditing.policy import Policy
from workbench.trajectories.auditing.rules import (
    RULES,
    AllowedArguments,
    AllowedTools,
    Approval,
    Autonomy,
    Budget,
    RequiredOrder,
    Secrecy,
)
from workbench.trajectories.model import Part, Run, Step, Usage
from workbench.trajectories.reading import read


def call(tool, result="{}", *, status="ok", **arguments):
    text = result if isinstance(result, str) else json.dumps(result)
    parts = [Part("in", "assistant", "tool_call", "", tool, arguments=arguments)]
    parts.append(Part("out", "tool", "tool_call_response", text, tool))
    return Step("execute_tool", "", parts, tool=tool, status=status)


def broken(rule, *steps):
    """Return the steps in which a run breaks a rule; None for the run as a whole."""
    found = Policy("p", (rule,)).check([Run("x", run_id="r", steps=list(steps))])
    return [int(end) if (end := subject.split("#")[1]) else None for subject in found["subject"]]


def test_a_tool_that_is_not_allowed():
    rule = AllowedTools(tools=["a"])
    assert broken(rule, call("a"), call("b"), Step("chat", "")) == [1]


@pytest.mark.parametrize(
    ("limits", "value", "holds"),
    [
        ({"at_most": 5}, 5, True), ({"at_most": 5}, 5.1, False), ({"at_most": 5}, "many", False),
        ({"at_least": 1}, 1, True), ({"at_least": 1}, 0, False),
        ({"one_of": ["x", 1]}, "x", True), ({"one_of": ["x"]}, "y", False),
        ({"matches": r"[A-Z]{2}\d+"}, "AB12", True), ({"matches": r"[A-Z]{2}\d+"}, "AB12;", False),
    ],
)  # fmt: skip
def test_an_argument_out_of_bounds(limits, value, holds):
    rule = AllowedArguments(tool="pay", argument="to.amount", **limits)
    assert broken(rule, call("pay", to={"amount": value}), call("other")) == ([] if holds else [0])


def test_a_limit_that_another_answer_states():
    told = {"tool": "policy", "member": "limit", "same": ["number"]}
    rule = AllowedArguments(tool="pay", argument="amount", at_most_result=told)
    assert broken(
        rule,
        call("policy", {"number": 1, "limit": 100}),
        call("policy", {"number": 2, "limit": 10}),
        call("pay", number=1, amount=100),
        call("pay", number=2, amount=11),
        call("policy", {"number": 2, "limit": 20}),
        call("pay", number=2, amount=11),
        call("pay", number=3, amount=10),
    ) == [3, 6]


def test_an_order_that_must_be_kept():
    rule = RequiredOrder(tool="pay", after=["look", "check"])
    assert broken(rule, call("look"), call("check"), call("pay")) == []
    assert broken(rule, call("look"), call("pay"), call("check")) == [1]
    assert broken(rule, call("look"), call("check", status="error"), call("pay")) == [2]
    either = RequiredOrder(tool="letter", after_any=["pay", "refuse"])
    assert broken(either, call("letter"), call("refuse"), call("letter")) == [0]


def test_what_must_be_approved_and_up_to_how_much():
    rule = Approval(
        tool="pay",
        by="ask",
        granted={"status": "granted"},
        argument="amount",
        above=10,
        up_to="amount",
    )
    yes, no = {"status": "granted", "amount": 50}, {"status": "pending", "amount": 50}
    assert broken(rule, call("pay", amount=10)) == []
    assert broken(rule, call("pay", amount=11)) == [0]
    assert broken(rule, call("ask", yes), call("pay", amount=50), call("pay", amount=51)) == [2]
    assert broken(rule, call("ask", no), call("pay", amount=20)) == [1]
    assert broken(rule, call("ask", yes, status="error"), call("pay", amount=20)) == [1]


def test_budgets_name_the_first_step_beyond():
    steps = [call("a") for _ in range(5)]
    assert broken(Budget(calls=5, steps=5), *steps) == []
    assert broken(Budget(calls=3), *steps) == [3]
    assert broken(Budget(steps=4), *steps) == [4]
    spent = Step("chat", "", usage=Usage(90, output_tokens=20, cost_usd=0.2))
    assert broken(Budget(tokens=100), spent) == [None]
    assert broken(Budget(tokens=110, cost_usd=0.2), spent) == []
    assert broken(Budget(cost_usd=0.1), spent) == [None]
    slow = [Step("chat", "", start_ns=at * 10**9, end_ns=(at + 1) * 10**9) for at in range(4)]
    whole = Step("invoke_agent", "", start_ns=0, end_ns=4 * 10**9)
    assert broken(Budget(seconds=2), whole, *slow) == [3]
    assert broken(Budget(seconds=3), whole, *slow[:2]) == [0]


def test_a_step_that_begins_after_the_limit_breaches_it_though_its_end_is_not_recorded():
    steps = [Step("chat", "", start_ns=0, end_ns=10**9), Step("chat", "", start_ns=20 * 10**9)]
    assert broken(Budget(seconds=15), *steps) == [1]
    assert broken(Budget(seconds=20), *steps) == []
    found = Policy("p", (Budget(seconds=15),)).check([Run("x", run_id="r", steps=steps[1:])])
    assert found["severity"].tolist() == ["warning"]


@pytest.mark.parametrize("flag", ["demo", "copied_context"])
def test_what_a_demo_or_copied_context_shows_is_no_act_of_the_run(flag):
    def shown(step):
        return replace(step, flags=frozenset({flag}), start_ns=0, end_ns=10**9)

    mail = call("send", body="Write to ann@example.org")
    asked = Step("chat", "", [Part("out", "assistant", "tool_call", name="send", arguments={})])
    shown_steps = [shown(each) for each in (mail, asked, call("send"), Step("wb.input", ""))]
    own = [replace(call("look"), start_ns=9 * 10**9, end_ns=10**10)] * 2
    for rule in (
        AllowedTools(tools=["look"]),
        Secrecy(tool="send"),
        Autonomy(tools=["send"], most=0),
        Budget(steps=2, calls=2, seconds=1),
        Approval(tool="send", by="ask"),
    ):
        assert broken(rule, *shown_steps, *own) == []
    assert broken(Budget(steps=1, calls=1), *shown_steps, *own) == [5, 5]
    assert broken(Autonomy(tools=["look"], most=1), own[0], shown_steps[3], own[0]) == [2]
    # what was approved elsewhere is not approved here
    granted = shown(call("ask"))
    assert broken(Approval(tool="send", by="ask"), granted, call("send")) == [1]


def test_a_figure_that_only_a_demo_lacks_is_known():
    silent = Step("chat", "", usage=Usage(1), flags=frozenset({"demo"}))
    spent = Step("chat", "", usage=Usage(1, output_tokens=1, cost_usd=0.1))
    assert broken(Budget(tokens=5, cost_usd=1), silent, spent) == []


def test_what_must_not_leave_is_named_by_its_kind_and_never_repeated():
    rule = Secrecy(tool="send", argument="body", unless={"to": "owner"}, patterns=[r"\bsecret\b"])
    steps = [
        call("send", body="Write to ann@example.org", to="owner"),
        call("send", body="Write to ann@example.org", to="eve"),
        call("send", body="the secret", to="eve"),
        call("send", body="nothing of the kind", to="eve"),
    ]
    assert broken(rule, *steps) == [1, 2]
    found = Policy("p", (rule,)).check([Run("x", run_id="r", steps=steps)])
    assert found["evidence"].tolist() == ["send lets out email", r"send lets out /\bsecret\b/"]


def test_how_much_an_agent_may_do_between_two_words_of_a_person():
    rule = Autonomy(tools=["write"], most=2, people=["ask"])
    write = call("write")
    assert broken(rule, write, write, call("ask"), write, write) == []
    assert broken(rule, write, write, write, write, Step("wb.input", ""), write) == [2]


def test_findings_are_those_of_the_table():
    policy = Policy("p", (AllowedTools(tools=[], name="none at all"),))
    found = policy.check([Run("x", run_id="r", steps=[call("a")])])
    FINDINGS.check(
        found[["check", "subject", "severity", "value", "limit", "evidence", "n"]], source="it"
    )
    assert found["check"].tolist() == ["policy.none at all"]
    assert policy.check([]).empty


def test_a_policy_is_read_from_a_file(tmp_path):
    place = tmp_path / "policy.yaml"
    place.write_text(
        "name: mine\nrules:\n- {rule: allowed_tools, tools: [a]}\n- {rule: budget, calls: 3}\n"
    )
    assert Policy.read(place) == Policy("mine", (AllowedTools(tools=["a"]), Budget(calls=3)))


def test_every_planted_violation_of_the_claims_agent_is_found_and_nothing_else(root):
    folder = root / "datasets" / "claims-agent"
    found = Policy.read(folder / "policy.yaml").check(read(folder / "runs.jsonl.gz"))
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    planted = {
        (run["run_id"], f"policy.{each['rule']}", each["step"])
        for run in truth
        for each in run["violations"]
    }
    assert len(planted) == 82
    assert set(found[["run_id", "check", "step"]].itertuples(index=False, name=None)) == planted


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("- 1", BadValue, "a policy must be YAML with a name and a list of rules, but {} is not; look at the policy of the set claims-agent."),
        ("rules: [{tools: [a]}]", BadKind, "rule 1 of {} must say its kind as `rule`, but \"{{'tools': ['a']}}\" came; add it."),
        ("rules: [{rule: alowed_tools}]", UnknownName, "the kind of rule 1 of {} must be one of 'allowed_tools', 'allowed_arguments', 'required_order', 'approval', 'budget', 'secrecy', 'autonomy', but 'alowed_tools' came; did you mean 'allowed_tools'?"),
        ("rules: [{rule: budget, call: 3}]", UnknownName, "a member of rule 1 of {} must be one of 'name', 'steps', 'calls', 'tokens', 'cost_usd', 'seconds', but 'call' came; did you mean 'calls'?"),
        ("rules: [{rule: allowed_tools}]", BadValue, "rule 1 of {} must have all its members, but missing 1 required keyword-only argument: 'tools'."),
        ("rules: [!!python/object:os.system {}]", BadValue, "a policy must be YAML with a name and a list of rules, but {} is not; look at the policy of the set claims-agent."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_policy(tmp_path, text, kind, message):
    place = tmp_path / "policy.yaml"
    place.write_text(text)
    with pytest.raises(kind) as caught:
        Policy.read(place)
    assert str(caught.value) == message.format(place)


def test_a_policy_that_is_not_there(tmp_path):
    with pytest.raises(Unreadable):
        Policy.read(tmp_path / "none.yaml")


def test_every_kind_of_rule_says_what_it_does():
    for name, kind in RULES.items():
        assert re.match(r"[A-Z].+\.", kind.__doc__), name


def evidence(rule, *steps):
    return Policy("p", (rule,)).check(Run("x", run_id="r", steps=list(steps)))["evidence"].tolist()


def raw(tool, text):
    """Return a call whose arguments are a text that could not be read, or no object."""
    part = Part("in", "assistant", "tool_call", text, tool, arguments_valid=False)
    return Step(
        "execute_tool", "", [part, Part("out", "tool", "tool_call_response", "ok")], tool=tool
    )


def test_one_run_alone_was_iterated_over_and_crashed():
    run = Run("x", run_id="r", steps=[call("b")])
    assert Policy("p", (AllowedTools(tools=["a"]),)).check(run)["subject"].tolist() == ["r#0"]


def test_calls_that_no_step_ran_were_allowed():
    asked = Part("out", "assistant", "tool_call", name="remove", call_id="1", arguments={})
    hosted = Part("out", "assistant", "server_tool_call", name="web_search", call_id="2")
    steps = [call("look"), Step("chat", "", [asked]), Step("chat", "", [hosted])]
    assert broken(AllowedTools(tools=["look"]), *steps) == [1, 2]
    assert broken(Autonomy(tools=["remove", "web_search"], most=1), *steps) == [2]
    assert broken(Budget(calls=2), *steps) == [2]


def test_a_limit_that_no_answer_states_let_everything_pass():
    told = {"tool": "policy", "member": "limit", "same": ["number"]}
    rule = AllowedArguments(tool="pay", argument="amount", at_most_result=told)
    assert evidence(rule, call("pay", number=3, amount=5)) == [
        "no answer states the limit of amount=5"
    ]
    assert evidence(rule, call("policy", {"limit": "many"}), call("pay", amount=5)) == [
        "no answer states the limit of amount=5"
    ]
    # an answer and a call that both lack the number do not belong together
    assert broken(rule, call("policy", {"limit": 9}), call("pay", amount=5)) == [1]
    both = AllowedArguments(tool="pay", argument="amount", at_most=10, at_most_result=told)
    assert broken(both, call("pay", number=3, amount=10), call("pay", number=3, amount=11)) == [1]
    stated = call("policy", {"number": 3, "limit": 7})
    assert broken(both, stated, call("pay", number=3, amount=8)) == [1]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400, True, "5"])
def test_what_is_no_finite_number_was_within_limits(value):
    rule = AllowedArguments(tool="pay", argument="amount", at_least=0, at_most=10)
    assert broken(rule, call("pay", amount=value))[:1] == [0]
    approved = Approval(tool="pay", by="ask", argument="amount", up_to="amount")
    assert broken(approved, call("ask", {"amount": 5}), call("pay", amount=value)) == [1]


def test_true_was_one_of_the_numbers_and_a_missing_text_matched_a_word():
    rule = AllowedArguments(tool="pay", argument="n", one_of=[1, None])
    assert broken(rule, call("pay", n=True), call("pay", n=1.0), call("pay")) == [0]
    rule = AllowedArguments(tool="pay", argument="n", matches=r"\w+")
    assert broken(rule, call("pay"), call("pay", n="None"), call("pay", n=["a"])) == [0, 2]


def test_a_budget_took_what_is_not_recorded_for_nothing():
    found = Policy("p", (Budget(tokens=5, cost_usd=0.1, seconds=1),)).check(
        Run("x", run_id="r", steps=[Step("chat", "", usage=Usage(2))])
    )
    assert found["severity"].tolist() == ["warning"] * 3
    assert found["evidence"].tolist() == [
        "the tokens are not recorded, so their budget cannot be checked",
        "the dollars are not recorded, so their budget cannot be checked",
        "the seconds are not recorded, so their budget cannot be checked",
    ]
    spent = Policy("p", (Budget(tokens=5),)).check(
        Run("x", run_id="r", steps=[Step("chat", "", usage=Usage(6))])
    )
    assert spent["severity"].tolist() == ["error"]


def test_some_steps_without_tokens_were_within_the_budget():
    told, silent = Step("chat", "", usage=Usage(1, output_tokens=1)), Step("chat", "")
    assert evidence(Budget(tokens=5), told) == []
    assert evidence(Budget(tokens=5), told, silent) == [
        "the tokens are not recorded, so their budget cannot be checked"
    ]
    # a step repeats what stands below it, and a call that failed may have taken nothing
    assert evidence(Budget(tokens=5), silent, Step("chat", "", parent=0, usage=told.usage)) == []
    assert evidence(Budget(tokens=5), told, Step("chat", "", status="error")) == []


def test_one_approval_served_every_later_call():
    rule = Approval(tool="pay", by="ask", same=["claim"])
    assert broken(
        rule,
        call("ask", "yes", claim="A"),
        call("pay", claim="A"),
        call("pay", claim="B"),
        call("pay"),
    ) == [2, 3]
    # what the answer says counts before what was asked
    assert broken(rule, call("ask", {"claim": "A"}, claim="B"), call("pay", claim="B")) == [1]


def test_an_approval_is_joined_to_the_request_that_names_the_claim():
    rule = Approval(
        tool="pay", by="status", granted={"status": "granted"}, same=["claim"],
        request={"tool": "request", "same": ["id"]},
    )  # fmt: skip
    granted = {"status": "granted"}
    steps = [
        call("request", {"id": 1}, claim="A"),
        call("request", {"id": 2}, claim="B"),
        call("status", granted, id=2),
    ]
    assert broken(rule, *steps, call("pay", claim="B")) == []
    assert broken(rule, *steps, call("pay", claim="A")) == [3]
    assert broken(rule, *steps[1:], call("status", granted, id=3), call("pay", claim="C")) == [3]
    assert broken(rule, steps[2], *steps[:2], call("pay", claim="B")) == [3]


@pytest.mark.parametrize(
    "value",
    [
        "SSN:\n078-05-1120", {"deep": ["078-05-1120"]}, {"078-05-1120": 1},
        json.dumps({"b": "SSN:\n078-05-1120"}), "4111 1111 1111 1111 12/27", 4111111111111111,
    ],
)  # fmt: skip
@pytest.mark.parametrize("argument", [None, "body"])
def test_what_json_hides_left_by_a_tool(value, argument):
    rule = Secrecy(tool="mail", argument=argument)
    assert broken(rule, call("mail", body=value)) == [0]


@pytest.mark.parametrize(
    "text",
    ['{"body": "078-05-1120"', '["078-05-1120"]', '{"body": "SSN:\\n078-05-1120', "078-05-1120"],
)
@pytest.mark.parametrize("argument", [None, "body"])
def test_arguments_that_are_no_object_left_by_a_tool(text, argument):
    rule = Secrecy(tool="mail", argument=argument, unless={"to": None})
    assert broken(Secrecy(tool="mail", argument=argument), raw("mail", text)) == [0]
    assert broken(rule, raw("mail", text)) == [0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{rule: allowed_tools, tools: pay_x}", "`tools` of AllowedTools must be a list of texts, but 'pay_x' came; mend the policy."),
        ("{rule: allowed_tools, tools: [a], name: 5}", "`name` of AllowedTools must be a text, but 5 came; mend the policy."),
        ("{rule: required_order, tool: pay, after: check}", "`after` of RequiredOrder must be a list of texts, but 'check' came; mend the policy."),
        ("{rule: required_order, tool: pay}", "RequiredOrder must have one of after, after_any, but has none; add one."),
        ("{rule: allowed_arguments, tool: pay, argument: a, at_most: '5'}", "`at_most` of AllowedArguments must be a finite number, but '5' came; mend the policy."),
        ("{rule: allowed_arguments, tool: pay, argument: a, at_most: .nan}", "`at_most` of AllowedArguments must be a finite number, but nan came; mend the policy."),
        ("{rule: allowed_arguments, tool: pay, argument: a, matches: '('}", "`matches` of AllowedArguments must be a regular expression, but '(' came; mend the policy."),
        ("{rule: allowed_arguments, tool: pay, argument: a, at_most_result: {tool: x}}", "`at_most_result` of AllowedArguments must be an object of tool, member and perhaps same, a list of texts, but {'tool': 'x'} came; mend the policy."),
        ("{rule: allowed_arguments, tool: pay, argument: a}", "AllowedArguments must have one of at_least, at_most, one_of, matches, at_most_result, but has none; add one."),
        ("{rule: approval, tool: pay, by: ask, request: {tool: x}}", "`request` of Approval must be an object of tool and same, a list of texts, but {'tool': 'x'} came; mend the policy."),
        ("{rule: approval, tool: pay, by: ask, up_to: n}", "Approval must have one of argument, but has none; add one."),
        ("{rule: budget, calls: -1}", "`calls` of Budget must be a whole number from 0, but -1 came; mend the policy."),
        ("{rule: budget}", "Budget must have one of steps, calls, tokens, cost_usd, seconds, but has none; add one."),
        ("{rule: secrecy, tool: pay, patterns: ['(']}", "`patterns` of Secrecy must be a list of regular expressions, but ['('] came; mend the policy."),
        ("{rule: secrecy, tool: pay, kinds: [mail]}", "`kinds` of Secrecy must be a list of email, card, iban, phone, ssn, ip, key, password, but ['mail'] came; mend the policy."),
        ("{rule: autonomy, tools: [a], most: 1.5}", "`most` of Autonomy must be a whole number from 0, but 1.5 came; mend the policy."),
    ],
)  # fmt: skip
def test_a_member_of_the_wrong_kind_was_taken(tmp_path, text, message):
    place = tmp_path / "policy.yaml"
    place.write_text(f"rules: [{text}]")
    with pytest.raises((BadKind, BadValue)) as caught:
        Policy.read(place)
    assert str(caught.value) == f"rule 1 of {place} cannot be used: {message}"


def test_a_kind_of_rule_that_is_a_list_was_a_raw_error(tmp_path):
    place = tmp_path / "policy.yaml"
    place.write_text("rules: [{rule: [x]}]")
    with pytest.raises(UnknownName) as caught:
        Policy.read(place)
    assert str(caught.value).startswith(
        f"the kind of rule 1 of {place} must be one of 'allowed_tools'"
    )


def test_a_rule_that_stands_twice_by_an_anchor_lost_its_kind(tmp_path):
    place = tmp_path / "policy.yaml"
    place.write_text("rules: [&a {rule: budget, calls: 3}, *a]")
    assert Policy.read(place).rules == (Budget(calls=3),) * 2
