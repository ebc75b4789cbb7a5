"""The command line: thin. Without arguments it is the action, told by the environment."""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence

from model_complexity import __version__
from model_complexity.errors import ActionError
from model_complexity.github import workflow
from model_complexity.pipeline import run
from model_complexity.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the action.

    Returns:
        The exit code: 0 done, 1 a budget of the level ``fail`` is broken, or some configs could not be measured and
        ``fail-on-error`` is set, 2 the action was misused or could not do its work.
    """
    parser = argparse.ArgumentParser(
        prog="model-complexity",
        description="Measures the configs that a pull request touches and comments on it. "
        "Started by GitHub Actions, it takes everything from the environment; scripts/demo plays a whole run on a desk.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # a name in the log must not end the run
    try:
        return run(Settings.from_environment(os.environ), sys.stdout)
    except ActionError as error:
        workflow.error(sys.stdout, str(error), title="Model Complexity")
        return error.exit_code
    except (
        Exception
    ) as error:  # 1 is for broken budgets and configs that cannot be measured: nothing else may end with it
        for line in traceback.format_exc().splitlines():
            print(workflow.neutral(line))
        message = (
            f"{type(error).__name__}: {error} This is a mistake in Model Complexity: please report it with the log."
        )
        workflow.error(sys.stdout, message, title="Model Complexity")
        return ActionError.exit_code


if __name__ == "__main__":
    sys.exit(main())
