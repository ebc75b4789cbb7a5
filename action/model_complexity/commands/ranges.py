"""What is compared, as it is written: ``BASE``, ``BASE..HEAD``, ``BASE...HEAD``, or nothing."""

from __future__ import annotations

from typing import NamedTuple

from model_complexity.errors import ActionError


class Range(NamedTuple):
    """Two sides by name.

    ``base`` is None for the branch that pull requests go to, ``head`` is None for the working tree as it is now. Where
    ``use_merge_base``, the base is the commit that both share last, as in a pull request; otherwise it is the one named.
    """

    base: str | None
    head: str | None
    use_merge_base: bool


def parse_range(text: str) -> Range:
    """Reads a range. As in git, a side that is left out next to the dots is ``HEAD``.

    Raises:
        ActionError: there is more in it than two sides.
    """
    for dots in ("...", ".."):
        base, found, head = text.partition(dots)
        if found:
            if ".." in base or ".." in head or head.startswith("."):
                raise ActionError(
                    f"{text[:100]!r} is not a range of commits.", "Write BASE, BASE..HEAD or BASE...HEAD."
                )
            return Range(base or "HEAD", head or "HEAD", use_merge_base=dots == "...")
    return Range(text or None, None, use_merge_base=True)
