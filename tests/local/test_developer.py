"""What the page's developer drawer orders, and pages as they go out."""

import gzip
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from local.developer import developer_routes
from local.pages import Pages
from local.settings import MAILBOX_PATH
from local.squeezing import squeezed
from tests.local.stand_ins import Seen, StubServer, send_json

NOBODY = "http://127.0.0.1:9"
TEXT = "export const answer = 42;\n" * 40


class Killer:
    """The supervisor's stand-in."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def drawer(killer: Killer | None, aws: str = NOBODY) -> TestClient:
    return TestClient(Starlette(routes=[*developer_routes(aws, killer)]))


def test_the_relay_is_killed_on_order() -> None:
    killer = Killer()
    answer = drawer(killer).post("/local/relay/kill", json={})
    assert (answer.status_code, killer.count) == (202, 1)


def test_another_sites_form_kills_nothing() -> None:
    """A form can send three content types without a preflight; JSON is none of them."""
    killer = Killer()
    answer = drawer(killer).post("/local/relay/kill", data={"a": "b"})
    assert (answer.status_code, killer.count) == (415, 0)


def test_nothing_is_killed_that_nobody_would_start_again() -> None:
    assert drawer(None).post("/local/relay/kill", json={}).status_code == 404


def test_the_mailbox_is_the_emulators() -> None:
    def answer(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        assert seen.target == MAILBOX_PATH
        send_json(handler, {"messages": [{"kind": "email"}]})

    server = StubServer(answer)
    found = drawer(None, server.url).get("/local/mailbox")
    server.close()
    assert found.json() == {"messages": [{"kind": "email"}]}
    assert found.headers["cache-control"] == "no-store"


def test_a_mailbox_that_restarts_says_so() -> None:
    answer = drawer(None).get("/local/mailbox")
    assert (answer.status_code, answer.json()["retryable"]) == (502, True)


@pytest.fixture
def page(tmp_path: Path) -> TestClient:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "a.js").write_text(TEXT, encoding="utf-8")
    (tmp_path / "demo" / "a.png").write_bytes(b"\x89PNG" * 400)
    pages = Pages((), tmp_path)

    async def answer(request: Request) -> Response:
        return squeezed(request, pages.answer(request))

    return TestClient(Starlette(routes=[Route("/{path:path}", answer)]))


def test_text_goes_out_compressed_with_the_same_headers(page: TestClient) -> None:
    answer = page.get("/a.js", headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(gzip.compress(TEXT.encode(), mtime=0))
    assert answer.text == TEXT
    whole = page.get("/a.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in whole.headers
    assert whole.text == TEXT
    for name in ("etag", "vary", "content-security-policy", "content-type", "cache-control"):
        assert answer.headers[name] == whole.headers[name]


def test_pictures_go_out_as_they_are(page: TestClient) -> None:
    answer = page.get("/a.png", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


def test_what_the_browser_has_is_not_sent_again_in_either_form(page: TestClient) -> None:
    etag = page.get("/a.js", headers={"Accept-Encoding": "gzip"}).headers["etag"]
    answer = page.get("/a.js", headers={"If-None-Match": etag, "Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_changed_file_goes_out_changed(page: TestClient, tmp_path: Path) -> None:
    gzipped = {"Accept-Encoding": "gzip"}
    assert page.get("/a.js", headers=gzipped).text == TEXT
    (tmp_path / "demo" / "a.js").write_text("changed", encoding="utf-8")
    assert page.get("/a.js", headers=gzipped).text == "changed"
