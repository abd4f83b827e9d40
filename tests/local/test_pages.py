from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from local.pages import Pages
from nft_upgrade.http.pages import content_security_policy, file_of, page_files

RPC = "http://localhost:8899"
FILES = {
    "demo/index.html": "<!doctype html><title>demo</title>",
    "demo/parts/timeline.js": "export const timeline = 1",
    "demo/ops-like.css": "p { color: red }",
    "client/index.js": "export const client = 1",
    "client/index.d.ts": "export declare const client: 1",
    "client/README.md": "# client",
    "client/node_modules/other/index.js": "1",
    "client/test/index.js": "1",
    "ops/index.html": "<!doctype html><title>ops</title>",
    "ops/.secret.json": "{}",
    "outside.js": "1",
}


@pytest.fixture
def web(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path


@pytest.fixture
def client(web: Path) -> Iterator[TestClient]:
    pages = Pages([RPC], web)

    async def answer(request: Request) -> Response:
        return pages.answer(request)

    with TestClient(Starlette(routes=[Route("/{path:path}", answer)])) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "<title>demo"),
        ("/index.html", "<title>demo"),
        ("/parts/timeline.js", "timeline"),
        ("/ops-like.css", "color"),
        ("/client/index.js", "client"),
        ("/ops/", "<title>ops"),
        ("/ops/index.html", "<title>ops"),
    ],
)
def test_each_page_has_its_own_folder(client: TestClient, path: str, text: str) -> None:
    assert text in client.get(path).text


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/client/",  # it has no page of its own
        "/client/index.d.ts",
        "/client/README.md",
        "/client/node_modules/other/index.js",
        "/client/test/index.js",
        "/ops/.secret.json",
        "/demo/index.html",
        "/parts",
        "/ops//index.html",
        "/%2e%2e/outside.js",
        "/ops/%2e%2e/%2e%2e/outside.js",
        "/..%2foutside.js",
        "/parts%00.js",
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_link_that_leads_out_of_the_folder_is_not_followed(
    client: TestClient, web: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("other") / "secret.js"
    secret.write_text("1")
    (web / "ops" / "link.js").symlink_to(secret)
    assert client.get("/ops/link.js").status_code == 404


@pytest.mark.parametrize("path", ["/ops", "/client"])
def test_a_page_is_entered_by_its_folder_so_that_its_relative_links_are_right(
    client: TestClient, path: str
) -> None:
    answer = client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (301, f"{path}/")


def test_no_inline_script_runs_in_a_page_and_no_other_site_may_frame_it(client: TestClient) -> None:
    headers = client.get("/").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == f"'self' {RPC}"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "text/html; charset=utf-8"


def test_a_script_has_the_headers_too(client: TestClient) -> None:
    headers = client.get("/client/index.js").headers
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert "content-security-policy" in headers


def test_an_unchanged_file_is_not_sent_again_and_a_changed_one_at_once(
    client: TestClient, web: Path
) -> None:
    first = client.get("/ops/")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/ops/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    (web / "ops/index.html").write_text("changed")
    changed = client.get("/ops/", headers={"If-None-Match": first.headers["etag"]})
    assert changed.text == "changed"


def test_what_is_deployed_is_what_is_served(client: TestClient, web: Path) -> None:
    deployed = dict(page_files(web))
    assert set(deployed) == {
        "index.html",
        "parts/timeline.js",
        "ops-like.css",
        "client/index.js",
        "ops/index.html",
    }
    for key, file in deployed.items():
        name = file_of(f"/{key}")
        assert name is not None
        assert web / name == file
        assert client.get(f"/{key}").content == file.read_bytes()


def test_without_a_node_a_page_connects_to_its_own_origin_alone() -> None:
    assert "connect-src 'self';" in content_security_policy()
