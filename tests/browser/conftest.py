from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.stage import PASSWORD, Stage, staged

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real Chromium: the system's, else the one that Playwright has fetched.

    It is closed with the module: while it is open no other test could run an event loop of its own.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    found = os.environ.get("MPSTOCK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    # Root may not use the browser's own sandbox.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A shop in which something of everything has happened, served for real."""
    with staged(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture
def visit(chromium: Any, stage: Stage) -> Iterator[Callable[..., Any]]:
    """Open a browser's page and log in; whatever the browser complains of fails the test."""
    contexts = []
    complaints: list[str] = []

    def note(message: Any) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def visited(user: str = "anna", **options: Any) -> Any:
        context = chromium.new_context(base_url=stage.url, **{"locale": "en-GB", **options})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/")
        page.fill("#user", user)
        page.fill("#password", PASSWORD)
        page.locator("form button.main").click()
        page.wait_for_selector("#standing")
        return page

    yield visited
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where the screenshots go: looked at by people, and kept by CI."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES
