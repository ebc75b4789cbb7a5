"""What the commands take, and the help that teaches them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model_complexity.errors import ActionError
from model_complexity.settings.inputs import Inputs

FORMATS = ("text", "markdown", "json", "html")
_TRUST = """\
The configs, and the code that they import, run with your rights, as by
`python tools/train.py`: only run this on code that you trust. The action has
a wall around that code; here there is none."""
_DIFF = f"""\
Measures every config that a change touches, directly or through a file that
it inherits from, before and after, and says what that does to flops, params
and activations: the report that the action writes on a pull request.

what is compared:
  (nothing)      the working tree as it is now, committed or not, with where it
                 left the branch that pull requests go to (origin's default
                 branch; else main or master)
  BASE           the same, with where it left BASE: a branch, a tag, a commit,
                 HEAD~1
  BASE..HEAD     two commits as they are
  BASE...HEAD    HEAD with where it left BASE, as in a pull request

Input shapes, where configs are, and budgets come from BASE's policy,
.github/model-complexity.yml.

{_TRUST}"""
_DIFF_MORE = """\
examples:
  model-complexity diff
      What do my edits do to the models, before I commit them?
  model-complexity diff v1.2.0..v1.3.0 --shape 224 --format html > report.html
      What has a release done, at 224 x 224, as a page to open in a browser?

exit codes:
  0  done, even if some configs cannot be measured
  2  wrong usage, or it could not do its work"""
_MEASURE = f"""\
Measures configs as they lie in the working tree, and prints for each the
summary and the table of modules.

{_TRUST}"""
_MEASURE_MORE = """\
examples:
  model-complexity measure configs/resnet/resnet50.py
      How large is this model, and which of its modules make it so?
  model-complexity measure configs/vit/*.py --shape 224 --shape 384 \\
      --format json > report.json
      Several models at two input shapes, for a script.

exit codes:
  0  done
  1  some config cannot be measured
  2  wrong usage, or it could not do its work"""
_CHECK = f"""\
Does what `diff` does (see there what BASE and HEAD may be), holds the result
against the budgets of the policy, .github/model-complexity.yml, and says
which are broken or near. The policy is BASE's: an edit of it here does not
loosen it.

{_TRUST}"""
_CHECK_MORE = """\
examples:
  model-complexity check
      Will my change break a budget, once it is a pull request?
  model-complexity check --policy .github/model-complexity.yml --syntax
      Is the policy file, which I have just edited, well-formed?

exit codes:
  0  every budget of the level `fail` is kept
  1  one is broken; or some config cannot be measured (--fail-on-error); or
     the policy file is malformed (--syntax)
  2  wrong usage, or it could not do its work"""


def add_commands(commands: Any) -> None:
    """Adds diff, measure and check to argparse's subparsers."""
    diff = _command(commands, "diff", "what a change does to the models it touches", _DIFF, _DIFF_MORE)
    _add_range(diff)
    _add_selection_options(diff)
    _add_measure_options(diff)
    _add_format(diff)

    measure = _command(commands, "measure", "flops, params and activations of configs", _MEASURE, _MEASURE_MORE)
    measure.add_argument("files", nargs="+", type=Path, metavar="CONFIG", help="path of a config file")
    _add_shape(measure, "Default: auto.")
    _add_measure_options(measure)
    _add_format(measure)

    check = _command(commands, "check", "whether a change keeps the policy's budgets", _CHECK, _CHECK_MORE)
    _add_range(check)
    check.add_argument("--policy", type=Path, metavar="FILE", help="try this policy file in place of BASE's")
    check.add_argument(
        "--syntax",
        action="store_true",
        help="only look whether the policy file (--policy, or the working tree's) is well-formed",
    )
    check.add_argument(
        "--fail-on-error", action="store_true", help="a config that cannot be measured is a failed check"
    )
    _add_selection_options(check)
    _add_measure_options(check)
    _add_format(check)


def inputs_of(options: argparse.Namespace) -> Inputs:
    """The options as the action's inputs, so that the policy and the defaults stand behind them alike."""
    names = ("configs", "max_configs", "timeout", "jobs", "device", "mode")
    given = {name.replace("_", "-"): getattr(options, name, None) for name in names}
    given["deploy"] = "true" if options.deploy else None
    return Inputs.parse(
        {**{name: value for name, value in given.items() if value}, "shapes": "\n".join(options.shapes)}
    )


def _command(commands: Any, name: str, brief: str, description: str, epilog: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=brief,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def _add_range(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("range", nargs="?", default="", metavar="BASE..HEAD", help="what is compared; see above")


def _add_shape(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--shape",
        dest="shapes",
        action="append",
        default=[],
        type=_input("shapes"),
        metavar="SHAPE",
        help="input shape: auto (what the config's own test pipeline makes), 224, 224x384 (height first), or inputs by name, "
        f"`points=40000x4`; may be given several times. {default}",
    )


def _add_selection_options(parser: argparse.ArgumentParser) -> None:
    _add_shape(parser, "Goes before the policy's.")
    parser.add_argument(
        "--configs",
        type=_input("configs"),
        metavar="GLOBS",
        help="where configs are, separated by commas; ! excludes. Goes before the policy's. Default: configs/**,**/configs/**",
    )
    parser.add_argument(
        "--max-configs",
        type=_input("max-configs"),
        metavar="N",
        help="measure at most so many, directly changed ones first. Goes before the policy's. Default: 20",
    )


def _add_measure_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        help="the Python that runs your models (torch, fvcore, mmengine and tabulate must import); default: "
        "MODEL_COMPLEXITY_PYTHON, or the one that runs this command",
    )
    parser.add_argument(
        "--timeout", type=_input("timeout"), metavar="SECONDS", help="for one config at one shape. Default: 300"
    )
    parser.add_argument(
        "--jobs",
        type=_input("jobs"),
        metavar="N",
        help="how many configs side by side. Default: as many as there are cores",
    )
    parser.add_argument(
        "--deploy",
        action="store_true",
        help="count models in the form that they are deployed in too (RepVGG with its branches fused)",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where models run that are computed")
    parser.add_argument(
        "--mode", choices=("auto", "dry", "real"), help="dry: trace without computing; real: compute. Default: auto"
    )


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-color", action="store_true", help="no colour on a terminal either; the variable NO_COLOR does the same"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="text (in colour on a terminal), the comment's markdown, report.json, or the page report.html. Default: text",
    )


def _input(name: str) -> Callable[[str], str]:
    """Checks one text by the rules of the action's input of that name."""

    def check(text: str) -> str:
        try:
            Inputs.parse({name: text})
        except ActionError as error:
            raise argparse.ArgumentTypeError(error.message.partition(": ")[2].rstrip(".")) from error
        return text

    return check
