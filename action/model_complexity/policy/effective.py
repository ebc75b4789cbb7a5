"""Which policy stands: the base's. The pull request's own is only looked at, so that its author learns what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from model_complexity.escape import code
from model_complexity.policy import PATH, Policy, PolicyError, PolicyIssue, parse_policy

_EMPTY: Final = Policy()
_HOW: Final = "docs/policy.md of Model Complexity says what each field takes."


@dataclass(frozen=True)
class PolicyFile:
    """The policy file at one commit: its content (None: there is no such file), or why it cannot be had."""

    content: bytes | None
    error: str = ""

    def policy(self) -> Policy:
        """What it says; without a file, nothing.

        Raises:
            PolicyError: it is malformed, or cannot be had.
        """
        if self.error:
            raise PolicyError(PolicyIssue(1, 1, "", self.error))
        return _EMPTY if self.content is None else parse_policy(self.content)


@dataclass(frozen=True)
class EffectivePolicy:
    """The policy of a run, and what is to be said about it.

    ``status`` is ``not_applied`` where there is one that cannot be read: an empty one is in its place. ``notes`` are Markdown;
    ``base_issues`` and ``head_issues`` are what is wrong with either side's file (head's only where the pull request changes it).
    """

    policy: Policy = _EMPTY
    status: Literal["none", "applied", "not_applied"] = "none"
    notes: tuple[str, ...] = ()
    base_issues: tuple[PolicyIssue, ...] = ()
    head_issues: tuple[PolicyIssue, ...] = ()


def effective_policy(base: PolicyFile, head: PolicyFile, before: PolicyFile) -> EffectivePolicy:
    """Decides which policy stands.

    Args:
        base: the file at the commit whose policy applies, the tip of the base branch.
        head: the file as the pull request leaves it.
        before: the file where the pull request began: it changes the policy where ``head`` differs from this, and from ``base``.
    """
    head_issues = _faults(head) if head not in (before, base) else ()
    notes = _of_change(base, head_issues) if head not in (before, base) else ()
    base_issues = _faults(base)
    if base_issues:
        return EffectivePolicy(_EMPTY, "not_applied", (*notes, _of_fault(base_issues[0])), base_issues, head_issues)
    return EffectivePolicy(base.policy(), "none" if base.content is None else "applied", notes, (), head_issues)


def _faults(version: PolicyFile) -> tuple[PolicyIssue, ...]:
    try:
        version.policy()
    except PolicyError as error:
        return error.issues
    return ()


def _of_change(base: PolicyFile, head_issues: tuple[PolicyIssue, ...]) -> tuple[str, ...]:
    if base.content is None and not base.error:
        note = "This pull request has a policy that the base has not; it applies once it is merged."
    else:
        note = "This pull request changes the policy; the base's was applied."
    if head_issues:
        note += f" Its own cannot be read: {code(str(head_issues[0]), 300)}"
    return (note,)


def _of_fault(issue: PolicyIssue) -> str:
    return (
        f"The policy {code(PATH)} of the base cannot be read, so no budget was judged, and the action's inputs and defaults "
        f"apply: {code(str(issue), 300)}. Mend it in a pull request; {_HOW}"
    )
