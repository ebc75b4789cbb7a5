"""A real Chromium, and pages in it that must neither complain nor ask for anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from model_complexity.render import render_html
from model_complexity.report import Report

_VIOLATIONS = (
    "addEventListener('securitypolicyviolation', (event) => console.error(`CSP ${event.violatedDirective}`), true)"
)


@dataclass
class Seen:
    """What a page did that a reader does not see."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(_VIOLATIONS)
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the one that scripts/browser found, or one that is on the path. Its sandbox does not work for root."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        pytest.fail("no Chromium: run scripts/browser, which installs one or says how")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()


Open = Callable[..., Page]


@pytest.fixture
def seen() -> list[Seen]:
    """What the pages of this test did."""
    return []


@pytest.fixture
def opened(browser: Browser, tmp_path: Path, seen: list[Seen]) -> Iterator[Open]:
    """Opens a report as a reader does: the file, from disk. At the end no page has complained or asked for more."""
    contexts = []

    def open_report(report: Report, *, quiet: bool = True, **options: Any) -> Page:
        file = tmp_path / f"report{len(seen)}.html"
        file.write_text(render_html(report), encoding="utf-8", errors="replace")
        context = browser.new_context(**{"viewport": {"width": 1_400, "height": 900}, **options})
        contexts.append((context, quiet))
        page = context.new_page()
        seen.append(Seen(page))
        page.goto(file.as_uri())
        return page

    yield open_report
    for one, (context, quiet) in zip(seen, contexts, strict=True):
        context.close()
        if quiet:
            assert one.complaints == []
            assert len(one.requests) == 1
