#!/usr/bin/env python3
"""Time the HTML report: writing it, and opening, sorting, filtering and unfolding it in headless Chromium.

Prints JSON. Times are wall-clock milliseconds in the page, each until the next frame is drawn. Run it with
`.venv/host/bin/python`; CHROMIUM names the browser (`chromium` if it is not set).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "action"))
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402 - the path above makes it importable
from tests.browser.reports import large_report  # noqa: E402

from model_complexity.render import render_html  # noqa: E402

_TIMED = """async (work) => {
  const started = performance.now();
  await eval(work);
  await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
  return Math.round(performance.now() - started);
}"""
_FIND = "[...document.querySelectorAll('{}')].find((one) => one.textContent.includes('{}'))"
_WORK = {
    "sort by name": _FIND.format(".configs > thead button", "config") + ".click()",
    "sort by flops": _FIND.format(".configs > thead button", "flops, head") + ".click()",
    "filter": "filter.value = 'net-1'; filter.dispatchEvent(new Event('input'))",
    "open a config": "document.querySelector('.configs > tbody:not([hidden]) .toggle').click()",
    "expand all its modules": _FIND.format(".bar-tools button", "Expand all") + ".click()",
    "sort with it open": _FIND.format(".configs > thead button", "params, head") + ".click()",
}


def main() -> int:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", type=int, default=500)
    parser.add_argument("--modules", type=int, default=200, help="of each config")
    arguments = parser.parse_args()
    report = large_report(arguments.configs, arguments.modules)
    started = time.perf_counter()
    page = render_html(report)
    seconds = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.html")
        file.write_text(page, encoding="utf-8")
        print(
            json.dumps(
                {
                    **vars(arguments),
                    "write ms": round(seconds * 1_000),
                    "MB": file.stat().st_size / 1e6,
                    **_timed(file),
                },
                indent=2,
            )
        )
    return 0


def _timed(file: Path) -> dict[str, Any]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # The page's policy forbids the eval that times it.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        page: Page = browser.new_context(viewport={"width": 1_400, "height": 900}, bypass_csp=True).new_page()
        page.goto(file.as_uri())
        load = "performance.getEntriesByType('navigation')[0].loadEventEnd"
        times = {"load": round(page.evaluate(load))}
        times |= {name: page.evaluate(_TIMED, work) for name, work in _WORK.items()}
        browser.close()
    return {"ms": times}


if __name__ == "__main__":
    sys.exit(main())
