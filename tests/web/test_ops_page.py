"""The operators' page in a browser, over the real API and real use cases; storage and chain are in
memory. Pictures of every state are kept in `test-artifacts/`."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from local.api import both
from local.operator import OPERATOR, SEED
from local.pages import WEB, Pages
from local.settings import LOOPBACK, free_ports
from nft_upgrade.domain.operations import is_sound
from nft_upgrade.domain.upgrade import Status
from nft_upgrade.http.ops_app import PREFIX
from tests.fakes.signing import TestKey
from tests.http.house import ALICE, BOB, open_upgrade
from tests.http.ops_house import OpsHouse

ROOT = WEB.parent
SCRIPT = Path(__file__).with_name("ops_page.mjs")
PICTURES = ROOT / "test-artifacts"
MODULES = Path(os.environ.get("PLAYWRIGHT_FROM", WEB))
"""Where playwright-core is installed."""


class Stage:
    """Two burns under review, and a mint that failed, on an origin of its own."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://localhost:{port}"
        self.house = OpsHouse(public_origin=self.origin)
        object.__setattr__(self.house.ops_parts, "operators", frozenset({OPERATOR}))
        self.failed = self.house.failed()
        self.house.clock.advance(seconds=754)
        self.reviewed = [self.held(TestKey(name)) for name in ("carol", "dave")]
        self.house.clock.advance(seconds=42)

    def held(self, owner: TestKey) -> str:
        """Burned by a delegate."""
        house, mint = self.house, TestKey(f"{owner.address} NFT").address
        house.give_nft(owner, mint)
        opened = open_upgrade(house.signed_in(owner), mint)
        upgrade_id = str(opened.json()["upgradeRequestId"])
        signature = house.chain.burn(owner.address, mint, authority=BOB.address)
        house.chain.finalize()
        house.world.burning.confirm(owner.address, upgrade_id, signature)
        assert house.world.burning.verify(upgrade_id).status is Status.UNDER_REVIEW
        return upgrade_id

    @property
    def app(self) -> Starlette:
        pages = Pages(())

        async def page(request: Request) -> Response:
            return pages.answer(request)

        async def operator(request: Request) -> Response:
            return JSONResponse({"address": OPERATOR, "seed": SEED.hex()})

        apis = both(self.house.app, self.house.ops_app, PREFIX)
        return Starlette(
            routes=[
                Route("/local/operator", operator),
                Mount("/", Routed(apis, Starlette(routes=[Route("/{path:path}", page)]))),
            ]
        )


class Routed:
    """`/api/` to the APIs, all else to the pages."""

    def __init__(self, apis: Any, pages: Any) -> None:
        self._apis, self._pages = apis, pages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith("/api/")
        await (self._apis if is_api else self._pages)(scope, receive, send)


@contextmanager
def served(app: Any, port: int) -> Iterator[None]:
    config = uvicorn.Config(app, host=LOOPBACK, port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.timeout(180)
def test_an_operator_signs_in_looks_decides_and_pauses() -> None:
    PICTURES.mkdir(exist_ok=True)
    (port,) = free_ports(1)
    stage = Stage(port)
    told = json.dumps({"reviewed": stage.reviewed, "failed": stage.failed})
    with served(stage.app, port):
        done = subprocess.run(
            ["node", str(SCRIPT), stage.origin, str(MODULES), str(PICTURES)],
            input=told,
            capture_output=True,
            text=True,
            timeout=150,
        )
    assert done.returncode == 0, done.stderr + done.stdout
    entries = stage.house.world.journal.latest(limit=10)
    assert [entry.act for entry in reversed(entries)] == ["accept", "refuse", "retry", "pause"]
    assert {entry.operator for entry in entries} == {OPERATOR}
    assert is_sound(entries)
    statuses = [stage.house.stored(each).status for each in (*stage.reviewed, stage.failed)]
    assert statuses == [Status.BURN_CONFIRMED, Status.INITIATED, Status.MINT_PENDING]
    assert stage.house.world.switch.paused() == "We move house until noon."
    assert ALICE.address == stage.house.stored(stage.failed).user_id
