"""A headless Chromium, and pages that must log no error and send no request."""

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
class PageRecorder:
    """The console errors and requests of a page."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(_VIOLATIONS)
        self.page.on("console", lambda message: self.errors.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.errors.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _dismiss(self, dialog: Dialog) -> None:
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium from $CHROMIUM or the path. Its sandbox does not work for root."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        pytest.fail("no Chromium. Run scripts/browser, which installs it or prints how")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def recorders() -> list[PageRecorder]:
    """One recorder for each page of the test."""
    return []


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path, recorders: list[PageRecorder]) -> Iterator[OpenPage]:
    """Open a report from disk. At teardown no page has logged an error or sent a request."""
    contexts = []

    def open_report(report: Report, *, quiet: bool = True, **options: Any) -> Page:
        file = tmp_path / f"report{len(recorders)}.html"
        file.write_text(render_html(report), encoding="utf-8", errors="replace")
        context = browser.new_context(**{"viewport": {"width": 1_400, "height": 900}, **options})
        contexts.append((context, quiet))
        page = context.new_page()
        recorders.append(PageRecorder(page))
        page.goto(file.as_uri())
        return page

    yield open_report
    for recorder, (context, quiet) in zip(recorders, contexts, strict=True):
        context.close()
        if quiet:
            assert recorder.errors == []
            assert len(recorder.requests) == 1
