"""The policy in whole runs: verdicts, exit codes, outputs and annotations, safe from the pull request."""

from __future__ import annotations

import json
from typing import Any

from tests.support.action_runs import LIBRARY, TREE, act, act_in, comments, flops, left_behind
from tests.support.github_server import Fault
from tests.support.pull_request import PullRequestFixture

from model_complexity.report import BudgetCheck, Measurement

PATH = ".github/model-complexity.yml"
WIDER = {"configs/large.py": "# A comment.\n_base_ = './_base_/net.py'\n\nmodel = dict(channels=16)\n"}
"""2,560 flops and 40 params become 5,120 and 80; the model is on line 4."""
BAD = "shapes: 8\nbudgets:\n  - metric: flops\n    max: 5g\n"


def budgets(*rules: str, more: str = "") -> dict[str, str | None]:
    return {PATH: "budgets:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules) + more}


def states(pull_request: PullRequestFixture) -> list[tuple[str, str, str]]:
    checks: tuple[BudgetCheck, ...] = left_behind(pull_request)[0].budgets
    return [(check.metric, check.limit, check.state) for check in checks]


def annotated(log: str) -> list[str]:
    return [line for line in log.splitlines() if line.startswith(("::error", "::warning"))]


def verdict(pull_request: PullRequestFixture) -> str:
    report, outputs, _ = left_behind(pull_request)
    assert outputs["verdict"] == report.verdict
    return report.verdict


def test_verdict_is_pass_when_budgets_are_ok_or_near(pull_request: PullRequestFixture) -> None:
    pull_request.main(
        "A policy", budgets("metric: flops, max: 5.12K", "metric: params, max: 1K", "metric: flops, max-increase: 100%")
    )
    pull_request.push("Wider", WIDER)
    status, log = act(pull_request)
    assert (status, verdict(pull_request), annotated(log)) == (0, "pass", [])
    assert states(pull_request) == [("flops", "5.12K", "near"), ("params", "1K", "ok"), ("flops", "100%", "ok")]


def test_exceeded_budget_fails_the_step_and_is_annotated_on_the_line_of_the_model(
    pull_request: PullRequestFixture,
) -> None:
    pull_request.main(
        "A policy", budgets("metric: flops, max: 5119", "metric: params, max-increase: 99.9%, level: warn")
    )
    pull_request.push("Wider", WIDER)
    status, log = act(pull_request)
    assert (status, verdict(pull_request)) == (1, "fail")
    where, shape = "title=Budget exceeded,file=configs/large.py,line=4", "At (3, 8, 8)"
    assert annotated(log) == [
        f"::error {where}::{shape}: 5.12K FLOPs, 1 over the limit of 5119.",
        f"::warning {where}::{shape}: 80 params, 1 over the 79 that an increase of 99.9%25 allows.",
    ]
    report, outputs, summary = left_behind(pull_request)
    assert report.policy == "applied"
    assert (outputs["flops-delta"], outputs["params-delta"]) == ("100.0000", "100.0000")
    (result,) = json.loads(outputs["results"])["results"]
    assert (result["verdict"], result["exceeded"]) == ("fail", ["flops max 5119", "params max-increase 99.9%"])
    assert "5.12K" in summary, "exit code 1 comes after everything was published"
    assert len(comments(pull_request)) == 1


def test_deployed_form_is_measured_when_policy_or_input_enables_it(
    pull_request: PullRequestFixture,
) -> None:
    library = f"{LIBRARY}\n    def switch_to_deploy(self):\n        self[1] = nn.Identity()\n"
    pull_request.main("A policy", {PATH: "deploy: true\n", "nets.py": library})
    pull_request.push("Wider", WIDER)
    assert act(pull_request)[0] == 0
    deployed = "3.072K (+1.536K, +100.00\N{NO-BREAK SPACE}%)"
    assert f"| `large.py`, deployed | {deployed} |" in comments(pull_request)[0]
    (head,) = (entry.head for entry in left_behind(pull_request)[0].entries)
    assert isinstance(head, Measurement)
    assert head.deployed
    assert (head.figures["flops"], head.deployed.figures["flops"]) == (flops(16), 64 * 3 * 16)
    assert act(pull_request, deploy="false")[0] == 0
    assert ", deployed |" not in comments(pull_request)[0]


def test_step_passes_when_a_warn_budget_is_exceeded(pull_request: PullRequestFixture) -> None:
    pull_request.main("A policy", budgets("metric: flops, max: 1, level: warn"))
    pull_request.push("Wider", WIDER)
    status, log = act(pull_request)
    assert (status, verdict(pull_request), [line.split()[0] for line in annotated(log)]) == (0, "warn", ["::warning"])


def test_step_passes_when_the_merge_base_exceeds_the_budget_already(pull_request: PullRequestFixture) -> None:
    pull_request.main("A policy", budgets("metric: flops, max: 1K"))
    pull_request.push("A word", {"configs/large.py": TREE["configs/large.py"] + "# a word\n"})
    status, log = act(pull_request)
    assert (status, verdict(pull_request), annotated(log), states(pull_request)) == (
        0,
        "pass",
        [],
        [("flops", "1K", "already_exceeded")],
    )
    pull_request.push("Narrower", {"configs/large.py": WIDER["configs/large.py"].replace("16", "7")})
    assert (act(pull_request)[0], states(pull_request)) == (0, [("flops", "1K", "already_exceeded")])
    pull_request.push("Wider", {"configs/large.py": WIDER["configs/large.py"].replace("16", "9")})
    assert (act(pull_request)[0], states(pull_request)) == (1, [("flops", "1K", "exceeded")])


def test_exceeded_budget_is_ignored_with_its_reason(pull_request: PullRequestFixture) -> None:
    pull_request.main(
        "A policy", budgets("metric: flops, max: 1", more="ignore: [{configs: configs/large.py, reason: A teacher.}]")
    )
    pull_request.push("Wider", WIDER)
    status, log = act(pull_request)
    assert (status, verdict(pull_request), annotated(log)) == (0, "pass", [])
    assert [(check.state, check.reason) for check in left_behind(pull_request)[0].budgets] == [
        ("ignored", "A teacher.")
    ]


def test_failing_config_exceeds_no_budget(pull_request: PullRequestFixture) -> None:
    pull_request.main("A policy", budgets("metric: flops, max: 1"))
    pull_request.push("A syntax error", {"configs/large.py": "model = (\n"})
    status, log = act(pull_request)
    assert (status, verdict(pull_request), states(pull_request)) == (0, "pass", [])
    warnings = annotated(log)
    assert warnings[0].startswith(
        "::warning title=Measurement failed,file=configs/large.py,line=1::Failed at (3, 8, 8) (config_syntax): "
    )
    assert act(pull_request, fail_on_error="true")[0] == 1


def test_base_policy_applies_when_the_pull_request_changes_it(pull_request: PullRequestFixture) -> None:
    pull_request.main("A policy", budgets("metric: flops, max: 1K"))
    for files in (budgets("metric: flops, max: 1T"), {PATH: None}, budgets("metric: flops, max: 1T")):
        pull_request.push("Wider, and allowed", {**WIDER, **files})
        status, log = act(pull_request)
        assert (status, verdict(pull_request), states(pull_request)) == (1, "fail", [("flops", "1K", "exceeded")])
        assert "This pull request changes the policy. The base branch's policy applies." in log
        assert "> This pull request changes the policy. The base branch's policy applies." in comments(pull_request)[0]


def test_base_policy_applies_when_the_merge_base_has_none(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", WIDER)
    pull_request.main("A policy", budgets("metric: flops, max: 1K"))
    pull_request.git(pull_request.clone, "checkout", "--quiet", "feature")
    status, log = act(pull_request)
    assert (status, verdict(pull_request)) == (1, "fail")
    assert "changes the policy" not in log


def test_base_policy_applies_when_the_base_is_not_in_the_checkout(pull_request: PullRequestFixture) -> None:
    """The tip of main is one commit further than what can be fetched: its policy comes from the API."""
    pull_request.push("Wider, and allowed", {**WIDER, **budgets("metric: flops, max: 1T")})
    pull_request.main("A policy", {**budgets("metric: flops, max: 1K")})
    assert pull_request.pull
    pull_request.pull.files = [{"filename": "configs/large.py", "status": "modified"}]
    merge = pull_request.pull.head_sha  # the trial merge does not matter here, and this one would have a conflict
    workspace, _ = pull_request.checkout(depth=1, ref=merge)
    status, log = act_in(pull_request, workspace, merge, environment={"GITHUB_SERVER_URL": "http://127.0.0.1:1"})
    assert [e.path for e in pull_request.server.state.exchanges if "/contents/" in e.path] != [], log
    assert (status, verdict(pull_request), states(pull_request)) == (1, "fail", [("flops", "1K", "exceeded")])


def test_verdict_is_unknown_when_the_policy_is_unavailable(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", WIDER)
    assert pull_request.pull
    pull_request.pull.base_sha = pull_request.main("Later", {"README.md": "Later.\n"})
    workspace, sha = pull_request.checkout(depth=1, ref=pull_request.pull.head_sha)
    pull_request.server.state.faults.append(Fault("GET", "primary-limit", path="/contents/", wait=3_600))
    status, log = act_in(pull_request, workspace, sha)
    assert (status, verdict(pull_request), left_behind(pull_request)[0].policy) == (0, "unknown", "not_applied")
    assert "the file is unavailable: GitHub's rate limit is used up" in log


def test_added_policy_does_not_apply_before_it_is_merged(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider, and a policy", {**WIDER, **budgets("metric: flops, max: 1K")})
    status, log = act(pull_request)
    assert (status, verdict(pull_request), states(pull_request)) == (0, "pass", [])
    assert "::warning::This pull request adds a policy. It applies once it is merged." in log


def test_verdict_is_unknown_when_the_base_policy_is_invalid(pull_request: PullRequestFixture) -> None:
    pull_request.main("A slip", {PATH: BAD})
    pull_request.push("Wider", WIDER)
    status, log = act(pull_request)
    report = left_behind(pull_request)[0]
    assert (status, verdict(pull_request), report.policy, report.budgets) == (0, "unknown", "not_applied", ())
    assert [entry.shape for entry in report.entries] == [(3, 8, 8)]
    where = (
        f"::warning title=Model Complexity policy,file={PATH},line=4::line 4, column 10: budgets[0].max: '5g' is not "
    )
    assert any(line.startswith(where) for line in annotated(log)), log
    note = "> The base branch's policy `.github/model-complexity.yml` cannot be read: `line 4, column 10: budgets[0].max: '5g' "
    assert note in comments(pull_request)[0]
    assert "Did you mean 5G?" in comments(pull_request)[0]

    pull_request.push("Fixed", {PATH: BAD.replace("5g", "5G")})
    status, log = act(pull_request)
    assert (status, [line for line in annotated(log) if line.startswith("::error")]) == (0, [])


def test_invalid_change_is_annotated_as_an_error_on_its_line(pull_request: PullRequestFixture) -> None:
    pull_request.main("A policy", budgets("metric: flops, max: 1T"))
    pull_request.push("A slip", {**WIDER, PATH: BAD})
    status, log = act(pull_request)
    assert (status, verdict(pull_request), states(pull_request)) == (0, "pass", [("flops", "1T", "ok")])
    (error,) = [line for line in annotated(log) if line.startswith("::error")]
    assert error.startswith(
        f"::error title=Model Complexity policy,file={PATH},line=4::line 4, column 10: budgets[0].max: "
    )
    assert "The changed policy cannot be read: `line 4, column 10: budgets[0].max: '5g'" in comments(pull_request)[0]


def test_linked_policy_is_not_followed(pull_request: PullRequestFixture) -> None:
    (pull_request.clone / ".github").mkdir()
    (pull_request.clone / PATH).symlink_to("../README.md")
    pull_request.main("A link", {"README.md": "budgets: []\n"})
    pull_request.push("Wider", WIDER)
    status, log = act(pull_request)
    assert (status, verdict(pull_request), left_behind(pull_request)[0].policy) == (0, "unknown", "not_applied")
    assert "the file is not a regular file" in log


def shapes_measured(pull_request: PullRequestFixture) -> dict[str, list[Any]]:
    shapes: dict[str, list[Any]] = {}
    for entry in left_behind(pull_request)[0].entries:
        shapes.setdefault(entry.target.name, []).append(entry.shape)
    return shapes


def test_policy_sets_shapes_and_excludes_configs(pull_request: PullRequestFixture) -> None:
    rules = "exclude: configs/skip.py\nshapes: 8\nshapes-for: [{configs: configs/large.py, shapes: [16, 8x16]}]\nmax-configs: 2\n"
    pull_request.main("A policy", {PATH: rules, "configs/skip.py": TREE["configs/small.py"]})
    touched = {name: TREE[name] + "# touched\n" for name in ("configs/large.py", "configs/small.py")}
    pull_request.push(
        "Touched", {**touched, "configs/skip.py": TREE["configs/small.py"] + "# touched\n", "configs/x.py": "#\n"}
    )
    act(pull_request, shapes="")
    assert shapes_measured(pull_request) == {
        "configs/large.py": [(3, 16, 16), (3, 8, 16)],
        "configs/small.py": [(3, 8, 8)],
    }
    (cut,) = left_behind(pull_request)[0].not_measured
    assert cut.name == "configs/x.py"
    entry = left_behind(pull_request)[0].entries[1]
    assert isinstance(entry.head, Measurement)
    assert isinstance(entry.base, Measurement)
    assert entry.head.figures["flops"] == entry.base.figures["flops"] == 2 * flops(8)

    act(pull_request, shapes="4", max_configs="1", configs="configs/*l.py")
    assert shapes_measured(pull_request) == {"configs/small.py": [(3, 4, 4)]}


def test_manual_run_uses_the_policy_of_its_commit_and_inputs_override_it(
    pull_request: PullRequestFixture,
) -> None:
    rules = "exclude: configs/large.py\nshapes: 16\nbudgets: [{metric: flops, max: 2K}]\n"
    pull_request.main("A policy", {PATH: rules})
    payload = pull_request.dispatch({"configs": "configs/*.py", "shapes": "8"})
    status, _ = act(pull_request, "workflow_dispatch", payload, shapes="")
    assert shapes_measured(pull_request) == {"configs/large.py": [(3, 8, 8)], "configs/small.py": [(3, 8, 8)]}
    assert (status, states(pull_request)) == (1, [("flops", "2K", "exceeded"), ("flops", "2K", "ok")])
    assert left_behind(pull_request)[1]["flops-delta"] == ""


def test_max_increase_is_skipped_with_a_note_when_not_comparable(pull_request: PullRequestFixture) -> None:
    pull_request.main("A policy", budgets("metric: flops, max-increase: 0%", "metric: params, max-increase: 0%"))
    other = LIBRARY.replace("        super", "        self.extract_feat = self.forward\n        super", 1)
    other = LIBRARY + "\n    def extract_feat(self, x):\n        return self[0](x)\n"
    pull_request.push("Features only", {**WIDER, "nets.py": other})
    status, log = act(pull_request)
    assert (status, states(pull_request)) == (1, [("params", "0%", "exceeded")])
    assert (
        "> `max-increase` on flops was skipped once: head and base have different entry points"
        in comments(pull_request)[0]
    )
    assert log.count("::error") == 1
