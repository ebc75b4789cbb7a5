"""From one config's text to the files it inherits from, as paths in the repository. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import basename, dirname, join, normpath, splitext
from typing import Final, TypeVar

from model_complexity.discover.python_bases import Import, PythonBases, python_bases
from model_complexity.discover.yaml_bases import DataConfig, json_bases, yaml_bases

MAX_REFERENCES: Final = 1_000
"""Bases that one file may name; and templates that are filled in. A file that names more is hostile or generated."""

MAX_MODULE: Final = 1_000
"""Characters of a module's name that an import of a base may have."""

_T = TypeVar("_T")

# mmengine fills {{fileDirname}} with an absolute path: this stands for the repository's root in front of it.
_ROOT: Final = "/\ue000repository"
_FILE: Final = re.compile(r"\{\{\s*(fileDirname|fileBasenameNoExtension|fileBasename|fileExtname)\s*\}\}")
# Possessive where it repeats: nothing is given back, so a megabyte of spaces takes one pass.
_ENVIRONMENT: Final = re.compile(r"\{\{['\"]?\s*+\$\w++\s*+:\s*+([^\s{}]*?)\s*+['\"]?\}\}")
_BASE_VALUE: Final = re.compile(r"\{\{\s*_base_\.[\w.]+\s*\}\}")


@dataclass(frozen=True)
class Reference:
    """A base that a file names.

    ``path`` is the file meant. ``others`` are what an import means instead when there is no such file:
    ``from .x import a`` is ``x.py``, or else ``x/a.py``. With ``package`` it is in this repository only if that package is.
    """

    path: str
    others: tuple[str, ...] = ()
    package: str | None = None


@dataclass(frozen=True)
class Contents:
    """What a file's text says: the bases it names, what could not be read, and whether it is a config at all."""

    references: tuple[Reference, ...] = ()
    warnings: tuple[str, ...] = ()
    is_config: bool = True


def read_references(path: str, text: str) -> Contents:
    """Reads the bases that a config names.

    Args:
        path: the file's path in the repository, which relative bases start from; its suffix tells the format.
        text: its content.

    Returns:
        The references, in the order of the text, each once. A problem is one sentence that names the file.
    """
    if text.count("{{") > MAX_REFERENCES:
        return Contents(warnings=(f"{show(path)} has more than {MAX_REFERENCES:,} templates; its bases were not read",))
    if "{{" in text:
        text = fill_templates(path, text)
    return _python(path, text) if path.endswith(".py") else _data(path, text)


def show(path: str) -> str:
    """Returns the file's name for use in a sentence: one line, no surrogates, at most 100 characters."""
    name = "".join(character if character.isprintable() else "\ufffd" for character in basename(path))
    return name if len(name) <= 100 else f"{name[:99]}…"


def fill_templates(path: str, text: str) -> str:
    """Fills in mmengine's templates: file names, environment variables (their default), values of bases (a stand-in).

    Source: mmengine.readthedocs.io/en/latest/advanced_tutorials/config.html, "Predefined fields" and after.
    """
    values = {
        "fileDirname": join(_ROOT, dirname(path)).rstrip("/"),
        "fileBasename": basename(path),
        "fileBasenameNoExtension": splitext(basename(path))[0],
        "fileExtname": splitext(path)[1],
    }
    text = _FILE.sub(lambda match: values[match[1]], text)
    text = _ENVIRONMENT.sub(lambda match: match[1], text)
    return _BASE_VALUE.sub("0", text)


def _python(path: str, text: str) -> Contents:
    try:
        found = python_bases(text)
    except SyntaxError as error:
        line = f" in line {error.lineno}" if error.lineno else ""
        return Contents(warnings=(f"{show(path)} is not valid Python{line}: {_first_line(error.msg)}",))
    warnings = [_obstacle(path, what) for what in found.unresolved]
    references = list(_resolved(path, found, warnings))
    return Contents(tuple(dict.fromkeys(references)), tuple(dict.fromkeys(warnings)))


