"""What a person does in the dashboard, with a real browser; and how the pages look and read to everybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.play import until
from tests.browser.stage import SHIRTS, Stage

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

Visitor = Callable[..., Any]

PAGES = {
    "overview": "/",
    "products": "/products",
    "product": f"/product?sku={SHIRTS[3]}",
    "hostile": "/product?sku=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "log": "/log",
    "runs": "/runs",
    "run": "/run?number=3",
    "held": "/held",
    "held-listings": "/held/listings?sink=ozon&warehouse=main&cause=erp&guard=zeroing",
    "failing": "/failing?sink=wb",
    "alerts": "/alerts",
    "by-hand": "/by-hand",
    "orphans": "/orphans",
    "shadow": "/shadow",
}
LOOKS: dict[str, dict[str, Any]] = {
    "en-light-desktop": {
        "locale": "en-GB", "color_scheme": "light", "viewport": {"width": 1280, "height": 800},
    },
    "ru-dark-desktop": {
        "locale": "ru-RU", "color_scheme": "dark", "viewport": {"width": 1280, "height": 800},
    },
    "en-dark-phone": {
        "locale": "en-GB", "color_scheme": "dark", "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2, "has_touch": True, "is_mobile": True,
    },
    "ru-light-phone": {
        "locale": "ru-RU", "color_scheme": "light", "viewport": {"width": 360, "height": 780},
        "device_scale_factor": 2, "has_touch": True, "is_mobile": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(visit: Visitor, look: str, pictures: Path) -> None:
    """No serious finding of axe, nothing wider than the screen; a picture of each page is kept."""
    from axe_playwright_python.sync_playwright import Axe

    page = visit(**LOOKS[look])
    axe = Axe()
    found = []
    for name, path in PAGES.items():
        answer = page.goto(path)
        assert answer.status == 200, path
        page.screenshot(path=pictures / f"{name}-{look}.png", full_page=True)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            found.append(f"{name}: {wider} px too wide")
        for violation in axe.run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                places = [node["target"] for node in violation["nodes"]][:3]
                found.append(f"{name}: {violation['id']} {places}")
    assert found == []


@pytest.mark.parametrize("look", ["en-light-desktop", "ru-dark-desktop", "ru-light-phone"])
def test_the_log_in_is_accessible(chromium: Any, stage: Stage, look: str, pictures: Path) -> None:
    """The one page that everybody sees; a wrong password is told to a screen reader as well."""
    from axe_playwright_python.sync_playwright import Axe

    context = chromium.new_context(base_url=stage.url, **LOOKS[look])
    try:
        page = context.new_page()
        page.goto("/")
        assert "/login" in page.url
        page.fill("#user", "anna")
        page.fill("#password", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector('[role="alert"]')
        page.screenshot(path=pictures / f"login-{look}.png")
        worst = [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] != "minor"]
        assert worst == []
    finally:
        context.close()


def test_a_product_is_found_and_explained(visit: Visitor) -> None:
    """From the search to the reason: a person finds an article by a part of it, and opens its explanation."""
    page = visit("boris")
    page.get_by_role("link", name="Products").click()
    page.get_by_label("Article").fill("black-x")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=black-x")
    page.get_by_role("link", name="TSHIRT-BLACK-XL").click()
    page.wait_for_selector("svg.plot")
    assert page.locator("h1").inner_text().strip() == "TSHIRT-BLACK-XL"
    reason = page.get_by_text("buffer standard").first
    reason.scroll_into_view_if_needed()
    assert reason.is_visible()
    # A closed node opens by the keyboard, without any script of ours.
    node = page.locator("details.pool summary").first
    node.focus()
    page.keyboard.press("Enter")
    assert page.get_by_text("quantity − reserved − held").first.is_visible()
    assert page.get_by_role("button", name="Zero").count() == 0


def test_sync_now_shows_its_progress_without_a_reload(visit: Visitor, stage: Stage, pictures: Path) -> None:
    """The page follows the run while it lasts, and shows what came of it, without being loaded again."""
    page = visit()
    stage.shut()
    stage.source.set(SHIRTS[0], 44)
    page.get_by_role("button", name="Sync now").click()
    page.wait_for_selector(".now .phases")
    page.wait_for_selector(".running .pulse")
    page.evaluate("window.stays = true")
    assert "sync · anna" in page.locator(".now .job").inner_text()
    page.screenshot(path=pictures / "running-en-light-desktop.png", full_page=True)
    stage.open()
    page.wait_for_selector(".now .job", state="detached")
    page.wait_for_selector(".running .pulse", state="detached")
    assert page.evaluate("window.stays") is True
    assert stage.ozon.shown[SHIRTS[0], "main"] == 42


def test_a_held_slice_is_let_through(visit: Visitor, stage: Stage) -> None:
    """The guard's card asks for a reason; then what was held is sent, and the log says who let it go."""
    page = visit()
    page.get_by_role("link", name="held by a guard").click()
    button = page.get_by_role("button", name="Let ")
    button.click()
    # The browser itself insists on a reason.
    assert page.evaluate("document.activeElement.name") == "reason"
    assert page.url.endswith("/held")
    page.get_by_label("Reason").fill("the mugs are sold out")
    button.click()
    page.wait_for_selector(".notice.good")

    def is_let_go() -> bool:
        # The run that lets it go may not have begun when the page says that it was asked for.
        page.goto("/held")
        return page.get_by_text("Nothing is held").is_visible()

    until(is_let_go)

    async def released() -> list[Any]:
        return list(await stage.shop.actions(action="release"))

    (action,) = stage.play(released)
    assert (action.actor, action.reason) == ("anna", "the mugs are sold out")
    page.goto("/log?sku=КРУЖКА-01")
    assert "anna" in page.locator("tbody tr").first.inner_text()


def test_everything_works_without_a_script(visit: Visitor, stage: Stage) -> None:
    """Forms, explanations, language and theme need none."""
    page = visit(java_script_enabled=False)
    page.get_by_role("button", name="Sync now").click()
    assert "A run is asked for" in page.locator(".notice").inner_text()
    page.get_by_role("link", name="Русский").click()
    assert page.locator("html").get_attribute("lang") == "ru"
    page.get_by_role("link", name="Тёмная тема").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.get_by_role("button", name="Выйти").click()
    assert "/login" in page.url


def test_a_session_that_has_ended_leads_to_the_log_in(visit: Visitor) -> None:
    """A page that is left open does not go on showing an old state when its session is over."""
    page = visit()
    page.context.clear_cookies()
    page.wait_for_url("**/login**")
