"""What goes over a real wire, and what may come back: encodings, bodies, redirects, proxies, authorities."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from mpstock import Secret
from mpstock.errors import ConfigurationError, PluginContractError, TransientError, UnexpectedResponseError
from mpstock.testing import run_virtual
from mpstock.transport import HttpTransport
from tests.transport.wires import URL, Answers, answering, raw_server, read_request, transport_over

PLAIN = b'{"stocks": ' + b"[]" * 1000 + b"}"


def http(body: bytes, *headers: str, length: bool = True, status: str = "200 OK") -> bytes:
    """A raw answer."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(script: Any, *, path: str = "/", **settings: Any) -> httpx.Response:
    """One GET of a raw server's answer over a real connection."""

    async def main() -> httpx.Response:
        async with raw_server(script) as url:
            transport = transport_over(**{"attempts": 1, **settings})
            try:
                return await transport.request("GET", url + path, scopes=("s",))
            finally:
                await transport.aclose()

    return asyncio.run(main())


def test_gzip_is_asked_for_and_undone():
    """By default exactly `gzip` is asked for (МойСклад refuses else); the answer arrives plain."""
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(http(gzip.compress(PLAIN), "Content-Encoding: gzip"))
        await writer.drain()

    response = ask(script)
    assert response.content == PLAIN
    assert b"accept-encoding: gzip\r\n" in seen[0].lower()
    assert "content-encoding" not in response.headers
    assert response.headers["content-length"] == str(len(PLAIN))


def test_user_agent_names_the_version():
    """The vendor sees which version of mpstock and of httpx asks."""
    answers = Answers(httpx.Response(200))
    run_virtual(lambda: transport_over(answers).request("GET", URL, scopes=("s",)))
    agent = answers.requests[0].headers["user-agent"]
    assert agent.startswith("mpstock/")
    assert agent.endswith(f"(+python-httpx/{httpx.__version__})")


def test_adapters_headers_win():
    """What an adapter says in a header stands, whatever its case."""
    answers = Answers(httpx.Response(200))
    run_virtual(
        lambda: transport_over(answers).request(
            "POST",
            URL,
            scopes=("s",),
            headers={"accept-encoding": "identity", "content-type": "text/json", "USER-AGENT": "x"},
            json={},
        )
    )
    headers = answers.requests[0].headers
    assert headers.get_list("accept-encoding") == ["identity"]
    assert headers.get_list("content-type") == ["text/json"]
    assert headers.get_list("user-agent") == ["x"]


@pytest.mark.parametrize(
    "coding",
    [
        ("deflate", zlib.compress(PLAIN)),
        ("deflate", zlib.compress(PLAIN)[2:-4]),
        ("gzip", gzip.compress(PLAIN[:500]) + gzip.compress(PLAIN[500:])),
        ("gzip", gzip.compress(PLAIN) + b"\0" * 512),
        ("identity", PLAIN),
    ],
    ids=["zlib", "raw deflate", "two gzip members", "padded gzip", "identity"],
)
def test_codings_that_servers_use(coding: tuple[str, bytes]):
    """All that goes by the names gzip and deflate is read to its end."""
    name, body = coding
    assert ask(answering(http(body, f"Content-Encoding: {name}"))).content == PLAIN


@pytest.mark.parametrize(
    "raw",
    [
        http(PLAIN, length=True)[:-100],
        http(gzip.compress(PLAIN)[:-20], "Content-Encoding: gzip", "Connection: close", length=False),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
    ],
    ids=["short of its length", "gzip without its end", "open chunk", "cut in the head", "nothing"],
)
def test_cut_off_answer_is_never_taken_for_whole(raw: bytes):
    """However an answer breaks off it is a failed read: half a stock list must not look like one."""
    with pytest.raises(TransientError):
        ask(answering(raw))


def test_cut_off_answer_is_asked_for_again():
    """A read whose answer broke off is tried again and gets the whole one."""
    raws = [http(PLAIN)[:-7], http(PLAIN)]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raws.pop(0))
        await writer.drain()

    assert ask(script, attempts=2).content == PLAIN


def test_slow_body_ends_at_the_timeout():
    """A body that trickles for ever is given up when the attempt's time is over."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.005)

    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with pytest.raises(TransientError, match=r"no whole answer within 0\.2 s"):
        ask(answering(raw, then=trickle), timeout=0.2)


def test_body_larger_than_agreed_is_given_up():
    """An answer without end is not read into memory without end, and not asked for again."""
    with pytest.raises(UnexpectedResponseError, match=r"larger than 1000 bytes.*max_body"):
        ask(answering(http(b"x" * 5000)), max_body=1000)


def test_decompression_bomb_is_given_up():
    """A small body that unpacks to a huge one is given up at the limit, having unpacked little more."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(UnexpectedResponseError, match="larger than 1000000 bytes"):
        ask(answering(http(bomb, "Content-Encoding: gzip")), max_body=1_000_000)


