"""Every `install:` line of docs/codebases.md in a fresh container, with configs that the library ships."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.action_runs import flops_by_config, on_dispatch, report
from tests.e2e.codebases import CODEBASES
from tests.e2e.runner import Runner
from tests.support.github_server import GitHubServer
from tests.support.pull_request import PullRequestFixture

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("library", CODEBASES)
def test_documented_install_line_is_sufficient(runner: Runner, tmp_path: Path, library: str) -> None:
    documented = CODEBASES[library]
    probes = {
        f"configs/probe{number}.py": f"_base_ = '{library}::{name}'\n"
        for number, name in enumerate(documented.probe_configs)
    }
    with GitHubServer() as server:
        pull_request = PullRequestFixture(tmp_path, server)
        pull_request.main("Configs on those of a library", probes)
        run = on_dispatch(
            runner, pull_request, {"configs": "configs/*.py"}, inputs={"install": documented.install}, timeout=1_200
        )
        heads = {entry.target.name: entry.head for entry in report(run).entries}

    assert run.exit_code == 0, run.log
    assert set(flops_by_config(report(run))) == set(probes)
    assert {name: result for name, result in heads.items() if not getattr(result, "figures", {}).get("flops")} == {}
