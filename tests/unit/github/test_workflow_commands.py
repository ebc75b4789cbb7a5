"""Outputs, the job summary, workflow commands and sanitized lines."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_complexity.errors import ActionError
from model_complexity.github import workflow_commands as workflow


def outputs_in(text: str) -> dict[str, str]:
    """Reads the file as the runner does."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, delimiter = line.partition("<<")
        value: list[str] = []
        while (part := next(lines)) != delimiter:
            value.append(part)
        found[name] = "\n".join(value)
    return found


def test_outputs_are_read_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "output"
    outputs = workflow.Outputs(path)
    values = {"report": "a\nEOF\nb<<c\n", "comment-url": "", "configs": "configs/\N{SNOWMAN}.py", "failed": "a=b"}
    for name, value in values.items():
        outputs.set(name, value)
    assert outputs_in(path.read_text(encoding="utf-8")) == values


def test_output_is_written_when_a_file_name_is_not_utf8(tmp_path: Path) -> None:
    workflow.Outputs(tmp_path / "output").set("configs", "a\udcff")
    assert outputs_in((tmp_path / "output").read_text(encoding="utf-8")) == {"configs": "a?"}


def test_nothing_is_written_when_outside_a_workflow() -> None:
    workflow.Outputs(None).set("configs", "x")
    workflow.write_summary(None, "x")


def test_output_name_is_refused_when_it_could_start_another_output(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not an output name"):
        workflow.Outputs(tmp_path / "output").set("a\nb", "x")
    assert list(tmp_path.iterdir()) == []


def test_unwritable_runner_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match=r"Cannot write the runner's file: No such file or directory\."):
        workflow.Outputs(tmp_path / "missing" / "output").set("configs", "x")


def test_summary_is_appended_up_to_its_limit_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    workflow.write_summary(path, "# One")
    workflow.write_summary(path, "# Two")
    assert path.read_text(encoding="utf-8") == "# One\n# Two\n"
    workflow.write_summary(tmp_path / "full", "x" * (workflow.SUMMARY_LIMIT - 1))
    with pytest.raises(ActionError, match=r"The job summary has 1048577 bytes\. GitHub's limit is 1048576\."):
        workflow.write_summary(path, "\N{LATIN SMALL LETTER E WITH ACUTE}" * (workflow.SUMMARY_LIMIT // 2))


def test_annotations_escape_delimiters() -> None:
    stream = io.StringIO()
    workflow.notice(stream, "done")
    workflow.warning(stream, "50% of\r\n::error::x", title="a,b:c", file="configs/x,y.py", line=3)
    workflow.error(stream, "a:b,c", file="x%\ny")
    assert stream.getvalue() == (
        "::notice::done\n"
        "::warning title=a%2Cb%3Ac,file=configs/x%2Cy.py,line=3::50%25 of%0A::error::x\n"
        "::error file=x%25y::a:b,c\n"
    )


def test_annotations_drop_terminal_sequences() -> None:
    stream = io.StringIO()
    hostile = "a\x1b[2Jb\x07\u202e\udcff.py"
    workflow.warning(stream, f"::{hostile}\n\x1b]0;x\x07second\x00", title=hostile, file=f"{hostile}\n::error::x")
    workflow.group(stream, hostile)
    assert stream.getvalue() == (
        "::warning title=ab.py,file=ab.py%3A%3Aerror%3A%3Ax::::ab.py%0Asecond\n::group::ab.py\n"
    )


def test_groups_and_masks_are_escaped() -> None:
    stream = io.StringIO()
    workflow.group(stream, "configs/a.py\n::x::")
    workflow.endgroup(stream)
    workflow.add_mask(stream, "one\n\ntwo%")
    assert stream.getvalue() == ("::group::configs/a.py::x::\n::endgroup::\n::add-mask::one\n::add-mask::two%25\n")


def test_commands_resume_after_an_error() -> None:
    stream = io.StringIO()

    def fail() -> None:
        with workflow.stop_commands(stream):
            stream.write("::error::from the pull request\n")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    found = re.fullmatch(
        r"::stop-commands::([0-9a-f]{32})\n::error::from the pull request\n::([0-9a-f]{32})::\n", stream.getvalue()
    )
    assert found is not None
    assert found[1] == found[2]
    again = io.StringIO()
    with workflow.stop_commands(again):
        pass
    assert found[1] not in again.getvalue()


@pytest.mark.parametrize(
    ("line", "safe"),
    [
        ("plain \N{SNOWMAN} text", "plain \N{SNOWMAN} text"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("  ::set-output name=a::b", "  :\N{HORIZONTAL ELLIPSIS}:set-output name=a::b"),
        ("\x1b[0m::error::x", ":\N{HORIZONTAL ELLIPSIS}:error::x"),
        ("\ufeff::error::x", ":\N{HORIZONTAL ELLIPSIS}:error::x"),
        ("a ##[error]x", "a ##\N{HORIZONTAL ELLIPSIS}[error]x"),
        ("#\x00#[error]x", "##\N{HORIZONTAL ELLIPSIS}[error]x"),
        ("a\rb\nc", "abc"),
        ("\u202eevil\u2028line\udcff", "evilline"),
        ("a::b", "a::b"),
        ("x" * 1_001, "x" * 999 + "\N{HORIZONTAL ELLIPSIS}"),
    ],
)
def test_untrusted_output_is_sanitized(line: str, safe: str) -> None:
    assert workflow.sanitize(line) == safe


@given(st.text(alphabet=st.sampled_from("#[:\x1b0m \n\r\t\x00\ufeffa]"), max_size=40) | st.text())
def test_sanitized_output_is_never_a_command(line: str) -> None:
    safe = workflow.sanitize(line)
    assert "##[" not in safe
    assert not safe.strip().startswith("::")
    assert len(safe.splitlines()) <= 1
    assert len(safe) <= workflow.MAX_LINE_LENGTH
