"""What mmengine asks of ``pkg_resources``, which setuptools had until version 81: where an installed package lies.

mmengine looks up ``mmdet::_base_/models/faster-rcnn_r50_fpn.py`` with it, and libraries see with it whether another is there.
"""

from __future__ import annotations

from importlib import metadata
from typing import Tuple

NAME = "pkg_resources"
EXPORTED = ("DistributionNotFound", "get_distribution")


class DistributionNotFound(Exception):  # noqa: N818 - the name it goes by there
    """No package of this name is installed."""


class Distribution:
    """An installed package. ``location``: the folder that its modules lie in."""

    def __init__(self, found: metadata.Distribution) -> None:
        self._found = found
        self.location = str(found.locate_file(""))

    def has_metadata(self, name: str) -> bool:
        """Whether its metadata have a file of this name, e.g. ``top_level.txt``."""
        return self._found.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        """The text of that file; blank if there is none."""
        return self._found.read_text(name) or ""


def get_distribution(name: str) -> Distribution:
    """Finds a package by the name it was installed by, such as ``mmsegmentation``.

    Raises:
        DistributionNotFound: it is not installed.
    """
    try:
        return Distribution(metadata.distribution(name))
    except (metadata.PackageNotFoundError, ValueError) as error:
        raise DistributionNotFound(name) from error


def exported() -> Tuple[Tuple[str, object], ...]:
    """The names that a module ``pkg_resources`` then has, with what they are."""
    return tuple((name, globals()[name]) for name in EXPORTED)
