"""`/docs` is the API's description for people, and nothing that could act for them."""

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Any

import pytest

from nft_upgrade.http.reference import page
from tests.http.house import House


@pytest.fixture
def house() -> House:
    return House()


def test_every_route_and_shape_of_the_description_is_on_it(house: House) -> None:
    document: Mapping[str, Any] = house.browser().get("/openapi.json").json()
    text = unescape(house.browser().get("/docs").text)
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in text
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in text
    codes = re.findall(r"<code>(\w+)</code>", text)
    assert {"nft_not_free", "idempotency_in_progress"} <= set(codes)
    assert set(re.findall(r'href="#(\w+)"', text)) <= set(document["components"]["schemas"])


def test_it_runs_no_script_and_asks_no_other_host(house: House) -> None:
    answered = house.browser().get("/docs")
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answered.headers["content-security-policy"]
    assert "script-src" not in answered.headers["content-security-policy"]
    assert "<script" not in answered.text
    assert not re.search(r"(?:src|href)=\"(?!/|#)", answered.text)


def test_what_a_description_says_is_text() -> None:
    document = {
        "info": {"title": "<b>", "description": "<script>"},
        "paths": {
            "/a<i>": {"get": {"summary": "<u>", "responses": {"200": {"description": "<s>"}}}}
        },
        "components": {"schemas": {"A<p>": {"description": "<q>"}}},
    }
    html = page(document)
    for tag in ("<b>", "<script>", "<i>", "<u>", "<s>", "<q>"):
        assert tag not in html and escape(tag) in html
