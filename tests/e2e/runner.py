"""Run an image as GitHub's runner runs a Docker container action: same mounts, environment and file commands.

Source: docs.github.com, actions/reference/workflows-and-actions/dockerfile-support and .../workflow-commands.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.e2e.engine import Engine

FILE_COMMANDS = {
    "GITHUB_OUTPUT": "set_output",
    "GITHUB_STEP_SUMMARY": "step_summary",
    "GITHUB_ENV": "set_env",
    "GITHUB_PATH": "add_path",
    "GITHUB_STATE": "save_state",
}
"""Variable -> stem of the file that it names."""
RUNNER_OWNER = "1001:121"
"""The owner of the workspace on GitHub's machines. The action runs as root."""
TOKEN_EXPRESSION = "${{ github.token }}"


@dataclass(frozen=True)
class Run:
    """The result of one run of the action."""

    exit_code: int
    outputs: dict[str, str]
    """GITHUB_OUTPUT, read as the runner reads it."""
    summary: str
    env: str
    path: str
    log: str
    """stdout and stderr, in order."""
    workspace: Path
    """A copy of the checkout, as the action left it."""
    seconds: float


@dataclass(frozen=True)
class Runner:
    """Runs one image, each time with fresh mounts.

    Args:
        image: name of the built image.
        engine: what runs it.
        root: folder for the runs' files, which are kept.
        action: the action.yml whose inputs and defaults are passed, as the runner does.
    """

    image: str
    engine: Engine
    root: Path
    action: Path

    def run(
        self,
        event_name: str,
        payload: Mapping[str, Any],
        api_url: str,
        workspace: Path | None = None,
        inputs: Mapping[str, str] | None = None,
        *,
        repository: str = "octocat/model-zoo",
        sha: str = "0" * 40,
        ref: str = "refs/pull/1/merge",
        token: str = "test-token",  # noqa: S107
        extra_env: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        entrypoint: Sequence[str] | None = None,
        timeout: float = 600,
    ) -> Run:
        """Run the action once, on the host's network so that it reaches a server on loopback.

        Args:
            event_name: GITHUB_EVENT_NAME, e.g. ``pull_request``.
            payload: the webhook's payload.
            api_url: base URL of the REST API; the server's URL too.
            workspace: the checkout, copied (None: an empty one).
            inputs: as under ``with:``; the others get the defaults of action.yml.
            repository: ``owner/name`` that the workflow runs in.
            sha: GITHUB_SHA.
            ref: GITHUB_REF.
            token: the value of ``${{ github.token }}``.
            extra_env: further variables, as under ``env:``.
            options: further arguments to the engine's ``run``, as under ``container: options``.
            entrypoint: program and arguments instead of the image's own.
            timeout: seconds until the container is removed and TimeoutExpired raised.
        """
        machine = Path(tempfile.mkdtemp(prefix="run.", dir=self.root))
        temp, checkout = _make_machine(machine, payload, workspace)
        environment = {
            **_github_environment(event_name, api_url, repository, sha, ref),
            **input_environment(self.action, inputs or {}, token),
            **(extra_env or {}),
        }
        name = f"model-complexity-e2e-{uuid.uuid4().hex}"
        start = [*options, "--entrypoint", entrypoint[0]] if entrypoint else options
        command = _command(name, environment, _mounts(temp, checkout), start)
        started = time.monotonic()
        try:
            done = self.engine(*command, self.image, *(entrypoint or [])[1:], environment=environment, timeout=timeout)
        except subprocess.TimeoutExpired:
            self.engine("rm", "--force", name)
            raise
        return _read_run(done, temp, checkout, time.monotonic() - started)


def _command(name: str, variables: Iterable[str], mounts: Sequence[str], options: Sequence[str]) -> list[str]:
    command = ["run", "--rm", "--name", name, "--network", "host", "--workdir", "/github/workspace"]
    # Values travel in the client's environment: `-e NAME` alone also passes names with a hyphen.
    command += [word for variable in variables for word in ("-e", variable)]
    command += [word for mount in mounts for word in ("-v", mount)]
    return [*command, *options]


