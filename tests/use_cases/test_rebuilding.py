"""The registry and its marks, wiped and made again from a real chain."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import solders.system_program as system
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters.solana_archive import SolanaArchive
from nft_upgrade.domain.errors import AlreadyRedeemed, ChainUnavailable
from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.nft_account import Creation
from nft_upgrade.domain.upgrade import (
    WATCH_INTERVAL,
    Lock,
    LockKind,
    Status,
    Upgrade,
)
from nft_upgrade.ops.files import FilePages
from nft_upgrade.use_cases.scanning import Scanning
from tests.chain_builders import PROGRAM, STRANGER, UNITS, keypair, mint_order, move, sign_message
from tests.fakes.storage import FakeNfts, FakeStore, FakeUpgrades
from tests.fixtures.solana import SolanaNode
from tests.real_house import RealHouse, at_rest

_numbers = itertools.count()


class House(RealHouse):
    """With tables that can be wiped."""

    def __init__(self, url: str) -> None:
        self.store = FakeStore()
        base = keypair(f"{url} system wallet {next(_numbers)}")
        super().__init__(url, FakeUpgrades(self.store), FakeNfts(self.store), base)

    def wipe(self, *, requests: bool = False) -> None:
        """Registry and locks are lost; with `requests`, everything is."""
        self.store.nfts.clear()
        self.store.locks.clear()
        if requests:
            self.store.upgrades.clear()
            self.store.events.clear()
            self.store.attempts.clear()

    def give_away(self, owner_name: str, mint: str, to: Pubkey) -> None:
        owner = self.wallet(owner_name)
        pubkey = Pubkey.from_string(mint)
        account = spl.get_associated_token_address(owner.pubkey(), pubkey, TOKEN_2022_PROGRAM_ID)
        self.world.send(move(account, pubkey, owner.pubkey(), to), owner)


@pytest.fixture
def house(solana: SolanaNode) -> Iterator[House]:
    made = House(solana.url)
    yield made
    made.close()


def rows(house: House) -> dict[str, object]:
    return {mint: at_rest(row) for mint, row in house.store.nfts.items()}


def marks(house: House) -> dict[str, Lock]:
    """Without the claims, whose ids no chain can tell."""
    locks = house.store.locks.values()
    return {lock.item: lock for lock in locks if lock.kind is not LockKind.CLAIM}


def test_what_was_wiped_is_made_again_from_the_chain(house: House) -> None:
    climber, starter, waiting = (house.wallet(name) for name in ("climber", "starter", "waiting"))
    top = house.upgrade(climber, house.upgrade(climber, house.issue(climber)))
    first = house.issue(starter)
    owed = house.burned(waiting, house.issue(waiting))  # proven, not minted yet
    opened, _ = house.open(starter, first)
    before, locked = rows(house), marks(house)
    house.wipe()
    report = house.rebuild()
    assert (report.refused, report.differs, report.faults) == ([], [], [])
    assert rows(house) == before
    assert marks(house) == locked
    assert house.store.nfts[top].level == 3
    assert opened.nft_lock.item in locked
    assert owed.nft_id in before


def test_a_dry_run_writes_nothing_and_a_second_run_finds_nothing_to_do(house: House) -> None:
    owner = house.wallet("owner")
    successor = house.upgrade(owner, house.issue(owner))
    house.wipe()
    dry = house.rebuild(writes=False)
    assert len(dry.wrote) == 2
    assert rows(house) == {} and marks(house) == {}
    house.rebuild()
    again = house.rebuild()
    assert (again.wrote, again.kept) == ([], 2)
    assert successor in rows(house)


def test_a_transferred_nft_belongs_to_who_holds_it_now(house: House) -> None:
    seller, buyer = house.wallet("seller"), house.wallet("buyer")
    mint = house.issue(seller)
    house.give_away("seller", mint, buyer.pubkey())
    house.wipe()
    house.rebuild()
    row = house.nfts.get(mint)
    assert row is not None and row.owner == str(buyer.pubkey())
    assert house.upgrades.lock(LockKind.OWNER, str(buyer.pubkey())) is not None
    assert house.upgrades.lock(LockKind.OWNER, str(seller.pubkey())) is None


def test_after_losing_everything_no_second_successor_is_possible(house: House) -> None:
    owner = house.wallet("owner")
    mint = house.issue(owner)
    successor = house.upgrade(owner, mint)
    house.wipe(requests=True)
    house.rebuild()
    row = house.nfts.get(mint)
    assert row is not None
    assert (row.status, row.successor, row.owner) == (
        NftStatus.BURNED,
        successor,
        str(owner.pubkey()),
    )
    assert house.upgrades.lock(LockKind.BURN, mint) is not None
    with pytest.raises(AlreadyRedeemed):
        house.opening.open(str(owner.pubkey()), mint, 2)
    request = hand_made_request(house, row.owner, mint, opened_slot=0)
    assert burn_of(house, mint) in {lock.name.split("#")[0] for lock in marks(house).values()}
    proof = house.burning.examine(request, burn_of(house, mint))
    failed = {check.code for check in proof.checks if check.code}
    assert "already_redeemed" in failed or "burn_already_used" in failed
    with pytest.raises(ChainUnavailable):  # The chain itself: custom program error 0.
        house.sending.build(
            house.policy.order(recipient=row.owner, level=2, mint_base=house.base, predecessor=mint)
        )


def test_a_burn_that_nobody_redeemed_can_be_claimed_after_losing_everything(house: House) -> None:
    owner = house.wallet("owner")
    address = str(owner.pubkey())
    mint = house.issue(owner)
    house.burn_outside(owner, mint)
    house.wipe(requests=True)
    house.rebuild()
    row = house.nfts.get(mint)
    assert row is not None
    assert (row.status, row.owner, row.successor) == (NftStatus.ACTIVE, address, None)
    assert house.upgrades.lock(LockKind.BURN, mint) is None
    request = house.claiming.claim(address, mint=mint, burn_signature=None).upgrade
    assert request is not None
    assert house.burning.verify(request.id).status is Status.BURN_CONFIRMED
    house.mint_successor(request)
    assert house.minting.complete(request.id).status is Status.COMPLETED
    assert house.chain.minted(request.successor, recipient=address, commitment="finalized")


def test_a_rebuild_between_the_mint_and_its_completion_does_not_block_it(house: House) -> None:
    owner = house.wallet("owner")
    upgrade = house.burned(owner, house.issue(owner))
    house.mint_successor(upgrade)
    house.wipe()
    report = house.rebuild()
    assert (report.differs, report.faults) == ([], [])
    assert house.minting.complete(upgrade.id).status is Status.COMPLETED
    assert house.upgrades.lock(LockKind.USER, upgrade.user_id) is None
    again = house.rebuild()
    assert (again.wrote, again.differs) == ([], [])
    house.open(owner, upgrade.successor)  # and the next level is free to be asked for


def test_look_alikes_are_not_taken_in(house: House) -> None:
    owner, forger = house.wallet("owner"), keypair("forger")
    mint = house.issue(owner)
    house.world.airdrop(forger.pubkey(), 10**9)
    copy = replace(
        mint_order(level=5, claim_id="fake", mint_base=forger, in_collection=False),
        name="Quantum Alchemist",
    )
    message = PROGRAM.mint_message(
        copy,
        house.world.blockhash(),
        rent=house.world.rent(PROGRAM.account_size(copy)),
        units=UNITS,
        fee=0,
    )
    house.world.execute(sign_message(message, forger))
    gift = move_lamports(STRANGER, house.base, PROGRAM.address_of(copy))
    house.world.send(gift, STRANGER)  # It now stands in the base key's own history.
    house.wipe()
    report = house.rebuild()
    assert set(rows(house)) == {mint}
    assert report.found == 1


def test_what_differs_is_shown_and_left_alone(house: House) -> None:
    owner = house.wallet("owner")
    mint = house.issue(owner)
    row = house.nfts.get(mint)
    assert row is not None
    house.store.nfts[mint] = wrong = replace(row, level=4, owner=str(STRANGER.pubkey()))
    report = house.rebuild()
    assert [each.split(": ")[1].split(" is")[0] for each in report.differs] == ["level", "owner"]
    assert house.nfts.get(mint) == wrong


def test_a_living_nft_whose_burn_counts_as_proven_is_left_to_a_human(house: House) -> None:
    owner = house.wallet("owner")
    upgrade, _ = house.open(owner, house.issue(owner))
    house.store.upgrades[upgrade.id] = replace(upgrade, status=Status.MINT_PENDING)
    house.wipe()
    report = house.rebuild()
    assert [each.split(": ")[0] for each in report.differs] == [upgrade.nft_id]
    assert rows(house) == {} and marks(house) == {}


def test_members_of_the_collection_lead_to_the_same_registry(house: House) -> None:
    owner = house.wallet("owner")
    house.upgrade(owner, house.issue(owner))
    before = rows(house)
    house.wipe()
    report = house.rebuild(from_history=False, from_members=True)
    assert report.found == 2
    assert rows(house) == before


def test_a_scan_that_broke_off_goes_on_where_it_stopped(house: House, tmp_path: Path) -> None:
    owner, other = house.wallet("owner"), house.wallet("other")
    first = house.issue(owner)
    pages = FilePages(tmp_path / "journal")
    scanning = Scanning(archive=house.archive, pages=pages, per_page=1)
    with pytest.raises(KeyboardInterrupt):
        replace(scanning, tell=stop_after(2)).history(house.base)
    kept = len(pages.load())
    assert kept == 2
    second = house.issue(other)  # newer than what the journal begins with
    with (tmp_path / "journal").open("ab") as file:
        file.write(b'{"newest": "cut')
    archive = CountingArchive(house.archive)
    found = replace(scanning, archive=archive).history(house.base)
    read_before = {each for page in pages.load()[:kept] for each in (page.newest, page.oldest)}
    assert not read_before & set(archive.asked)
    assert {first, second} <= {creation.mint for creation in found}
    assert len(pages.load()) > kept


class CountingArchive:
    """The archive, and which transactions it was asked for."""

    def __init__(self, archive: SolanaArchive) -> None:
        self._archive = archive
        self.asked: list[str] = []
        self.accounts, self.members = archive.accounts, archive.members
        self.history = archive.history

    def creations(self, signature: str, base: str) -> Sequence[Creation]:
        self.asked.append(signature)
        return self._archive.creations(signature, base)


def stop_after(count: int) -> Callable[[str], None]:
    left = itertools.count(1)

    def tell(text: str) -> None:
        if next(left) == count:
            raise KeyboardInterrupt

    return tell


def move_lamports(giver: Keypair, to: str, mentioned: str) -> list[Instruction]:
    return [
        system.transfer(
            system.TransferParams(
                from_pubkey=giver.pubkey(), to_pubkey=Pubkey.from_string(each), lamports=1_000_000
            )
        )
        for each in (to, mentioned)
    ]


def burn_of(house: House, mint: str) -> str:
    return house.chain.signatures_for(mint, limit=10)[0]


def hand_made_request(house: House, user: str, mint: str, *, opened_slot: int) -> Upgrade:
    """A request as a claim makes it: older than the burn it is for."""
    now = house.clock.now()
    row = house.nfts.get(mint)
    assert row is not None
    return Upgrade(
        id=f"claim-{mint}",
        user_id=user,
        nft_id=mint,
        current_level=row.level,
        target_level=row.level + 1,
        status=Status.INITIATED,
        version=1,
        token_program=row.token_program,
        mint_base=row.mint_base,
        successor=PROGRAM.successor_address(
            mint_base=row.mint_base, predecessor=mint, token_program=row.token_program
        ),
        opened_slot=opened_slot,
        created_at=now,
        updated_at=now,
        expires_at=now + house.policy.upgrade_ttl,
        due_at=now + WATCH_INTERVAL,
    )
