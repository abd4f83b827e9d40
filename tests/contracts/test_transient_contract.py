"""`Challenges`, `Tickets`, `RateLimiter`, `Switch` and `Qualifications`."""

from datetime import timedelta

import pytest

from nft_upgrade.domain.levels import Qualification
from nft_upgrade.ports import TicketGrant
from tests.contracts.samples import NOW as LONG_AGO
from tests.contracts.samples import SECOND
from tests.contracts.storages import Storage

MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
# DynamoDB Local drops items whose time to live has passed, by the machine's own clock.
NOW = LONG_AGO.replace(year=2096)
GRANT = TicketGrant("alice", "up-1", NOW + 30 * SECOND, NOW + timedelta(hours=12))

# --- challenges --------------------------------------------------------------------------------


def test_a_challenge_is_taken_once(storage: Storage) -> None:
    fields = {"domain": "localhost", "nonce": "n1", "resources": ["é", None], "version": 1}
    storage.challenges.put("n1", fields, expires_at=NOW + MINUTE)
    assert storage.challenges.take("n1", at=NOW) == fields
    assert storage.challenges.take("n1", at=NOW) is None


def test_an_unknown_challenge_is_none(storage: Storage) -> None:
    assert storage.challenges.take("no-such", at=NOW) is None


@pytest.mark.parametrize(("late", "is_good"), [(-MICROSECOND, True), (0 * SECOND, False)])
def test_a_challenge_is_good_until_its_expiry(
    storage: Storage, late: timedelta, is_good: bool
) -> None:
    storage.challenges.put("n1", {"nonce": "n1"}, expires_at=NOW)
    assert (storage.challenges.take("n1", at=NOW + late) is not None) is is_good


# --- tickets -----------------------------------------------------------------------------------


def redeem(
    storage: Storage, *, reconnect: bool = False, after: timedelta = SECOND, of: str = "up-1"
) -> TicketGrant | None:
    return storage.tickets.redeem("hash", upgrade_id=of, is_reconnect=reconnect, at=NOW + after)


def test_a_ticket_opens_one_stream(storage: Storage) -> None:
    storage.tickets.put("hash", GRANT)
    assert redeem(storage) == GRANT
    assert redeem(storage) is None


def test_the_same_stream_reconnects_with_its_ticket_until_the_session_ends(
    storage: Storage,
) -> None:
    storage.tickets.put("hash", GRANT)
    assert redeem(storage) == GRANT
    last = timedelta(hours=12) - MICROSECOND
    assert redeem(storage, reconnect=True, after=last) == GRANT
    assert redeem(storage, reconnect=True) == GRANT
    assert redeem(storage, reconnect=True, after=timedelta(hours=12)) is None


def test_a_ticket_that_opened_no_stream_cannot_reconnect(storage: Storage) -> None:
    storage.tickets.put("hash", GRANT)
    assert redeem(storage, reconnect=True) is None
    assert redeem(storage) == GRANT


def test_a_ticket_is_for_its_own_upgrade_only(storage: Storage) -> None:
    storage.tickets.put("hash", GRANT)
    assert redeem(storage, of="up-2") is None
    assert redeem(storage) == GRANT
    assert redeem(storage, of="up-2", reconnect=True) is None


def test_a_ticket_is_good_until_its_expiry(storage: Storage) -> None:
    storage.tickets.put("hash", GRANT)
    assert redeem(storage, after=30 * SECOND) is None
    assert redeem(storage, after=30 * SECOND - MICROSECOND) == GRANT


def test_an_unknown_ticket_is_refused(storage: Storage) -> None:
    assert redeem(storage) is None
    assert redeem(storage, reconnect=True) is None
    storage.tickets.put("hash", GRANT)
    assert redeem(storage) == GRANT


# --- rate limiter ------------------------------------------------------------------------------


def test_calls_over_the_limit_wait_for_the_next_window(storage: Storage) -> None:
    start = NOW.replace(second=0, microsecond=0)

    def hit(second: int, name: str = "alice") -> timedelta | None:
        at = start + second * SECOND
        return storage.rate_limiter.hit(name, limit=2, window=MINUTE, at=at)

    assert hit(0) is None
    assert hit(59) is None
    assert hit(59) == SECOND
    assert hit(20) == 40 * SECOND
    assert hit(20, "bob") is None
    assert hit(60) is None


# --- switch, qualifications --------------------------------------------------------------------


def test_minting_is_on_until_an_operator_pauses_it(storage: Storage) -> None:
    assert storage.switch.paused() is None
    storage.switch.set_paused("wallet is being moved", at=NOW)
    assert storage.switch.paused() == "wallet is being moved"
    storage.switch.set_paused(None, at=NOW)
    assert storage.switch.paused() is None


def test_a_user_has_shown_nothing_until_told_otherwise(storage: Storage) -> None:
    assert storage.qualifications.of("alice") == Qualification(0, 0)
    storage.qualifications.put("alice", Qualification(500_000, 2))
    assert storage.qualifications.of("alice") == Qualification(500_000, 2)
    assert storage.qualifications.of("bob") == Qualification(0, 0)
