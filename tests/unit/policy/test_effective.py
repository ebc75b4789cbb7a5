"""Which policy applies, and its notes."""

from __future__ import annotations

from model_complexity.policy.effective import EffectivePolicy, PolicyFile, effective_policy

NONE = PolicyFile(None)
GOOD, LOOSER = PolicyFile(b"jobs: 1\n"), PolicyFile(b"jobs: 2\n")
BAD = PolicyFile(b"budgets:\n  - metric: flops\n    max: `x|`\n")
UNAVAILABLE = PolicyFile(None, "the file is unavailable: no response")


def test_policy_is_empty_when_no_side_has_a_file() -> None:
    assert effective_policy(NONE, NONE, NONE) == EffectivePolicy()


def test_base_policy_applies() -> None:
    found = effective_policy(GOOD, GOOD, GOOD)
    assert (found.policy.jobs, found.status, found.notes) == (1, "applied", ())


def test_base_policy_applies_when_head_changes_the_file() -> None:
    for head in (LOOSER, NONE):
        found = effective_policy(GOOD, head, GOOD)
        assert (found.policy.jobs, found.status) == (1, "applied")
        assert found.notes == ("This pull request changes the policy. The base branch's policy applies.",)
    added = effective_policy(NONE, GOOD, NONE)
    assert (added.policy.jobs, added.status) == (None, "none")
    assert added.notes == ("This pull request adds a policy. It applies once it is merged.",)


def test_change_on_the_base_branch_is_no_change_of_the_pull_request() -> None:
    found = effective_policy(LOOSER, GOOD, GOOD)
    assert (found.policy.jobs, found.notes) == (2, ())
    assert effective_policy(NONE, NONE, GOOD) == EffectivePolicy(), "both sides removed it"
    assert effective_policy(BAD, BAD, GOOD).head_issues == (), "the same mistake, made on the base branch"


def test_head_issues_have_their_line_when_the_changed_policy_is_invalid() -> None:
    found = effective_policy(GOOD, BAD, GOOD)
    assert (found.status, found.base_issues, [issue.line for issue in found.head_issues]) == ("applied", (), [3])
    assert found.notes[0].startswith(
        "This pull request changes the policy. The base branch's policy applies. The changed policy cannot be read: "
    )


def test_policy_is_not_applied_when_the_base_file_is_invalid() -> None:
    found = effective_policy(BAD, BAD, BAD)
    assert (found.status, found.policy.budgets, found.head_issues, [issue.line for issue in found.base_issues]) == (
        "not_applied",
        (),
        (),
        [3],
    )
    (note,) = found.notes
    assert note.startswith(
        "The base branch's policy `.github/model-complexity.yml` cannot be read: ``line 3, column 10: "
    )
    assert note.endswith(
        "No budget is checked. The action's inputs and defaults apply. "
        "Fix it in a pull request. See docs/policy.md for the fields."
    )
    assert "the file is unavailable: no response" in effective_policy(UNAVAILABLE, GOOD, GOOD).notes[0]


def test_head_has_no_issues_when_it_fixes_the_base_file() -> None:
    found = effective_policy(BAD, GOOD, BAD)
    assert (found.status, found.head_issues, len(found.notes)) == ("not_applied", (), 2)
