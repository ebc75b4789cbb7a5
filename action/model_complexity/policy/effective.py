"""Decide which policy applies: the base branch's. The pull request's own is parsed only to report its issues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from model_complexity.escape import code
from model_complexity.policy import PATH, Policy, PolicyError, PolicyIssue, parse_policy

_EMPTY: Final = Policy()
_ADVICE: Final = "Fix it in a pull request. See docs/policy.md for the fields."


@dataclass(frozen=True)
class PolicyFile:
    """The policy file at one commit: its content (None if there is no file), or the error that kept it from being read."""

    content: bytes | None
    error: str = ""

    def policy(self) -> Policy:
        """Parse the content; without a file, return an empty policy.

        Raises:
            PolicyError: the content is invalid or could not be read.
        """
        if self.error:
            raise PolicyError(PolicyIssue(1, 1, "", self.error))
        return _EMPTY if self.content is None else parse_policy(self.content)


@dataclass(frozen=True)
class EffectivePolicy:
    """The policy of a run, with notes in Markdown.

    If ``status`` is ``not_applied``, the base branch's policy cannot be read and ``policy`` is empty. ``base_issues`` and
    ``head_issues`` are the issues of either file, of head's only if the pull request changes it.
    """

    policy: Policy = _EMPTY
    status: Literal["none", "applied", "not_applied"] = "none"
    notes: tuple[str, ...] = ()
    base_issues: tuple[PolicyIssue, ...] = ()
    head_issues: tuple[PolicyIssue, ...] = ()


def effective_policy(base: PolicyFile, head: PolicyFile, merge_base: PolicyFile) -> EffectivePolicy:
    """Return the policy that applies.

    Args:
        base: the file at the tip of the base branch, whose policy applies.
        head: the file at head.
        merge_base: the file at the merge base. Head changes the policy if its file differs from this one and from ``base``.
    """
    changed = head not in (merge_base, base)
    head_issues = _issues(head) if changed else ()
    notes = (_change_note(base, head_issues),) if changed else ()
    base_issues = _issues(base)
    if base_issues:
        return EffectivePolicy(
            _EMPTY, "not_applied", (*notes, _unreadable_note(base_issues[0])), base_issues, head_issues
        )
    return EffectivePolicy(base.policy(), "none" if base.content is None else "applied", notes, (), head_issues)


def _issues(file: PolicyFile) -> tuple[PolicyIssue, ...]:
    try:
        file.policy()
    except PolicyError as error:
        return error.issues
    return ()


def _change_note(base: PolicyFile, head_issues: tuple[PolicyIssue, ...]) -> str:
    if base.content is None and not base.error:
        note = "This pull request adds a policy. It applies once it is merged."
    else:
        note = "This pull request changes the policy. The base branch's policy applies."
    if head_issues:
        note += f" The changed policy cannot be read: {code(str(head_issues[0]), 300)}"
    return note


def _unreadable_note(issue: PolicyIssue) -> str:
    return (
        f"The base branch's policy {code(PATH)} cannot be read: {code(str(issue), 300)}. No budget is checked. The "
        f"action's inputs and defaults apply. {_ADVICE}"
    )
