"""Who may come in, how, and what every answer says to the browser."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from mpstock.config import UserSettings
from mpstock.passwords import hashed
from mpstock.secret import Secret
from mpstock.service.dashboard.sessions import IDLE, LONGEST, OF_ADDRESS, OF_USER, WINDOW, Attempts, Sessions
from tests.service.dashboard.shops import ANNA, BORIS, PASSWORDS, USERS, Front, log_in, play, token

PAGES = (
    "/", "/running", "/runs", "/run?number=1", "/log", "/products", "/product?sku=A", "/held",
    "/held/listings?sink=shop", "/failing", "/alerts", "/by-hand", "/orphans", "/shadow",
)  # fmt: skip
BUTTONS = ("/sync", "/release", "/retry", "/decide", "/resume", "/orphans", "/silence",
           "/takeover-plan", "/mode")  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_for_those_who_are_logged_in(page: str, tmp_path: Path) -> None:
    """Nobody sees anything before they have logged in; then they see just that page."""

    async def act(front: Front) -> tuple[httpx.Response, httpx.Response]:
        before = await front.client.get(page)
        await front.log_in(BORIS)
        return before, await front.client.get(page)

    before, after = play(tmp_path, act)
    assert before.status_code == 303
    assert before.headers["location"].startswith("/login?back=")
    assert "A" not in before.text
    assert after.status_code == 200


@pytest.mark.parametrize("page", [*PAGES, "/login", "/static/style.css", "/static/no-such"])
def test_every_answer_guards_itself(page: str, tmp_path: Path) -> None:
    """No page may be framed, run a script of another origin or one that is written into it, or be kept."""

    async def act(front: Front) -> httpx.Response:
        await front.log_in()
        return await front.client.get(page)

    headers = play(tmp_path, act).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store" or page == "/static/style.css"


def test_pages_need_no_script_or_style_that_is_written_into_them(tmp_path: Path) -> None:
    """What the policy forbids is not there: no inline script, no style, no handler."""

    async def act(front: Front) -> list[str]:
        await front.log_in()
        return [(await front.client.get(page)).text for page in PAGES]

    for text in play(tmp_path, act):
        assert "<style" not in text
        assert " style=" not in text
        assert "onclick" not in text
        assert text.count("<script") == text.count("<script src=")


@pytest.mark.parametrize("button", BUTTONS)
def test_a_viewer_presses_no_button(button: str, tmp_path: Path) -> None:
    """Who may look may not act, and is shown no button either."""

    async def act(front: Front) -> tuple[httpx.Response, str]:
        csrf = await front.log_in(BORIS)
        return await front.press(button, csrf, reason="because"), (await front.client.get("/held")).text

    answer, page = play(tmp_path, act)
    assert answer.status_code == 403
    assert 'action="/release"' not in page


@pytest.mark.parametrize("button", BUTTONS)
def test_nothing_is_done_without_the_token_of_the_session(button: str, tmp_path: Path) -> None:
    """A form from elsewhere does nothing: without the token, with another's, or from another origin."""

    async def act(front: Front) -> list[int]:
        csrf = await front.log_in()
        runs = len((await front.shop.status()).runs)
        answers = [
            await front.client.post(button, data={"reason": "x"}),
            await front.client.post(button, data={"reason": "x", "csrf": "no"}),
            await front.client.post(
                button, data={"reason": "x", "csrf": csrf}, headers={"origin": "http://evil.example"}
            ),
            await front.client.post(
                button, data={"reason": "x", "csrf": csrf}, headers={"sec-fetch-site": "cross-site"}
            ),
            await front.client.post(button, json={"reason": "x", "csrf": csrf}),
        ]
        await front.settled()
        assert len((await front.shop.status()).runs) == runs
        return [answer.status_code for answer in answers]

    assert play(tmp_path, act) == [403, 403, 403, 403, 413]