def test_coding_that_was_not_asked_for_is_named():
    """An answer in a coding that cannot be read says which, instead of handing over rubbish."""
    with pytest.raises(UnexpectedResponseError, match="coding 'br'"):
        ask(answering(http(b"\x0b\x02", "Content-Encoding: br")))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirect_is_not_followed_and_told(status: str):
    """A redirect to another host is an error that names it, and no header ever goes there."""
    foreign: list[bytes] = []

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        foreign.append(await read_request(reader))

    async def main() -> None:
        async with raw_server(other) as elsewhere:
            raw = http(
                b"",
                f"Location: {elsewhere.replace('127.0.0.1', 'localhost')}/x?key=K-secret-1",
                status=status,
            )
            async with raw_server(answering(raw)) as url:
                transport = transport_over(secrets=["K-secret-1"])
                with pytest.raises(UnexpectedResponseError, match="sends us to localhost") as raised:
                    await transport.request("GET", url, scopes=("s",), headers={"Api-Key": "K-secret-1"})
                assert "K-secret-1" not in str(raised.value)
                await transport.aclose()

    asyncio.run(main())
    assert foreign == []


def test_params_write_a_space_as_1c_wants_it():
    """A query goes out with %20 for a space and with Cyrillic in UTF-8; `+` itself stays a plus."""
    answers = Answers(httpx.Response(200))
    params = {"$filter": "Артикул eq 'a b+c'", "format": "json"}
    run_virtual(lambda: transport_over(answers).request("GET", URL + "?x=1", scopes=("s",), params=params))
    assert answers.requests[0].url.query == (
        b"x=1&$filter=%D0%90%D1%80%D1%82%D0%B8%D0%BA%D1%83%D0%BB%20eq%20'a%20b%2Bc'&format=json"
    )


@pytest.mark.parametrize("value", ["ключ", "line\nbreak", "no\u00a0break"])
def test_header_that_http_cannot_carry_is_named_without_its_value(value: str):
    """A key that was copied with a line break or a Cyrillic letter is told by the header's name alone."""
    with pytest.raises(ConfigurationError, match="header Api-Key: ") as raised:
        run_virtual(
            lambda: transport_over(Answers(httpx.Response(200))).request(
                "GET", URL, scopes=("s",), headers={"Api-Key": value}
            )
        )
    assert value not in str(raised.value)


@pytest.mark.parametrize("url", ["erp.local/trade", "ftp://erp.local/trade", "http://[::1", "http://a:b:c/"])
def test_address_that_is_none_is_a_configuration_error(url: str):
    """A base URL without a scheme, or one that is no URL, is told as such."""

    async def main() -> None:
        transport = transport_over()
        with pytest.raises(ConfigurationError, match="base_url"):
            await transport.request("GET", url, scopes=("s",))
        await transport.aclose()

    asyncio.run(main())


def test_json_and_content_together_are_refused():
    """A request has one body."""
    with pytest.raises(PluginContractError, match="either `json` or `content`"):
        run_virtual(
            lambda: transport_over(Answers(httpx.Response(200))).request(
                "POST", URL, scopes=("s",), json={}, content=b"x"
            )
        )


def through_proxy(configure: Callable[[str], dict[str, Any]], target: str) -> list[bytes]:
    """What a proxy on loopback was asked, when `configure` gave it to a transport that asks `target`."""
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(http(b"{}"))
        await writer.drain()

    async def main() -> None:
        async with raw_server(proxy) as url:
            transport = transport_over(attempts=1, **configure(url))
            with contextlib.suppress(TransientError):
                await transport.request("GET", target, scopes=("s",))
            await transport.aclose()

    asyncio.run(main())
    return seen


def test_proxy_of_the_settings_is_used_with_its_credentials():
    """Requests go through the configured proxy, which gets its own user and password."""
    seen = through_proxy(
        lambda url: {"proxy": Secret(url.replace("http://", "http://user:pass-word@"))},
        "http://vendor.test/x",
    )
    assert seen[0].startswith(b"GET http://vendor.test/x HTTP/1.1")
    assert b"Proxy-Authorization: Basic " in seen[0]


