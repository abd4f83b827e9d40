"""The operators' API over the same world as a `House`, whose users it shares."""

from functools import cached_property

from fastapi import FastAPI
from fastapi.testclient import TestClient

from nft_upgrade.domain.upgrade import Status
from nft_upgrade.http.ops_app import create_ops_app
from nft_upgrade.http.ops_calls import OpsParts
from tests.fakes.signing import TestKey
from tests.http.house import ALICE, BOB, MINT, ORIGIN, CountedBytes, House

OPERATOR = TestKey("operator")
COLLEAGUE = TestKey("colleague")


class OpsHouse(House):
    """`OPERATOR` and `COLLEAGUE` operate; everybody else is a user."""

    @cached_property
    def ops_parts(self) -> OpsParts:
        return OpsParts(
            watching=self.world.watching,
            operating=self.world.operating,
            reviewing=self.world.reviewing,
            operators=frozenset((OPERATOR.address, COLLEAGUE.address)),
            session_verifier=self.parts.session_verifier,
            idempotency=self.idempotency,
            clock=self.clock,
            ids=self.parts.ids,
            settings=self.settings,
            random_bytes=CountedBytes(),
        )

    @cached_property
    def ops_app(self) -> FastAPI:
        return create_ops_app(self.ops_parts)

    def ops(self, wallet: TestKey | None = OPERATOR, /, **headers: str) -> TestClient:
        """A client with that wallet's session as a bearer token; None: without any."""
        bearer = {"Authorization": f"Bearer {self.access_token(wallet)}"} if wallet else {}
        return TestClient(self.ops_app, base_url=ORIGIN, headers={**bearer, **headers})

    def ops_page(self, wallet: TestKey = OPERATOR, /, **headers: str) -> TestClient:
        """A browser: the session is a cookie."""
        page = self.ops(None, **headers)
        page.cookies.set("__Host-session", self.access_token(wallet))
        return page

    def under_review(self) -> str:
        """The id of an upgrade whose NFT was burned by a delegate."""
        upgrade_id = self.opened()
        signature = self.chain.burn(ALICE.address, MINT, authority=BOB.address)
        self.chain.finalize()
        self.world.burning.confirm(ALICE.address, upgrade_id, signature)
        assert self.world.burning.verify(upgrade_id).status is Status.UNDER_REVIEW
        self.world.end_executions()
        return upgrade_id
