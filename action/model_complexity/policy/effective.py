"""Which policy stands: the base's. The pull request's own is only looked at, so that its author learns what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from model_complexity.escape import code
from model_complexity.policy import PATH, Fault, Policy, PolicyError, parse_policy

_EMPTY: Final = Policy()
_HOW: Final = "docs/policy.md of Model Complexity says what each field takes."


@dataclass(frozen=True)
class Version:
    """The policy file at one commit: its content (None: there is no such file), or why it cannot be had."""

    content: bytes | None
    obstacle: str = ""

    def policy(self) -> Policy:
        """What it says; without a file, nothing.

        Raises:
            PolicyError: it is malformed, or cannot be had.
        """
        if self.obstacle:
            raise PolicyError(Fault(1, 1, "", self.obstacle))
        return _EMPTY if self.content is None else parse_policy(self.content)


@dataclass(frozen=True)
class Standing:
    """The policy of a run, and what is to be said about it.

    ``status`` is ``not_applied`` where there is one that cannot be read: an empty one is in its place. ``notes`` are Markdown;
    ``of_base`` and ``of_head`` are what is wrong with either side's file (head's only where the pull request changes it).
    """

    policy: Policy = _EMPTY
    status: Literal["none", "applied", "not_applied"] = "none"
    notes: tuple[str, ...] = ()
    of_base: tuple[Fault, ...] = ()
    of_head: tuple[Fault, ...] = ()


def standing(base: Version, head: Version, before: Version) -> Standing:
    """Decides which policy stands.

    Args:
        base: the file at the commit whose policy applies, the tip of the base branch.
        head: the file as the pull request leaves it.
        before: the file where the pull request began: it changes the policy where ``head`` differs from this, and from ``base``.
    """
    of_head = _faults(head) if head not in (before, base) else ()
    notes = _of_change(base, of_head) if head not in (before, base) else ()
    of_base = _faults(base)
    if of_base:
        return Standing(_EMPTY, "not_applied", (*notes, _of_fault(of_base[0])), of_base, of_head)
    return Standing(base.policy(), "none" if base.content is None else "applied", notes, (), of_head)


def _faults(version: Version) -> tuple[Fault, ...]:
    try:
        version.policy()
    except PolicyError as error:
        return error.faults
    return ()


def _of_change(base: Version, of_head: tuple[Fault, ...]) -> tuple[str, ...]:
    if base.content is None and not base.obstacle:
        note = "This pull request has a policy that the base has not; it applies once it is merged."
    else:
        note = "This pull request changes the policy; the base's was applied."
    if of_head:
        note += f" Its own cannot be read: {code(str(of_head[0]), 300)}"
    return (note,)


def _of_fault(fault: Fault) -> str:
    return (
        f"The policy {code(PATH)} of the base cannot be read, so no budget was judged, and the action's inputs and defaults "
        f"apply: {code(str(fault), 300)}. Mend it in a pull request; {_HOW}"
    )