def _obstacle(path: str, what: str) -> str:
    return f"the bases of {show(path)} cannot be read without running it: `_base_` {what}"


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")[:200]


def _resolved(path: str, found: PythonBases, warnings: list[str]) -> Iterator[Reference]:
    for base in _bounded(path, found.paths, warnings):
        yield from _written(path, base, warnings)
    for imported in _bounded(path, found.imports, warnings):
        yield from _imported(path, imported, warnings)


def _bounded(path: str, found: tuple[_T, ...], warnings: list[str]) -> tuple[_T, ...]:
    """Returns as many as are read, each once."""
    if len(found) > MAX_REFERENCES:
        warnings.append(f"{show(path)} names more than {MAX_REFERENCES:,} bases; the rest was not read")
    return tuple(dict.fromkeys(found[:MAX_REFERENCES]))


def _data(path: str, text: str) -> Contents:
    data: DataConfig = json_bases(text) if path.endswith(".json") else yaml_bases(text)
    warnings = [f"{show(path)} {data.problem}"] if data.problem else []
    references = [
        reference for base in _bounded(path, data.bases, warnings) for reference in _written(path, base, warnings)
    ]
    return Contents(tuple(dict.fromkeys(references)), tuple(warnings), data.is_config)


def _written(path: str, base: str, warnings: list[str]) -> Iterator[Reference]:
    """Yields the reference for a base written as a path, or as ``package::path``."""
    package, external, inside = base.partition("::")
    if external and (not package.isidentifier() or "::" in inside):
        warnings.append(f"{show(path)} names a base that is not understood: {show(base)}")
        return
    if external:
        target, package_name = _normal(join("configs", inside)), package
    elif base.startswith(_ROOT):
        target, package_name = _normal(base.removeprefix(_ROOT).lstrip("/")), None
    else:
        target, package_name = _normal(join(dirname(path), base)), None
    if target is None:
        warnings.append(f"{show(path)} names a base that is no path in the repository: {show(base)}")
    else:
        yield Reference(target, package=package_name)


def _normal(path: str) -> str | None:
    """Returns the path without its ``.`` and ``..``, None where it leaves the repository or can name no file."""
    normal = normpath(path)
    if normal.startswith(("/", "../")) or normal in {".", ".."} or "\0" in normal or len(normal) > 4_096:
        return None
    try:
        normal.encode("utf-8", "surrogateescape")  # a literal may hold half a surrogate pair
    except UnicodeEncodeError:
        return None
    return normal


def _imported(path: str, imported: Import, warnings: list[str]) -> Iterator[Reference]:
    """Yields the references for one import: a module's file, or the imported names where the module is a folder."""
    folder = _folder(path, imported.level)
    if folder is None:
        warnings.append(f"{show(path)} imports a base from outside the repository")
        return
    if len(imported.module) > MAX_MODULE:  # it would be repeated for each imported name
        warnings.append(f"{show(path)} names a base that is no path in the repository: {show(imported.module)}")
        return
    names = [name for name in _bounded(path, imported.names, warnings) if name != "*"]
    if imported.module:
        file = folder + imported.module.replace(".", "/")
        others = (*(f"{file}/{name}.py" for name in names), f"{file}/__init__.py")
        yield Reference(f"{file}.py", others, None if imported.level else imported.module.partition(".")[0])
        return
    yield from (Reference(f"{folder}{name}.py", (f"{folder}{name}/__init__.py",)) for name in names)
    if "*" in imported.names:
        yield Reference(f"{folder}__init__.py")


def _folder(path: str, level: int) -> str | None:
    """Returns the folder that an import of this level starts from, with its ``/``; None: outside the repository."""
    if level == 0:
        return ""
    folders = path.split("/")[:-1]
    if level - 1 > len(folders):
        return None
    return "".join(f"{folder}/" for folder in folders[: len(folders) - (level - 1)])
