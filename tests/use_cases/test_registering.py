"""NFTs that others minted: registered by an operator, upgraded like ours, or refused in time."""

import itertools
from collections.abc import Iterator

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from nft_upgrade.domain.errors import (
    AlreadyOwnsNft,
    Conflicting,
    InvalidMint,
    InvalidTargetLevel,
    MintingPaused,
    NftNotFree,
    UnsupportedNft,
)
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import LockKind
from tests import foreign_nfts as foreign
from tests.chain_builders import approve, keypair
from tests.fakes.storage import FakeNfts, FakeStore, FakeUpgrades
from tests.fixtures.solana import SolanaNode
from tests.foreign_nfts import Foreign, minted
from tests.real_house import RealHouse

_numbers = itertools.count()
T22 = TOKEN_2022_PROGRAM_ID


@pytest.fixture(scope="module")
def house(solana: SolanaNode) -> Iterator[RealHouse]:
    store = FakeStore()
    base = keypair(f"{solana.url} system wallet for foreign NFTs")
    made = RealHouse(solana.url, FakeUpgrades(store), FakeNfts(store), base)
    made.issue(made.wallet("the first"))
    yield made
    made.close()


@pytest.fixture
def owner(house: RealHouse) -> Keypair:
    return house.wallet(f"owner {next(_numbers)}")


def given(house: RealHouse, owner: Keypair, kind: Foreign) -> str:
    return minted(house.world, keypair(f"{owner.pubkey()} foreign"), owner, kind)


@pytest.mark.parametrize("program", [TOKEN_PROGRAM_ID, T22], ids=["classic", "token-2022"])
def test_a_foreign_nft_is_registered_burned_and_succeeded_by_ours(
    house: RealHouse, owner: Keypair, program: Pubkey
) -> None:
    mint = given(house, owner, Foreign(program=program))
    nft = house.registering.register(mint, 2, mint_base=house.base)
    assert (nft.owner, nft.level, nft.token_program) == (str(owner.pubkey()), 2, str(program))
    successor = house.upgrade(owner, mint)
    row = house.nfts.get(successor)
    assert row is not None
    assert (row.level, row.predecessor, row.token_program) == (3, mint, str(T22))
    assert house.chain.minted(successor, recipient=str(owner.pubkey()), commitment="finalized")
    burned = house.nfts.get(mint)
    assert burned is not None and burned.status is NftStatus.BURNED


def test_registering_again_is_the_same_and_at_another_level_refused(
    house: RealHouse, owner: Keypair
) -> None:
    mint = given(house, owner, Foreign())
    first = house.registering.register(mint, 2, mint_base=house.base)
    assert house.registering.register(mint, 2, mint_base=house.base) == first
    with pytest.raises(Conflicting):
        house.registering.register(mint, 3, mint_base=house.base)


