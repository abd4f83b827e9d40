"""Many at once, on the engines: exactly one wins, and the others are told why."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from nft_upgrade.domain.errors import StorageUnavailable, UpgradeError
from nft_upgrade.domain.events import first_broken_link
from nft_upgrade.domain.upgrade import LockKind, Status
from nft_upgrade.ports import TicketGrant
from tests.contracts.samples import NOW, SECOND, nft, opening, proof
from tests.contracts.storages import Storage

CALLERS = 64
REPEATS = 20


def race(calls: Sequence[Callable[[], object]]) -> Counter[str]:
    """Start all calls at the same moment; how many ended how.

    A call that nothing was decided for (a starved machine times out) is repeated, as clients do.
    """
    barrier = Barrier(len(calls))

    def run(call: Callable[[], object]) -> str:
        barrier.wait()
        for _ in range(REPEATS):
            try:
                call()
            except StorageUnavailable:
                continue
            except UpgradeError as refusal:
                return type(refusal).__name__
            return "won"
        return "undecided"

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(run, calls))


def test_64_concurrent_opens_by_one_user_give_one_request(real_storage: Storage) -> None:
    rows = [nft(f"n{number}", "nobody") for number in range(CALLERS)]
    for row in rows:
        real_storage.nfts.register(row, takes=())
    transitions = [opening(f"up-{n}", row, user="alice") for n, row in enumerate(rows)]
    outcome = race([lambda t=t: real_storage.upgrades.commit(t) for t in transitions])  # type: ignore[misc]
    assert outcome == {"won": 1, "UpgradeActive": CALLERS - 1}
    found = real_storage.upgrades.of_user("alice", status=None, limit=100, cursor=None).upgrades
    assert len(found) == 1
    lock = real_storage.upgrades.lock(LockKind.USER, "alice")
    assert lock is not None
    assert lock.holder == found[0].id


def test_64_users_opening_the_same_nft_give_one_request(real_storage: Storage) -> None:
    row = nft("wanted", "nobody")
    real_storage.nfts.register(row, takes=())
    transitions = [opening(f"up-{n}", row, user=f"user-{n}") for n in range(CALLERS)]
    outcome = race([lambda t=t: real_storage.upgrades.commit(t) for t in transitions])  # type: ignore[misc]
    assert outcome == {"won": 1, "NftLocked": CALLERS - 1}
    assert real_storage.upgrades.count_active(at_most=100) == 1


def test_64_concurrent_confirmations_of_one_burn_give_one_transition(
    real_storage: Storage,
) -> None:
    row = nft("a", "alice")
    real_storage.nfts.register(row, takes=())
    first = opening("one", row)
    real_storage.upgrades.commit(first)
    claim = first.after.claim_burn("5ignature", height=1, at=NOW + SECOND)
    real_storage.upgrades.commit(claim)
    held = real_storage.nfts.get(row.mint)
    assert held is not None
    upgrade = claim.after
    proofs = [
        upgrade.prove_burn(proof(upgrade), nft=held, at=NOW + (2 + number) * SECOND)
        for number in range(CALLERS)
    ]
    outcome = race([lambda t=t: real_storage.upgrades.commit(t) for t in proofs])  # type: ignore[misc]
    assert outcome == {"won": 1, "VersionConflict": CALLERS - 1}
    events = real_storage.upgrades.events("one")
    assert [event.status for event in events] == ["initiated", "burn_pending", "burn_confirmed"]
    assert first_broken_link(events) is None
    burned = real_storage.nfts.get(row.mint)
    assert burned is not None
    assert burned.version == held.version + 1


def test_the_same_transition_committed_by_many_is_committed_once_for_all(
    real_storage: Storage,
) -> None:
    row = nft("a", "alice")
    real_storage.nfts.register(row, takes=())
    first = opening("one", row)
    outcome = race([lambda: real_storage.upgrades.commit(first)] * 16)
    assert outcome == {"won": 16}
    assert len(real_storage.upgrades.events("one")) == 1
    found = real_storage.upgrades.get("one")
    assert found is not None
    assert found.status is Status.INITIATED


# Of what may be had once, a busy machine can lose the one good answer: the client asks again and
# finds it taken. Nobody gets it then, and nobody may ever get it twice.


def test_of_many_who_take_a_challenge_no_two_get_it(real_storage: Storage) -> None:
    real_storage.challenges.put("n1", {"nonce": "n1"}, expires_at=NOW + SECOND)
    taken = collect([lambda: real_storage.challenges.take("n1", at=NOW)] * 16)
    assert len([one for one in taken if one is not None]) <= 1
    assert real_storage.challenges.take("n1", at=NOW) is None


def test_of_many_who_open_a_stream_with_one_ticket_no_two_do(real_storage: Storage) -> None:
    grant = TicketGrant("alice", "up-1", NOW + SECOND, NOW + 9 * SECOND)
    real_storage.tickets.put("hash", grant)

    def redeem() -> object:
        return real_storage.tickets.redeem("hash", upgrade_id="up-1", is_reconnect=False, at=NOW)

    assert collect([redeem] * 16).count(grant) <= 1
    assert redeem() is None


def test_no_call_is_missed_by_the_rate_limiter(real_storage: Storage) -> None:
    calls = [lambda: real_storage.rate_limiter.hit("a", limit=5, window=60 * SECOND, at=NOW)] * 16
    # A call whose answer was lost may be counted twice, never too rarely.
    assert collect(calls).count(None) <= 5
    assert real_storage.rate_limiter.hit("a", limit=5, window=60 * SECOND, at=NOW) is not None


def test_of_many_who_number_an_execution_one_does(real_storage: Storage) -> None:
    row = nft("a", "alice")
    real_storage.nfts.register(row, takes=())
    first = opening("one", row)
    real_storage.upgrades.commit(first)
    notes = [replace(first.after, run=2, due_at=NOW + number * SECOND) for number in range(16)]
    outcome = race([lambda n=n: real_storage.upgrades.note(first.after, n) for n in notes])  # type: ignore[misc]
    assert outcome == {"won": 1, "VersionConflict": 15}


def collect(calls: Sequence[Callable[[], object]]) -> list[object]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))
