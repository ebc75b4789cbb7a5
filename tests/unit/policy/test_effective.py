"""Which policy stands, and what is said about it."""

from __future__ import annotations

from model_complexity.policy.effective import Standing, Version, standing

NONE = Version(None)
GOOD, LOOSER = Version(b"jobs: 1\n"), Version(b"jobs: 2\n")
BAD = Version(b"budgets:\n  - figure: flops\n    max: `x|`\n")
AWAY = Version(None, "the file could not be had: no answer")


def test_without_a_policy_there_is_nothing_to_say() -> None:
    assert standing(NONE, NONE, NONE) == Standing()


def test_the_bases_stands() -> None:
    found = standing(GOOD, GOOD, GOOD)
    assert (found.policy.jobs, found.status, found.notes) == (1, "applied", ())


def test_a_pull_request_that_changes_it_does_not_change_its_own_run() -> None:
    for head in (LOOSER, NONE):
        found = standing(GOOD, head, GOOD)
        assert (found.policy.jobs, found.status) == (1, "applied")
        assert found.notes == ("This pull request changes the policy; the base's was applied.",)
    added = standing(NONE, GOOD, NONE)
    assert (added.policy.jobs, added.status) == (None, "none")
    assert added.notes == ("This pull request has a policy that the base has not; it applies once it is merged.",)


def test_what_main_has_changed_since_is_not_the_pull_requests_doing() -> None:
    found = standing(LOOSER, GOOD, GOOD)
    assert (found.policy.jobs, found.notes) == (2, ())
    assert standing(NONE, NONE, GOOD) == Standing(), "both have taken it away"
    assert standing(BAD, BAD, GOOD).of_head == (), "the same mistake, which is main's"


def test_an_edit_that_cannot_be_read_is_told_with_its_line() -> None:
    found = standing(GOOD, BAD, GOOD)
    assert (found.status, found.of_base, [fault.line for fault in found.of_head]) == ("applied", (), [3])
    assert found.notes[0].startswith(
        "This pull request changes the policy; the base's was applied. Its own cannot be read: "
    )


def test_a_base_that_cannot_be_read_is_told_and_stands_for_nothing() -> None:
    found = standing(BAD, BAD, BAD)
    assert (found.status, found.policy.budgets, found.of_head, [fault.line for fault in found.of_base]) == (
        "not_applied",
        (),
        (),
        [3],
    )
    (note,) = found.notes
    assert "`.github/model-complexity.yml` of the base cannot be read, so no budget was judged" in note
    assert "line 3, column 10" in note
    assert note.endswith("Mend it in a pull request; docs/policy.md of Model Complexity says what each field takes.")
    assert "the file could not be had: no answer" in standing(AWAY, GOOD, GOOD).notes[0]


def test_the_pull_request_that_mends_it_has_no_error() -> None:
    found = standing(BAD, GOOD, BAD)
    assert (found.status, found.of_head, len(found.notes)) == ("not_applied", (), 2)