@pytest.mark.parametrize("button", BUTTONS)
def test_whoever_is_not_logged_in_is_asked_to(button: str, tmp_path: Path) -> None:
    """A button without a session leads to the log-in."""

    async def act(front: Front) -> httpx.Response:
        return await front.client.post(button, data={"csrf": ""})

    answer = play(tmp_path, act)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_wrong_password_lets_nobody_in(tmp_path: Path) -> None:
    """Neither a wrong password nor a user who is not there; the answer is the same."""

    async def act(front: Front) -> list[tuple[int, bool]]:
        answers = []
        for user, password in ((ANNA, "wrong"), ("nobody", "wrong"), ("nobody", ""), (ANNA, "")):
            csrf = token((await front.client.get("/login")).text)
            answer = await front.client.post(
                "/login", data={"csrf": csrf, "user": user, "password": password}
            )
            answers.append((answer.status_code, "mpstock_session" in answer.headers.get("set-cookie", "")))
        return answers

    assert play(tmp_path, act) == [(401, False)] * 4


def test_a_log_in_needs_the_form_s_own_token(tmp_path: Path) -> None:
    """Nobody can be logged in from another site as somebody else."""

    async def act(front: Front) -> httpx.Response:
        return await front.client.post(
            "/login", data={"csrf": "guessed", "user": ANNA, "password": PASSWORDS[ANNA]}
        )

    assert play(tmp_path, act).status_code == 403


def test_a_hash_is_as_good_as_a_password(tmp_path: Path) -> None:
    """The settings need not have the password itself."""
    users = {ANNA: UserSettings(Secret(hashed(PASSWORDS[ANNA])), "operator")}

    async def act(front: Front) -> int:
        await front.log_in()
        return (await front.client.get("/")).status_code

    assert play(tmp_path, act, users=users) == 200


def test_who_guesses_has_to_wait(tmp_path: Path) -> None:
    """After some wrong passwords even the right one is not looked at for a while."""

    async def act(front: Front) -> list[int]:
        codes = []
        for password in [*["wrong"] * OF_ADDRESS, PASSWORDS[ANNA]]:
            csrf = token((await front.client.get("/login")).text)
            answer = await front.client.post(
                "/login", data={"csrf": csrf, "user": ANNA, "password": password}
            )
            codes.append(answer.status_code)
        assert int(answer.headers["retry-after"]) > 60
        return codes

    assert play(tmp_path, act) == [401] * OF_ADDRESS + [429]


def test_waiting_ends_and_nobody_locks_another_out_with_a_few_tries() -> None:
    """An address waits for a quarter of an hour; a user only after many more tries from everywhere."""
    now = 0.0
    attempts = Attempts(lambda: now)
    for _ in range(OF_ADDRESS):
        attempts.failed("10.0.0.1", ANNA)
    assert attempts.wait("10.0.0.1", BORIS) > 0
    assert attempts.wait("10.0.0.2", ANNA) == 0
    for number in range(OF_USER):
        attempts.failed(f"10.0.1.{number}", ANNA)
    assert attempts.wait("10.0.0.2", ANNA) > 0
    now = WINDOW + 1
    assert attempts.wait("10.0.0.1", ANNA) == 0


def test_a_session_ends_when_nobody_uses_it_and_in_any_case() -> None:
    """It is over after a while without a page; pages that refresh themselves do not count as use."""
    now = 0.0
    sessions = Sessions(lambda: now)
    used, idle = sessions.begin(ANNA), sessions.begin(ANNA)
    now = IDLE - 1
    assert sessions.find(used) is not None
    assert sessions.find(idle, touch=False) is not None
    now = IDLE + 1
    assert sessions.find(used) is not None
    assert sessions.find(idle) is None
    while now < LONGEST:
        assert sessions.find(used) is not None
        now += IDLE - 1
    assert sessions.find(used) is None


def test_logging_out_ends_the_session_itself(tmp_path: Path) -> None:
    """The cookie is worth nothing afterwards, whoever has kept it."""

    async def act(front: Front) -> tuple[int, int]:
        csrf = await front.log_in()
        cookie = front.client.cookies["mpstock_session"]
        await front.press("/logout", csrf)
        after = await front.client.get("/")
        kept = await front.client.get("/", headers={"cookie": f"mpstock_session={cookie}"})
        return after.status_code, kept.status_code

    assert play(tmp_path, act) == (303, 303)


