"""While minting is paused nobody is asked to burn, and whoever has burned gets the successor."""

from collections.abc import Callable

import pytest
from httpx2 import Response

from nft_upgrade.domain.upgrade import Status
from tests.http.house import ALICE, MINT, House, confirm, open_upgrade, problem_of
from tests.http.test_atomic import opened as opened_atomic
from tests.http.test_atomic import signed, submit


@pytest.fixture
def house() -> House:
    return House()


def switch(house: House, reason: str | None) -> None:
    """As `ops pause` and `ops resume` do from another process."""
    house.world.switch.set_paused(reason, at=house.clock.now())


def fresh_burn(house: House) -> Callable[[], Response]:
    path = f"/api/nft/upgrade/{house.opened()}/burn-transaction"
    return lambda: house.signed_in().get(path)


def fresh_atomic(house: House) -> Callable[[], Response]:
    path = f"/api/nft/upgrade/{opened_atomic(house)['upgradeRequestId']}/atomic-transaction"
    return lambda: house.signed_in().get(path)


def submitted(house: House) -> Callable[[], Response]:
    """Signed by the user before the pause; the system wallet has not signed yet."""
    body = opened_atomic(house)
    transaction = signed(body["atomicTransaction"])
    return lambda: submit(house, body["upgradeRequestId"], transaction)


def opening(house: House) -> Callable[[], Response]:
    house.give_nft()
    return lambda: open_upgrade(house.signed_in())


@pytest.mark.parametrize("asking", [opening, fresh_burn, fresh_atomic, submitted])
def test_whatever_leads_to_a_burn_is_refused_from_the_next_request_on(
    asking: Callable[[House], Callable[[], Response]], house: House
) -> None:
    call = asking(house)
    switch(house, "maintenance until noon")
    refused = call()
    assert problem_of(refused) == (503, "minting_paused")
    assert "maintenance until noon" in refused.json()["detail"]
    switch(house, None)
    assert call().status_code in (200, 201, 202)


def test_a_burn_that_was_made_before_the_pause_is_confirmed_and_minted(house: House) -> None:
    upgrade_id = house.opened()
    burn_signature = house.chain.burn(ALICE.address, MINT)
    house.chain.finalize()
    switch(house, "maintenance")
    assert confirm(house.signed_in(), upgrade_id, burn_signature).status_code == 202
    assert house.world.run_workflow(house.stored(upgrade_id)).status is Status.COMPLETED


def test_reading_goes_on_during_a_pause(house: House) -> None:
    upgrade_id, _ = house.completed()
    switch(house, "maintenance")
    for path in ("/api/nft", f"/api/nft/upgrade/{upgrade_id}/status", "/api/stats/me"):
        assert house.signed_in().get(path).status_code == 200
