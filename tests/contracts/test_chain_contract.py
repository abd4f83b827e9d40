"""The port Chain: the fake and the adapter over a real node must behave alike."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

import pytest
import solders.system_program as system
from solders.pubkey import Pubkey
from spl.token import instructions as spl
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters.solana_chain import SolanaChain
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain import base58
from nft_upgrade.domain.burn import BurnClaim, Verdict
from nft_upgrade.domain.burn_checks import check_burn
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.ports import Chain, MintOrder
from tests.chain_builders import (
    OWNER,
    PROGRAM,
    STRANGER,
    UNITS,
    burn,
    mint_order,
    move,
    sign_message,
)
from tests.fakes.chain import FakeChain
from tests.fixtures.solana import SolanaNode
from tests.solana_world import SolanaWorld, signature_of

OWNER_ADDRESS, STRANGER_ADDRESS = str(OWNER.pubkey()), str(STRANGER.pubkey())
UNUSED_SIGNATURE = base58.encode(bytes(range(100, 164)))


class World(Protocol):
    """What happens on the chain, so that its reading can be tested."""

    chain: Chain

    def order(self) -> MintOrder: ...
    def give_nft(self) -> str: ...
    def burn(self, mint: str) -> str: ...
    def failing_burn(self, mint: str) -> str: ...
    def transfer(self, mint: str) -> str: ...
    def fund(self, address: str, lamports: int) -> None: ...
    def settle(self, signature: str) -> None: ...


class FakeWorld:
    """Verbs of the fake."""

    _numbers = itertools.count()

    def __init__(self) -> None:
        self.fake = FakeChain()
        self.chain: Chain = self.fake

    def order(self) -> MintOrder:
        return mint_order(level=1, claim_id=f"claim {next(self._numbers)}", in_collection=False)

    def give_nft(self) -> str:
        mint = PROGRAM.address_of(self.order())
        self.fake.give_nft(OWNER_ADDRESS, mint)
        return mint

    def burn(self, mint: str) -> str:
        return self._final(self.fake.burn(OWNER_ADDRESS, mint))

    def failing_burn(self, mint: str) -> str:
        return self._final(self.fake.burn(OWNER_ADDRESS, mint, error='"x"'))

    def transfer(self, mint: str) -> str:
        return self._final(self.fake.transfer(OWNER_ADDRESS, mint, STRANGER_ADDRESS))

    def fund(self, address: str, lamports: int) -> None:
        self.fake.fund(address, lamports)

    def settle(self, signature: str) -> None:
        self.fake.finalize()

    def _final(self, signature: str) -> str:
        self.fake.finalize()
        return signature


class RealWorld:
    """Real transactions on a real node."""

    def __init__(self, world: SolanaWorld, chain: SolanaChain) -> None:
        self.world = world
        self.chain: Chain = chain

    def order(self) -> MintOrder:
        return self.world.order()

    def give_nft(self) -> str:
        return str(self.world.give_nft())

    def burn(self, mint: str) -> str:
        return self._burn(mint, 1)

    def failing_burn(self, mint: str) -> str:
        return self._burn(mint, 2)

    def _burn(self, mint: str, amount: int) -> str:
        pubkey = Pubkey.from_string(mint)
        instruction = burn(_account(pubkey), pubkey, OWNER.pubkey(), amount=amount)
        return self.world.send([instruction], OWNER, fails=amount > 1)

    def transfer(self, mint: str) -> str:
        pubkey = Pubkey.from_string(mint)
        moved = move(_account(pubkey), pubkey, OWNER.pubkey(), STRANGER.pubkey())
        return self.world.send(moved, OWNER)

    def fund(self, address: str, lamports: int) -> None:
        gift = system.transfer(
            system.TransferParams(
                from_pubkey=STRANGER.pubkey(),
                to_pubkey=Pubkey.from_string(address),
                lamports=lamports,
            )
        )
        self.world.send([gift], STRANGER)

    def settle(self, signature: str) -> None:
        self.world.finalize(signature)


def _account(mint: Pubkey) -> Pubkey:
    return spl.get_associated_token_address(OWNER.pubkey(), mint, TOKEN_2022_PROGRAM_ID)


def row_of(mint: str, owner: str = OWNER_ADDRESS) -> Nft:
    """A registry row that says so."""
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    return Nft(
        mint=mint,
        owner=owner,
        level=1,
        status=NftStatus.ACTIVE,
        version=1,
        token_program=TOKEN_2022,
        mint_base=OWNER_ADDRESS,
        created_at=moment,
        updated_at=moment,
    )


@pytest.fixture(scope="module")
def real_world(solana: SolanaNode) -> Iterator[RealWorld]:
    world, chain = SolanaWorld(solana.url), SolanaChain([solana.url])
    yield RealWorld(world, chain)
    chain.close()
    world.close()


@pytest.fixture(params=["fake", "node"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return FakeWorld()
    found: World = request.getfixturevalue("real_world")
    return found


def claim(signature: str, mint: str) -> BurnClaim:
    return BurnClaim(
        signature=signature,
        mint=mint,
        owner=OWNER_ADDRESS,
        token_program=TOKEN_2022,
        level=1,
        registry_level=1,
        already_redeemed=False,
        opened_slot=0,
        claimed_height=None,
    )


def send_mint(world: World, order: MintOrder) -> bytes:
    chain = world.chain
    rent = chain.rent(PROGRAM.account_size(order))
    message = PROGRAM.mint_message(order, chain.latest_blockhash(), rent=rent, units=UNITS, fee=0)
    wire = sign_message(message)
    chain.send(wire)
    return wire


def test_who_holds_an_nft_is_found_by_its_mint(world: World) -> None:
    mint = world.give_nft()
    holder = world.chain.holder(mint)
    assert holder is not None
    assert (holder.owner, holder.amount, holder.token_program) == (OWNER_ADDRESS, 1, TOKEN_2022)
    assert (holder.frozen, holder.delegate, holder.close_authority) == (False, None, None)
    assert holder.token_account == str(_account(Pubkey.from_string(mint)))


def test_the_holder_follows_a_transfer(world: World) -> None:
    mint = world.give_nft()
    world.transfer(mint)
    holder = world.chain.holder(mint)
    assert holder is not None
    assert holder.owner == STRANGER_ADDRESS


def test_nobody_holds_a_burned_or_an_unknown_nft(world: World) -> None:
    mint = world.give_nft()
    world.burn(mint)
    assert world.chain.holder(mint) is None
    assert world.chain.holder(PROGRAM.address_of(world.order())) is None


def test_a_transaction_is_seen_with_what_it_burned(world: World) -> None:
    mint = world.give_nft()
    signature = world.burn(mint)
    seen = world.chain.transaction(signature)
    assert seen is not None
    assert (seen.signature, seen.finalized, seen.agreed, seen.error) == (
        signature,
        True,
        True,
        None,
    )
    assert [(burn.mint, burn.amount) for burn in seen.burns] == [(mint, 1)]
    assert [(held.mint, held.owner) for held in seen.pre_balances] == [(mint, OWNER_ADDRESS)]


def test_an_unknown_transaction_is_not_seen(world: World) -> None:
    assert world.chain.transaction(UNUSED_SIGNATURE) is None


def test_the_evidence_of_an_honest_burn_proves_it(world: World) -> None:
    mint = world.give_nft()
    signature = world.burn(mint)
    proof = check_burn(world.chain.burn_evidence(signature, mint), claim(signature, mint))
    assert proof.verdict is Verdict.PROVEN, proof.as_json()
    assert proof.owner == OWNER_ADDRESS


def test_a_signature_that_is_not_on_chain_is_pending(world: World) -> None:
    mint = world.give_nft()
    evidence = world.chain.burn_evidence(UNUSED_SIGNATURE, mint)
    assert evidence.transaction is None
    assert evidence.finalized_height is not None and evidence.finalized_height > 0
    assert check_burn(evidence, claim(UNUSED_SIGNATURE, mint)).verdict is Verdict.PENDING


@pytest.mark.parametrize(
    ("act", "code"), [("failing_burn", "burn_tx_failed"), ("transfer", "burn_is_transfer")]
)
def test_what_is_no_burn_is_told_apart(world: World, act: str, code: str) -> None:
    mint = world.give_nft()
    signature = getattr(world, act)(mint)
    proof = check_burn(world.chain.burn_evidence(signature, mint), claim(signature, mint))
    assert proof.verdict is Verdict.REJECTED
    assert proof.first_problem is not None
    assert proof.first_problem.code == code


def test_mints_come_in_the_order_asked_and_missing_ones_say_so(world: World) -> None:
    held, burned = world.give_nft(), world.give_nft()
    missing = PROGRAM.address_of(world.order())
    world.settle(world.burn(burned))
    found = world.chain.mints([held, missing, burned], commitment="finalized")
    assert [mint.address for mint in found] == [held, missing, burned]
    assert [(mint.exists, mint.supply) for mint in found] == [(True, 1), (False, 0), (True, 0)]
    assert all(mint.agreed and mint.slot > 0 for mint in found)
    assert (found[0].mint_authority, found[0].token_program) == (None, TOKEN_2022)


def test_more_mints_than_one_call_can_take_are_refused(world: World) -> None:
    with pytest.raises(ValueError):
        world.chain.mints([OWNER_ADDRESS] * 101, commitment="finalized")


def test_no_mints_asked_is_no_mints_found(world: World) -> None:
    assert list(world.chain.mints([], commitment="finalized")) == []


def test_a_sent_mint_is_minted_for_its_recipient_alone(world: World) -> None:
    order = world.order()
    address, chain = PROGRAM.address_of(order), world.chain
    assert chain.minted(address, recipient=OWNER_ADDRESS, commitment="finalized") is None
    world.settle(signature_of(send_mint(world, order)))
    assert chain.minted(address, recipient=OWNER_ADDRESS, commitment="finalized") is True
    assert chain.minted(address, recipient=STRANGER_ADDRESS, commitment="finalized") is False


def test_lamports_at_the_successors_address_are_not_a_mint(world: World) -> None:
    address = PROGRAM.address_of(world.order())
    world.fund(address, 2_000_000)
    assert world.chain.minted(address, recipient=OWNER_ADDRESS, commitment="finalized") is None


def test_sending_the_same_bytes_again_is_no_error_before_and_after_they_are_final(
    world: World,
) -> None:
    wire = send_mint(world, world.order())
    world.chain.send(wire)
    world.settle(signature_of(wire))
    world.chain.send(wire)


def test_sending_a_second_mint_of_the_same_nft_changes_nothing(world: World) -> None:
    order = world.order()
    world.settle(signature_of(send_mint(world, order)))
    second = signature_of(send_mint(world, order))
    assert world.chain.signature_status(second) is None
    address = PROGRAM.address_of(order)
    assert world.chain.minted(address, recipient=OWNER_ADDRESS, commitment="finalized") is True


def test_a_signatures_status_says_how_far_it_got(world: World) -> None:
    assert world.chain.signature_status(UNUSED_SIGNATURE) is None
    mint = world.give_nft()
    signature = world.burn(mint)
    status = world.chain.signature_status(signature)
    assert status is not None
    assert (status.commitment, status.error) == ("finalized", None)
    transaction = world.chain.burn_evidence(signature, mint).transaction
    assert transaction is not None
    assert status.slot == transaction.slot


def test_a_failed_transactions_status_carries_the_error(world: World) -> None:
    status = world.chain.signature_status(world.failing_burn(world.give_nft()))
    assert status is not None
    assert status.error is not None


def test_the_signatures_of_a_mint_come_newest_first_without_failures(world: World) -> None:
    mint = world.give_nft()
    failed, burned = world.failing_burn(mint), world.burn(mint)
    found = world.chain.signatures_for(mint, limit=10)
    assert found[0] == burned
    assert failed not in found
    assert list(world.chain.signatures_for(mint, limit=1)) == [burned]


def test_a_blockhash_dies_by_height(world: World) -> None:
    chain = world.chain
    finalized = chain.block_height(commitment="finalized")
    blockhash = chain.latest_blockhash()
    assert finalized < blockhash.last_valid_block_height <= finalized + 150 + 40
    assert len(base58.decode(blockhash.value)) == 32
    assert chain.slot(commitment="finalized") <= chain.slot(commitment="processed")


def test_rent_grows_with_size_and_balances_with_gifts(world: World) -> None:
    assert 0 < world.chain.rent(82) < world.chain.rent(500)
    address = PROGRAM.address_of(world.order())
    assert world.chain.balance(address) == 0
    world.fund(address, 3_000_000)
    assert world.chain.balance(address) == 3_000_000


def test_a_mint_can_be_tried_without_signature(world: World) -> None:
    order = world.order()
    message = PROGRAM.mint_message(
        order, world.chain.latest_blockhash(), rent=5_000_000, units=UNITS, fee=0
    )
    tried = world.chain.simulate(PROGRAM.wire(message, bytes(64)))
    assert tried.error is None
    assert 10_000 < tried.units < UNITS


def test_the_priority_fee_is_a_number_the_cap_allows(world: World) -> None:
    assert 0 <= world.chain.priority_fee() <= 1_000_000


def test_nfts_are_seen_at_home_with_their_registered_owners_and_nowhere_else(world: World) -> None:
    at_home, sold, burned = (world.give_nft() for _ in range(3))
    world.transfer(sold)
    world.burn(burned)
    rows = [row_of(mint) for mint in (at_home, sold, burned)]
    assert world.chain.held([*rows, row_of(sold, STRANGER_ADDRESS)]) == [True, False, False, True]
    assert list(world.chain.held([])) == []
    with pytest.raises(ValueError):
        world.chain.held(rows * 34)