UNSUPPORTED = {
    "freeze authority": (Foreign(freezer=True), "freeze authority"),
    "mint authority": (Foreign(keeps_mint_authority=True), "mint authority"),
    "decimals": (Foreign(decimals=2), "decimals"),
    "close authority": (Foreign(program=T22, extension=foreign.CLOSE_AUTHORITY), "MintClose"),
    "delegate": (Foreign(program=T22, extension=foreign.PERMANENT_DELEGATE), "PermanentDelegate"),
    "hook": (Foreign(program=T22, extension=foreign.TRANSFER_HOOK), "TransferHook"),
    "soulbound": (Foreign(program=T22, extension=foreign.NON_TRANSFERABLE), "NonTransferable"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_could_not_be_honoured_is_refused_when_registered_and_when_opened(
    house: RealHouse, owner: Keypair, name: str
) -> None:
    kind, why = UNSUPPORTED[name]
    mint = given(house, owner, kind)
    with pytest.raises(UnsupportedNft, match=why):
        house.registering.register(mint, 1, mint_base=house.base)
    assert house.nfts.get(mint) is None
    # It is in the registry all the same, for example from before the rule.
    house.nfts.register(row_of(house, owner, mint, kind), takes=())
    with pytest.raises(UnsupportedNft, match=why):
        house.opening.open(str(owner.pubkey()), mint, 2)
    assert house.upgrades.lock(LockKind.NFT, mint) is None


def test_nothing_is_registered_while_no_successor_could_be_minted(
    house: RealHouse, owner: Keypair
) -> None:
    mint = given(house, owner, Foreign())
    with pytest.raises(MintingPaused, match="collection"):
        house.registering.register(mint, 1, mint_base=str(owner.pubkey()))


def test_more_than_one_of_it_is_no_nft(house: RealHouse, owner: Keypair) -> None:
    mint = given(house, owner, Foreign(amount=2))
    with pytest.raises(UnsupportedNft, match="supply is 2"):
        house.registering.register(mint, 1, mint_base=house.base)


def test_a_delegated_nft_is_refused_until_it_is_free(house: RealHouse, owner: Keypair) -> None:
    mint = given(house, owner, Foreign(program=T22))
    pubkey = Pubkey.from_string(mint)
    account = spl.get_associated_token_address(owner.pubkey(), pubkey, T22)
    delegate = approve(account, pubkey, owner.pubkey(), keypair("delegate").pubkey())
    house.world.send([delegate], owner)
    with pytest.raises(NftNotFree):
        house.registering.register(mint, 1, mint_base=house.base)
    revoke = spl.revoke(models.RevokeParams(program_id=T22, account=account, owner=owner.pubkey()))
    house.world.send([revoke], owner)
    assert house.registering.register(mint, 1, mint_base=house.base).level == 1


def test_a_holder_who_has_an_nft_of_ours_keeps_that_one(house: RealHouse, owner: Keypair) -> None:
    house.issue(owner)
    mint = given(house, owner, Foreign())
    with pytest.raises(AlreadyOwnsNft):
        house.registering.register(mint, 1, mint_base=house.base)
    assert house.nfts.get(mint) is None


def test_our_own_nft_is_not_registered_at_a_level_of_somebodys_choice(
    house: RealHouse, owner: Keypair
) -> None:
    mint = house.issue(owner)
    row = house.nfts.get(mint)
    assert row is not None
    with pytest.raises(Conflicting):
        house.registering.register(mint, 5, mint_base=house.base)
    lost = RealHouse(house.world.url, FakeUpgrades(), FakeNfts(), keypair("any"))
    try:
        with pytest.raises(Conflicting, match="rebuild"):
            lost.registering.register(mint, 5, mint_base=house.base)
    finally:
        lost.close()


@pytest.mark.parametrize(
    ("mint", "level", "error"),
    [
        ("not base58!", 1, InvalidMint),
        (str(keypair("nowhere").pubkey()), 1, UnsupportedNft),
        (str(keypair("nowhere").pubkey()), 0, InvalidTargetLevel),
        (str(keypair("nowhere").pubkey()), 6, InvalidTargetLevel),
    ],
)
def test_what_is_no_nft_or_no_level_is_refused(
    house: RealHouse, mint: str, level: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        house.registering.register(mint, level, mint_base=house.base)


def test_a_rebuild_takes_foreign_nfts_from_the_operators_file_alone(
    house: RealHouse, owner: Keypair
) -> None:
    store = FakeStore()
    base = keypair(f"{owner.pubkey()} another system wallet")
    other = RealHouse(house.world.url, FakeUpgrades(store), FakeNfts(store), base)
    try:
        other.issue(other.wallet("the first"))
        mint = given(other, owner, Foreign())
        other.registering.register(mint, 3, mint_base=other.base)
        successor = other.upgrade(owner, mint)
        before = {row.mint: (row.level, row.status, row.owner) for row in store.nfts.values()}
        store.nfts.clear()
        store.locks.clear()
        lost = other.rebuild()
        assert {refusal.mint for refusal in lost.refused} == {successor}
        assert len(store.nfts) == 1
        other.rebuild(registered={mint: 3})
        after = {row.mint: (row.level, row.status, row.owner) for row in store.nfts.values()}
        assert after == before
    finally:
        other.close()


def row_of(house: RealHouse, owner: Keypair, mint: str, kind: Foreign) -> Nft:
    now = house.clock.now()
    return Nft(
        mint=mint,
        owner=str(owner.pubkey()),
        level=1,
        status=NftStatus.ACTIVE,
        version=1,
        token_program=str(kind.program),
        mint_base=house.base,
        created_at=now,
        updated_at=now,
    )
