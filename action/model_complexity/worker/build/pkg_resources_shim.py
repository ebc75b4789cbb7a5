"""The part of ``pkg_resources`` that mmengine uses, which setuptools dropped in version 81: locate an installed package.

mmengine resolves ``library::_base_/config.py`` with it, and libraries check with it whether another is installed.
"""

from __future__ import annotations

from importlib import metadata
from typing import Dict

NAME = "pkg_resources"


class DistributionNotFoundError(Exception):
    """No package of this name is installed."""


class Distribution:
    """An installed package. ``location``: the folder of its modules."""

    def __init__(self, installed: metadata.Distribution) -> None:
        self._installed = installed
        self.location = str(installed.locate_file(""))

    def has_metadata(self, name: str) -> bool:
        """Return whether its metadata has a file of this name, e.g. ``top_level.txt``."""
        return self._installed.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        """Return the text of that file, blank if there is none."""
        return self._installed.read_text(name) or ""


def get_distribution(name: str) -> Distribution:
    """Find a package by its distribution name, such as ``mmsegmentation``.

    Raises:
        DistributionNotFoundError: it is not installed.
    """
    try:
        return Distribution(metadata.distribution(name))
    except (metadata.PackageNotFoundError, ValueError) as error:
        raise DistributionNotFoundError(name) from error


def exported() -> Dict[str, object]:
    """Return the names of a module ``pkg_resources``."""
    return {"DistributionNotFound": DistributionNotFoundError, "get_distribution": get_distribution}