def _read_run(done: subprocess.CompletedProcess[str], temp: Path, checkout: Path, seconds: float) -> Run:
    files = {variable: temp / "_runner_file_commands" / f"{stem}_1" for variable, stem in FILE_COMMANDS.items()}
    return Run(
        exit_code=done.returncode,
        outputs=parse_file_command(files["GITHUB_OUTPUT"].read_text()),
        summary=files["GITHUB_STEP_SUMMARY"].read_text(),
        env=files["GITHUB_ENV"].read_text(),
        path=files["GITHUB_PATH"].read_text(),
        log=done.stdout,
        workspace=checkout,
        seconds=seconds,
    )


def _make_machine(machine: Path, payload: Mapping[str, Any], workspace: Path | None) -> tuple[Path, Path]:
    temp, checkout = machine / "_temp", machine / "workspace"
    for folder in ("_github_home", "_github_workflow", "_runner_file_commands"):
        (temp / folder).mkdir(parents=True)
    if workspace is None:
        checkout.mkdir()
    else:
        shutil.copytree(workspace, checkout, symlinks=True)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "-h", RUNNER_OWNER, str(checkout)], check=True)
    (temp / "_github_workflow" / "event.json").write_text(json.dumps(payload))
    for stem in FILE_COMMANDS.values():
        (temp / "_runner_file_commands" / f"{stem}_1").touch()
    return temp, checkout


def _mounts(temp: Path, checkout: Path) -> list[str]:
    return [
        f"{temp}:/github/runner_temp",
        f"{temp / '_github_home'}:/github/home",
        f"{temp / '_github_workflow'}:/github/workflow",
        f"{temp / '_runner_file_commands'}:/github/file_commands",
        f"{checkout}:/github/workspace",
    ]


def _github_environment(event_name: str, api_url: str, repository: str, sha: str, ref: str) -> dict[str, str]:
    return {
        "HOME": "/github/home",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION": "__run",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_API_URL": api_url,
        "GITHUB_EVENT_NAME": event_name,
        "GITHUB_EVENT_PATH": "/github/workflow/event.json",
        "GITHUB_GRAPHQL_URL": f"{api_url}/graphql",
        "GITHUB_JOB": "complexity",
        "GITHUB_REF": ref,
        "GITHUB_REPOSITORY": repository,
        "GITHUB_REPOSITORY_OWNER": repository.split("/", maxsplit=1)[0],
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "1",
        "GITHUB_RUN_NUMBER": "1",
        "GITHUB_SERVER_URL": api_url,
        "GITHUB_SHA": sha,
        "GITHUB_WORKFLOW": "complexity",
        "GITHUB_WORKSPACE": "/github/workspace",
        "RUNNER_ARCH": "X64",
        "RUNNER_ENVIRONMENT": "github-hosted",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": "/github/runner_temp",
        "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
        **{variable: f"/github/file_commands/{stem}_1" for variable, stem in FILE_COMMANDS.items()},
    }


def input_environment(action: Path, inputs: Mapping[str, str], token: str) -> dict[str, str]:
    """Return the INPUT_ variables for every input of action.yml: the value, or the default.

    Raises:
        ValueError: action.yml declares no such input. The runner only warns, but the test is wrong.
    """
    declared: dict[str, Any] = yaml.safe_load(action.read_text())["inputs"]
    unknown = inputs.keys() - declared.keys()
    if unknown:
        raise ValueError(f"action.yml has no input {sorted(unknown)}")
    defaults = {name: str((spec or {}).get("default", "")) for name, spec in declared.items()}
    values = {name: token if default == TOKEN_EXPRESSION else default for name, default in defaults.items()} | dict(
        inputs
    )
    return {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in values.items()}


def parse_file_command(text: str) -> dict[str, str]:
    """Parse GITHUB_OUTPUT (or GITHUB_ENV) as the runner does: ``name=value``, or ``name<<END``, lines, ``END``.

    Raises:
        ValueError: the runner would fail the step, e.g. for a line of neither form or a heredoc without its end.
    """
    values: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        form = re.match(r"([^=]*?)(<<|=)(.*)", line)
        if form is None or not form[1]:
            raise ValueError(f"neither name=value nor name<<END: {line!r}")
        name, sign, rest = form.groups()
        values[name] = rest if sign == "=" else _heredoc(lines, name, rest)
    return values


def _heredoc(lines: Iterator[str], name: str, end: str) -> str:
    if not end:
        raise ValueError(f"a heredoc needs an end: {name!r}<<")
    body: list[str] = []
    for line in lines:
        if line == end:
            return "\n".join(body)
        body.append(line)
    raise ValueError(f"the value of {name!r} never ends: no line is {end!r}")
