"""Lists of changed files, from git and from GitHub."""

import pytest

from model_complexity.errors import ActionError
from model_complexity.git import ChangedFile, from_api
from model_complexity.git.changes import parse_name_status


def test_name_status_has_every_status() -> None:
    output = b"A\0new.py\0M\0a b\nc.py\0T\0link.py\0D\0gone.py\0R097\0old.py\0caf\xc3\xa9.py\0C100\0from.py\0to.py\0M\0\xff.py\0"
    assert parse_name_status(output) == (
        ChangedFile("new.py", None, "added"),
        ChangedFile("a b\nc.py", "a b\nc.py", "modified"),
        ChangedFile("link.py", "link.py", "modified"),
        ChangedFile(None, "gone.py", "deleted"),
        ChangedFile("café.py", "old.py", "renamed"),
        ChangedFile("to.py", None, "copied"),
        ChangedFile("\udcff.py", "\udcff.py", "modified"),
    )


def test_name_status_is_empty_without_changes() -> None:
    assert parse_name_status(b"") == ()


@pytest.mark.parametrize("output", [b"X\0a.py\0", b"M\0", b"R100\0a.py\0", b"A\0../a.py\0", b"A\0/etc/passwd\0"])
def test_malformed_name_status_is_an_error(output: bytes) -> None:
    with pytest.raises(ActionError):
        parse_name_status(output)


def test_api_items_have_every_status() -> None:
    items: list[dict[str, object]] = [
        {"filename": "new.py", "status": "added"},
        {"filename": "a.py", "status": "modified"},
        {"filename": "mode.py", "status": "changed"},
        {"filename": "gone.py", "status": "removed"},
        {"filename": "to.py", "previous_filename": "old.py", "status": "renamed"},
        {"filename": "copy.py", "previous_filename": "a.py", "status": "copied"},
        {"filename": "same.py", "status": "unchanged"},
    ]
    assert from_api(items) == (
        ChangedFile("new.py", None, "added"),
        ChangedFile("a.py", "a.py", "modified"),
        ChangedFile("mode.py", "mode.py", "modified"),
        ChangedFile(None, "gone.py", "deleted"),
        ChangedFile("to.py", "old.py", "renamed"),
        ChangedFile("copy.py", None, "copied"),
    )


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"filename": "a.py", "status": "new"},
        {"filename": 3, "status": "added"},
        {"filename": "a.py", "status": "renamed"},
        {"filename": "../a.py", "status": "added"},
        {"filename": "a.py", "previous_filename": "/b.py", "status": "renamed"},
    ],
)
def test_malformed_api_item_is_an_error(item: dict[str, object]) -> None:
    with pytest.raises(ActionError):
        from_api([item])
