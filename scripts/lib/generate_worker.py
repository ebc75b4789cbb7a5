#!/usr/bin/env python3
"""Write the parts of docs/ that are made from the worker's code. Needs the worker environment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.lib import generate_codebases, generate_operators


def main() -> int:
    """Write the pages, or check them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a page is out of date")
    options = parser.parse_args()
    outdated = False
    for module in (generate_operators, generate_codebases):
        before = module.PAGE.read_text(encoding="utf-8")
        after = module.rewrite(before)
        if after == before:
            continue
        outdated = True
        if options.check:
            print(f"docs/{module.PAGE.name} is out of date. Run scripts/generate.", file=sys.stderr)
        else:
            module.PAGE.write_text(after, encoding="utf-8")
            print(f"docs/{module.PAGE.name} is rewritten")
    return int(options.check and outdated)


if __name__ == "__main__":
    sys.exit(main())