@pytest.mark.parametrize(("url", "secure"), [("", False), ("https://stock.example.com", True)])
def test_the_cookie_is_for_nobody_but_the_browser(url: str, secure: bool, tmp_path: Path) -> None:
    """No script reads it, no other site sends it, and where there is TLS it goes no other way."""

    async def act(front: Front) -> str:
        csrf = token((await front.client.get("/login")).text)
        form = {"csrf": csrf, "user": ANNA, "password": PASSWORDS[ANNA]}
        answer = await front.client.post("/login", data=form)
        return next(one for one in answer.headers.get_list("set-cookie") if one.startswith("mpstock_session"))

    cookie = play(tmp_path, act, public_url=url).lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert ("secure" in cookie) is secure


def test_only_the_name_that_is_set_is_answered_to(tmp_path: Path) -> None:
    """With a public URL another host's name gets no page: no address can be made to look like ours."""

    async def act(front: Front) -> list[int]:
        return [
            (await front.client.get("/login", headers={"host": host})).status_code
            for host in ("stock.example.com", "STOCK.example.com", "evil.example", "stock.example.com:81")
        ]

    assert play(tmp_path, act, public_url="https://stock.example.com") == [200, 200, 400, 400]


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "/\r\nX: y", "x"]
)
def test_the_log_in_leads_nowhere_else(back: str, tmp_path: Path) -> None:
    """What an address says about where to go afterwards is taken only for pages of ours."""

    async def act(front: Front) -> str:
        csrf = token((await front.client.get("/login", params={"back": back})).text)
        form = {"csrf": csrf, "user": ANNA, "password": PASSWORDS[ANNA], "back": back}
        return str((await front.client.post("/login", data=form)).headers["location"])

    assert play(tmp_path, act) == "/"


def test_without_users_there_is_a_page_that_says_how_to_add_one(tmp_path: Path) -> None:
    """Nothing else is shown then, and nobody can log in."""

    async def act(front: Front) -> list[httpx.Response]:
        return [await front.client.get(page) for page in (*PAGES, "/login")] + [
            await front.client.post("/login", data={"csrf": "", "user": "", "password": ""})
        ]

    for answer in play(tmp_path, act, users={}):
        assert answer.status_code == 403
        assert "mpstock password" in answer.text


def test_everything_works_under_a_path(tmp_path: Path) -> None:
    """Mounted in another application every link, form, cookie and file stays below that path."""

    async def act(front: Front) -> list[tuple[str, httpx.Response]]:
        await log_in(front.client, ANNA, "/tools/stock/login")
        assert {cookie.path for cookie in front.client.cookies.jar} == {"/tools/stock"}
        return [(page, await front.client.get(f"/tools/stock{page}")) for page in PAGES]

    for page, answer in play(tmp_path, act, under="/tools/stock"):
        assert answer.status_code == 200, page
        for kind in ("href", "action", "src", "data-live"):
            for part in answer.text.split(f' {kind}="')[1:]:
                assert part.startswith(("/tools/stock/", "#")), (page, part[:60])


def test_whoever_leaves_the_settings_is_logged_out(tmp_path: Path) -> None:
    """A session is worth what its user is worth now, also the role."""

    async def act(front: Front) -> tuple[int, int]:
        from attrs import evolve

        csrf = await front.log_in()
        config = front.shop._assembly.config
        lowered = {ANNA: evolve(USERS[ANNA], role="viewer")}
        front.shop._assembly.config = evolve(config, service=evolve(config.service, users=lowered))
        pressed = await front.press("/sync", csrf)
        other = {BORIS: USERS[BORIS]}
        front.shop._assembly.config = evolve(config, service=evolve(config.service, users=other))
        return pressed.status_code, (await front.client.get("/")).status_code

    assert play(tmp_path, act) == (403, 303)


def test_no_page_tells_a_secret(tmp_path: Path) -> None:
    """Neither the passwords nor the session's token are in any page."""

    async def act(front: Front) -> list[str]:
        await front.log_in()
        texts = [(await front.client.get(page)).text for page in PAGES]
        return [*texts, front.client.cookies["mpstock_session"]]

    *texts, cookie = play(tmp_path, act)
    for text in texts:
        for secret in (*PASSWORDS.values(), cookie):
            assert secret not in text
