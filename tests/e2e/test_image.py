"""The image: its contents, the permissions of its users, and isolation from the workspace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.e2e.runner import Run, Runner

pytestmark = pytest.mark.e2e

API = "http://127.0.0.1:9"
"""Nothing listens on the discard port: these runs use no API."""


def python(runner: Runner, code: str, *, workspace: Path | None = None, **inputs: str) -> Run:
    """Runs code in the entrypoint's own interpreter, isolated as there."""
    inputs = {name.replace("_", "-"): value for name, value in inputs.items()}
    return runner.run(
        "workflow_dispatch", {}, API, workspace, inputs, entrypoint=["/opt/host/bin/python", "-I", "-u", "-c", code]
    )


def as_worker(runner: Runner, code: str) -> Run:
    return as_user(runner, "worker", code)


def as_user(runner: Runner, user: str, code: str) -> Run:
    """Runs code in the worker environment as the user that runs the pull request's code."""
    return runner.run(
        "workflow_dispatch",
        {},
        API,
        options=["--user", user],
        entrypoint=["/opt/worker/bin/python", "-u", "-c", code],
        extra_env={"HOME": f"/home/{user}"},
    )


def test_entrypoint_is_isolated_python_without_a_shell(runner: Runner) -> None:
    inspected = runner.engine("image", "inspect", "--format", "{{json .Config}}", runner.image)

    config = json.loads(inspected.stdout)
    assert config["Entrypoint"] == ["/opt/host/bin/python", "-I", "-u", "-m", "model_complexity"]
    assert config.get("User", "") in {"", "0", "root"}, "GitHub: a Docker action must run as root"
    assert not config.get("WorkingDir", "").startswith("/github"), "the runner sets the working directory"


def test_entrypoint_gets_hyphenated_inputs_and_runner_variables(runner: Runner) -> None:
    code = """
import json, os
names = ["INPUT_MAX-CONFIGS", "INPUT_GITHUB-TOKEN", "MODEL_COMPLEXITY_PYTHON", "MODEL_COMPLEXITY_WORKER_USER"]
with open(os.environ["GITHUB_OUTPUT"], "a") as output:
    output.write("seen<<END\\n" + json.dumps([os.environ[name] for name in names]) + "\\nEND\\nuid=" + str(os.getuid()) + "\\n")
with open(os.environ["GITHUB_STEP_SUMMARY"], "a") as summary:
    summary.write("# Summary\\n")
"""

    run = python(runner, code, max_configs="7")

    assert (run.exit_code, run.log, run.summary) == (0, "", "# Summary\n")
    assert json.loads(run.outputs["seen"]) == ["7", "test-token", "/opt/worker/bin/python", "worker"]
    assert run.outputs["uid"] == "0"


def test_host_environment_has_its_packages_and_no_torch(runner: Runner) -> None:
    code = """
import importlib.util as u
import github, jinja2, pydantic, tabulate
import model_complexity
print(model_complexity.__file__, [name for name in ("torch", "fvcore", "mmengine", "numpy", "pip") if u.find_spec(name)])
"""

    run = python(runner, code)

    assert (run.exit_code, run.log) == (0, "/opt/model-complexity/model_complexity/__init__.py []\n")


def test_nothing_is_imported_from_the_workspace(runner: Runner, tmp_path: Path) -> None:
    shouts = "print('HIJACKED', flush=True)\n"
    for name in ("json.py", "github.py", "sitecustomize.py", "usercustomize.py", "model_complexity/__main__.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(shouts)
    (tmp_path / "model_complexity" / "__init__.py").write_text(shouts)

    real = runner.run(
        "workflow_dispatch",
        {},
        API,
        tmp_path,
        extra_env={"PYTHONPATH": "/github/workspace", "PYTHONSTARTUP": "json.py"},
    )
    path = python(runner, "import sys, json, os; print(os.getcwd()); print(*sys.path, sep='\\n')", workspace=tmp_path)

    assert "HIJACKED" not in real.log + path.log
    cwd, *entries = path.log.splitlines()
    assert cwd == "/github/workspace"
    assert entries
    assert not [entry for entry in entries if entry in {"", "."} or entry.startswith("/github")]


def test_worker_environment_imports_as_the_worker(runner: Runner) -> None:
    code = """
import cv2, fvcore.nn, matplotlib, mmengine, mmengine.registry, mmengine.runner, tabulate, torch
print(torch.__version__, torch.cuda.is_available(), torch.ones(2).sum().item())
"""

    run = as_worker(runner, code)

    assert (run.exit_code, run.log) == (0, "2.13.0+cpu False 2.0\n")


def test_worker_user_cannot_write_outside_its_home(runner: Runner) -> None:
    code = """
import os, sysconfig
print(os.getuid())
ours = ["/opt/host/lib", "/opt/host/bin/python", "/opt/model-complexity", "/opt/model-complexity/model_complexity"]
runners = ["/github/workspace", "/github/file_commands/set_output_1"]
systems = ["/usr/local/bin", "/etc", "/root"]
for path in [sysconfig.get_path("purelib"), "/opt/worker/bin", *ours, *runners, *systems]:
    print(path, os.access(path, os.W_OK))
for secret in ["/etc/shadow", "/root/.bashrc"]:
    try:
        open(secret).close()
        print("read", secret)
    except PermissionError:
        print("refused", secret)
"""

    run = as_worker(runner, code)

    assert run.exit_code == 0, run.log
    lines = run.log.splitlines()
    assert lines[0] == "10001"
    assert [line for line in lines[1:] if line.endswith("True")] == []
    assert lines[-2:] == ["refused /etc/shadow", "refused /root/.bashrc"]


def test_installer_user_can_write_only_the_worker_environment(runner: Runner) -> None:
    code = """
import os, pathlib, sysconfig
own = pathlib.Path(sysconfig.get_path("purelib"), "added.py")
own.write_text("")
print(os.getuid(), own.exists())
print([path for path in ["/opt/host/lib", "/opt/model-complexity", "/github/workspace"] if os.access(path, os.W_OK)])
"""

    run = as_user(runner, "installer", code)

    assert (run.exit_code, run.log) == (0, "10002 True\n[]\n")


def test_image_has_git_and_no_caches(runner: Runner) -> None:
    code = """
import pathlib, subprocess
print(subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[:2])
print([str(p) for p in [*pathlib.Path("/root/.cache").glob("*"), *pathlib.Path("/home").glob("*/.cache/*"),
                        *pathlib.Path("/var/lib/apt/lists").glob("*")]])
"""

    run = python(runner, code)

    assert (run.exit_code, run.log) == (0, "['git', 'version']\n[]\n")