def test_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch):
    """HTTP_PROXY is obeyed, as every tool in a company's network does."""

    def configure(url: str) -> dict[str, Any]:
        monkeypatch.setenv("HTTP_PROXY", url)
        return {}

    assert through_proxy(configure, "http://vendor.test/x")[0].startswith(b"GET http://vendor.test/x")


def test_proxy_of_the_environment_can_be_ignored(monkeypatch: pytest.MonkeyPatch):
    """With `trust_env` off the environment's proxy is not asked."""

    def configure(url: str) -> dict[str, Any]:
        monkeypatch.setenv("HTTP_PROXY", url)
        return {"trust_env": False}

    assert through_proxy(configure, "http://vendor.invalid/x") == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_asked_through_the_environments_proxy(monkeypatch: pytest.MonkeyPatch, host: str):
    """A simulator on loopback is reached directly, whatever the environment says."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async def main() -> int:
        async with raw_server(answering(http(b"{}"))) as url:
            transport = transport_over(attempts=1)
            response = await transport.request("GET", url.replace("127.0.0.1", host), scopes=("s",))
            await transport.aclose()
            return response.status_code

    assert asyncio.run(main()) == 200


def test_senseless_proxy_is_told_without_its_password():
    """A proxy setting that is no URL is a configuration error that does not quote it."""

    async def main() -> None:
        transport = transport_over(proxy=Secret("gopher://user:hidden-1@proxy"))
        with pytest.raises(ConfigurationError, match="proxy") as raised:
            await transport.request("GET", URL, scopes=("s",))
        assert "hidden-1" not in str(raised.value)

    asyncio.run(main())


def test_missing_authority_file_is_told(tmp_path: Path):
    """A `ca_file` that is not there, or is no PEM, is a configuration error that names it."""
    empty = tmp_path / "ca.pem"
    empty.write_text("no certificate")

    async def main() -> None:
        for path in (tmp_path / "missing.pem", empty):
            transport = transport_over(ca_file=str(path))
            with pytest.raises(ConfigurationError, match=path.name):
                await transport.request("GET", URL, scopes=("s",))

    asyncio.run(main())


def test_extra_authority_is_trusted(tmp_path: Path):
    """A server that a company's own authority vouches for is trusted with `ca_file`, and only then."""
    pytest.importorskip("cryptography", reason="needs cryptography to make a certificate")
    certificate = make_certificate(tmp_path)

    async def main() -> None:
        async with tls_server(certificate) as url:
            strict = transport_over(attempts=1)
            with pytest.raises(TransientError, match="ca_file"):
                await strict.request("GET", url, scopes=("s",))
            await strict.aclose()
            trusting = transport_over(attempts=1, ca_file=str(certificate))
            assert (await trusting.request("GET", url, scopes=("s",))).status_code == 200
            await trusting.aclose()

    asyncio.run(main())


def make_certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one PEM file."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def tls_server(certificate: Path) -> Any:
    """A TLS server on loopback that answers every request with 200."""
    import ssl
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def serving() -> Any:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await answering(http(b"{}"))(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        async with server:
            yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    return serving()


def test_no_more_connections_than_agreed():
    """However many requests are under way, at most `max_connections` connections are open."""
    open_now = most = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            while True:
                await read_request(reader)
                await asyncio.sleep(0.01)
                writer.write(http(b"{}"))
                await writer.drain()
        finally:
            open_now -= 1

    async def main() -> None:
        async with raw_server(script) as url:
            transport = transport_over(max_connections=2, rates=())
            await asyncio.gather(*(transport.request("GET", url, scopes=()) for _ in range(10)))
            await transport.aclose()

    asyncio.run(main())
    assert most == 2


def test_transport_works_on_one_loop_after_the_other():
    """Each event loop gets its own client: a transport may be used again after `asyncio.run` has ended."""

    async def once(transport: HttpTransport) -> int:
        async with raw_server(answering(http(b"{}"))) as url:
            status = (await transport.request("GET", url, scopes=("s",))).status_code
            await transport.aclose()
            return status

    transport = transport_over()
    assert [asyncio.run(once(transport)), asyncio.run(once(transport))] == [200, 200]


def test_importing_the_transport_imports_no_client():
    """Importing the transport or the test kit pulls in neither httpx nor tenacity nor test tools."""
    import subprocess
    import sys

    code = (
        "import sys, mpstock.transport, mpstock.testing, mpstock.pacing, mpstock.redaction;"
        "print([name for name in ('httpx', 'tenacity', 'hypothesis', 'pytest') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
