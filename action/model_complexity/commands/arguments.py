"""The commands' arguments and their help. Options for inputs are made from `settings.inputs`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, get_args

from model_complexity.common.options import MeasureOptions
from model_complexity.errors import ActionError
from model_complexity.settings.inputs import InputInfo, Inputs, default_text, input_info, input_name

FORMATS: Final = ("text", "markdown", "json", "html")
_TRUST = """\
The configs and the code that they import run with your rights, as with
`python tools/train.py`: only run this on code that you trust. Unlike the
action, local usage has no sandbox."""
_DIFF = f"""\
Measures every config that a change touches, directly or through a base
config, before and after, and reports the changes in FLOPs, parameters and
activations: the report that the action writes on a pull request.

commits to compare:
  (nothing)      the working tree, including uncommitted changes, with its
                 merge base with the default branch (origin's default branch,
                 else main or master)
  BASE           the working tree with its merge base with BASE: a branch, a
                 tag, a commit, HEAD~1
  BASE..HEAD     the two commits themselves
  BASE...HEAD    HEAD with its merge base with BASE, as in a pull request

Input shapes, config globs and budgets come from BASE's policy,
.github/model-complexity.yml.

{_TRUST}"""
_DIFF_MORE = """\
examples:
  model-complexity diff
      What do my uncommitted changes do to the models?
  model-complexity diff v1.2.0..v1.3.0 --shape 224 --format html > report.html
      What did a release change at 224 x 224, as a page for the browser?

exit codes:
  0  done, even if some configs cannot be measured
  2  wrong usage, or the command could not do its work"""
_MEASURE = f"""\
Measures configs in the working tree, and prints the summary and the module
table of each.

{_TRUST}"""
_MEASURE_MORE = """\
examples:
  model-complexity measure configs/resnet/resnet50.py
      How large is this model, and which of its modules are the largest?
  model-complexity measure configs/vit/*.py --shape 224 --shape 384 \\
      --format json > report.json
      Several models at two input shapes, for a script.

exit codes:
  0  done
  1  a config cannot be measured
  2  wrong usage, or the command could not do its work"""
_CHECK = f"""\
Measures what `diff` measures (see its help for BASE and HEAD), and reports
which budgets of the policy, .github/model-complexity.yml, are exceeded or
nearly so. The policy is BASE's, so edits to it do not loosen the budgets.

{_TRUST}"""
_CHECK_MORE = """\
examples:
  model-complexity check
      Will my pull request exceed a budget?
  model-complexity check --policy .github/model-complexity.yml --syntax
      Is the policy file valid?

exit codes:
  0  no budget of the level `fail` is exceeded
  1  a budget is exceeded, or a config cannot be measured (--fail-on-error),
     or the policy file is invalid (--syntax)
  2  wrong usage, or the command could not do its work"""

_OF_CHECK: Final = tuple(name for name in Inputs.model_fields if input_info(name).option)
_OF_DIFF: Final = tuple(name for name in _OF_CHECK if name != "fail_on_error")
_OF_MEASURE: Final = tuple(name for name in _OF_CHECK if name in {"shapes", *MeasureOptions._fields})


def add_commands(commands: Any) -> None:
    """Add diff, measure and check to argparse's subparsers."""
    diff = _add_command(commands, "diff", "what a change does to the models it touches", _DIFF, _DIFF_MORE)
    _add_range(diff)
    _add_input_options(diff, _OF_DIFF)
    _add_common_options(diff)

    summary = "FLOPs, parameters and activations of configs"
    measure = _add_command(commands, "measure", summary, _MEASURE, _MEASURE_MORE)
    measure.add_argument("files", nargs="+", type=Path, metavar="CONFIG", help="path of a config file")
    _add_input_options(measure, _OF_MEASURE, has_policy=False)
    _add_common_options(measure)

    check = _add_command(commands, "check", "whether a change stays within the policy's budgets", _CHECK, _CHECK_MORE)
    _add_range(check)
    check.add_argument("--policy", type=Path, metavar="FILE", help="Policy file to use instead of BASE's.")
    check.add_argument(
        "--syntax",
        action="store_true",
        help="Only validate the policy file: --policy, or the working tree's.",
    )
    _add_input_options(check, _OF_CHECK)
    _add_common_options(check)


def inputs_of(options: argparse.Namespace) -> Inputs:
    """Return the options as inputs, so that the policy and the defaults apply to both alike."""
    values = {name: getattr(options, name, None) for name in _OF_CHECK}
    texts = {
        name: "\n".join(value) if isinstance(value, list) else str(value) for name, value in values.items() if value
    }
    return Inputs.parse({input_name(name): text for name, text in texts.items()})


def _add_command(commands: Any, name: str, summary: str, description: str, epilog: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def _add_range(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("range", nargs="?", default="", metavar="BASE..HEAD", help="commits to compare (see above)")


def _add_input_options(parser: argparse.ArgumentParser, fields: Iterable[str], *, has_policy: bool = True) -> None:
    for field in fields:
        info = input_info(field)
        if info.option is None:
            continue
        choices = get_args(Inputs.model_fields[field].annotation)
        keywords: dict[str, Any] = {"dest": field, "help": _help(field, info, has_policy=has_policy)}
        if info.option.repeatable:
            keywords |= {"action": "append", "type": _input(field), "metavar": info.option.metavar}
        elif info.option.metavar:
            keywords |= {"type": _input(field), "metavar": info.option.metavar}
        elif choices:
            keywords |= {"choices": choices}
        else:
            keywords |= {"action": "store_true"}
        parser.add_argument(info.option.flag, **keywords)


def _help(field: str, info: InputInfo, *, has_policy: bool) -> str:
    sentences = [(info.option and info.option.help) or info.description]
    if has_policy and info.policy:
        sentences.append(info.policy)
    if (info.option and info.option.metavar) or get_args(Inputs.model_fields[field].annotation):
        sentences.append(f"Default: {default_text(field)}.")
    return " ".join(sentences).replace("%", "%%")


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        help="Interpreter that runs your models (torch, fvcore, mmengine and tabulate must import). Default: "
        "MODEL_COMPLEXITY_PYTHON, or the one that runs this command.",
    )
    parser.add_argument(
        "--no-color", action="store_true", help="Print no colour. The variable NO_COLOR has the same effect."
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="Output: text (in colour on a terminal), the comment's markdown, report.json, or the page report.html. "
        "Default: text.",
    )


def _input(field: str) -> Callable[[str], str]:
    """Return an argparse type that validates a text as an input does."""

    def validate(text: str) -> str:
        try:
            Inputs.parse({input_name(field): text})
        except ActionError as error:
            raise argparse.ArgumentTypeError(error.message.partition(": ")[2].rstrip(".")) from error
        return text

    return validate
