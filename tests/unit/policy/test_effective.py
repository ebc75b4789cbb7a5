"""Which policy stands, and what is said about it."""

from __future__ import annotations

from model_complexity.policy.effective import EffectivePolicy, PolicyFile, effective_policy

NONE = PolicyFile(None)
GOOD, LOOSER = PolicyFile(b"jobs: 1\n"), PolicyFile(b"jobs: 2\n")
BAD = PolicyFile(b"budgets:\n  - metric: flops\n    max: `x|`\n")
AWAY = PolicyFile(None, "the file could not be had: no answer")


def test_without_a_policy_there_is_nothing_to_say() -> None:
    assert effective_policy(NONE, NONE, NONE) == EffectivePolicy()


def test_the_bases_stands() -> None:
    found = effective_policy(GOOD, GOOD, GOOD)
    assert (found.policy.jobs, found.status, found.notes) == (1, "applied", ())


def test_a_pull_request_that_changes_it_does_not_change_its_own_run() -> None:
    for head in (LOOSER, NONE):
        found = effective_policy(GOOD, head, GOOD)
        assert (found.policy.jobs, found.status) == (1, "applied")
        assert found.notes == ("This pull request changes the policy; the base's was applied.",)
    added = effective_policy(NONE, GOOD, NONE)
    assert (added.policy.jobs, added.status) == (None, "none")
    assert added.notes == ("This pull request has a policy that the base has not; it applies once it is merged.",)


def test_what_main_has_changed_since_is_not_the_pull_requests_doing() -> None:
    found = effective_policy(LOOSER, GOOD, GOOD)
    assert (found.policy.jobs, found.notes) == (2, ())
    assert effective_policy(NONE, NONE, GOOD) == EffectivePolicy(), "both have taken it away"
    assert effective_policy(BAD, BAD, GOOD).head_issues == (), "the same mistake, which is main's"


def test_an_edit_that_cannot_be_read_is_told_with_its_line() -> None:
    found = effective_policy(GOOD, BAD, GOOD)
    assert (found.status, found.base_issues, [issue.line for issue in found.head_issues]) == ("applied", (), [3])
    assert found.notes[0].startswith(
        "This pull request changes the policy; the base's was applied. Its own cannot be read: "
    )


def test_a_base_that_cannot_be_read_is_told_and_stands_for_nothing() -> None:
    found = effective_policy(BAD, BAD, BAD)
    assert (found.status, found.policy.budgets, found.head_issues, [issue.line for issue in found.base_issues]) == (
        "not_applied",
        (),
        (),
        [3],
    )
    (note,) = found.notes
    assert "`.github/model-complexity.yml` of the base cannot be read, so no budget was judged" in note
    assert "line 3, column 10" in note
    assert note.endswith("Mend it in a pull request; docs/policy.md of Model Complexity says what each field takes.")
    assert "the file could not be had: no answer" in effective_policy(AWAY, GOOD, GOOD).notes[0]


def test_the_pull_request_that_mends_it_has_no_error() -> None:
    found = effective_policy(BAD, GOOD, BAD)
    assert (found.status, found.head_issues, len(found.notes)) == ("not_applied", (), 2)
