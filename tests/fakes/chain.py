"""An in-memory Solana with slots, commitments and forgetful sends: the ports Chain and Signer.

One block per slot. `confirmed` lags one slot, `finalized` 32. Nothing moves by itself: a test says
`advance` or `finalize`. What is read at a commitment is the state of that commitment's slot.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from solders.keypair import Keypair
from solders.transaction import VersionedTransaction
from spl.token.constants import ASSOCIATED_TOKEN_PROGRAM_ID

from nft_upgrade.adapters.burn_proof import BURN_CHECKED
from nft_upgrade.adapters.token_accounts import TOKEN_PROGRAMS
from nft_upgrade.adapters.token_program import TOKEN_2022, token_account_of
from nft_upgrade.domain import base58
from nft_upgrade.domain.burn import (
    BurnEvidence,
    BurnInstruction,
    ObservedMint,
    ObservedTransaction,
    TokenBalance,
)
from nft_upgrade.domain.errors import ChainUnavailable, SignerUnavailable, TransactionRefused
from nft_upgrade.domain.nft import Nft
from nft_upgrade.ports import Blockhash, Holder, SignatureStatus, Simulation

LAG: Mapping[str, int] = {"processed": 0, "confirmed": 1, "finalized": 32}
BLOCKHASH_LIFE = 150
MOST_MINTS = 100


@dataclass(frozen=True, slots=True)
class MintState:
    """One mint at some slot; `owner` None once nobody holds it."""

    token_program: str
    supply: int
    owner: str | None
    token_account: str | None
    mint_authority: str | None = None
    frozen: bool = False
    delegate: str | None = None
    hindrance: str | None = None


class FakeChain:
    """Fulfils the port Chain; the verbs below it are for tests."""

    def __init__(self) -> None:
        self.current_slot = 1_000
        self.down: str | None = None
        """Set to a reason: every call raises ChainUnavailable."""
        self.is_disputed = False
        """Providers contradict each other about every mint account."""
        self.forgets_sends = False
        """Sends are accepted and never land."""
        self.refusal: str | None = None
        """The next send's preflight error."""
        self.next_error: str | None = None
        """The next transaction that is sent lands, but failed with this error."""
        self.simulation_error: str | None = None
        self.fee = 0
        self.sent: list[bytes] = []
        self._mints: dict[str, list[tuple[int, MintState]]] = {}
        self._transactions: dict[str, ObservedTransaction] = {}
        self._touched: dict[str, list[str]] = {}
        self._lamports: dict[str, int] = {}
        self._blockhashes: dict[str, int] = {}

    # --- what tests do -----------------------------------------------------------------------

    def advance(self, slots: int = 1) -> None:
        """Time passes."""
        self.current_slot += slots

    def finalize(self) -> None:
        """Everything that happened so far becomes final."""
        self.advance(LAG["finalized"])

    def fund(self, address: str, lamports: int) -> None:
        self._lamports[address] = self._lamports.get(address, 0) + lamports

    def give_nft(
        self,
        owner: str,
        mint: str,
        *,
        token_program: str = TOKEN_2022,
        frozen: bool = False,
        delegate: str | None = None,
        hindrance: str | None = None,
    ) -> None:
        """`owner` holds `mint`, at every commitment."""
        account = token_account_of(owner, mint, token_program)
        state = MintState(
            token_program, 1, owner, account, None, frozen, delegate, hindrance=hindrance
        )
        self._mints[mint] = [(0, state)]

    def burn(
        self,
        owner: str,
        mint: str,
        *,
        authority: str | None = None,
        error: str | None = None,
        amount: int = 1,
    ) -> str:
        """A burn transaction lands in a new block; its signature. `error`: it failed there."""
        state = self._held(owner, mint)
        after = state if error or not amount else replace(state, supply=0, owner=None)
        instruction = BurnInstruction(
            token_program=state.token_program,
            account=state.token_account or "",
            mint=mint,
            authority=authority or owner,
            signers=(),
            amount=amount,
            place="top",
        )
        return self._execute(mint, owner, state, after, (instruction,), authority or owner, error)

    def burn_along(self, signature: str, owner: str, mint: str) -> None:
        """The transaction of `signature` burned another NFT, too."""
        other = self._transactions[self.burn(owner, mint)]
        first = self._transactions[signature]
        self._touched[mint][-1] = signature
        self._transactions[signature] = replace(
            first,
            pre_balances=(*first.pre_balances, *other.pre_balances),
            post_balances=(*first.post_balances, *other.post_balances),
            burns=(*first.burns, *other.burns),
        )

    def shuffle_nothing(self, mint: str, stranger: str) -> str:
        """A stranger moves an amount of 0 between two empty accounts of the mint."""
        state = MintState(TOKEN_2022, 0, stranger, "first empty account")
        first = _balance(state, mint, stranger)
        second = replace(first, account="second empty account")
        signature = self.mention(mint, stranger)
        seen = self._transactions[signature]
        both = (first, second)
        self._transactions[signature] = replace(seen, pre_balances=both, post_balances=both)
        return signature

    def was_held_by_too(self, signature: str, other: str) -> None:
        """Another wallet's account held one of the mint as well, when this one burned."""
        seen = self._transactions[signature]
        second = replace(seen.pre_balances[0], account="another account", owner=other)
        self._transactions[signature] = replace(seen, pre_balances=(*seen.pre_balances, second))

    def review_bait(self, mint: str, owner: str, delegate: str) -> str:
        """A transaction that looks like a burn by a delegate of the owner's."""
        burned = next(t for t in self._transactions.values() if t.burns and t.burns[0].mint == mint)
        by_delegate = replace(burned.burns[0], authority=delegate)
        signature = self.mention(mint, delegate)
        seen = self._transactions[signature]
        self._transactions[signature] = replace(
            seen, pre_balances=burned.pre_balances, burns=(by_delegate,)
        )
        return signature

    def transfer(self, owner: str, mint: str, to: str) -> str:
        """Somebody else gets the NFT, for example the incinerator."""
        state = self._held(owner, mint)
        account = token_account_of(to, mint, state.token_program)
        after = replace(state, owner=to, token_account=account)
        return self._execute(mint, owner, state, after, (), owner, None)

    def mention(self, mint: str, stranger: str) -> str:
        """A transaction of somebody else that merely names the mint."""
        self.advance()
        number = len(self._transactions)
        signature = base58.encode(hashlib.sha512(f"signature {number}".encode()).digest())
        self._record(signature, mint, (), (), (), stranger, None)
        return signature

    def disguise(self, signature: str, **shown: object) -> None:
        """The nodes show a transaction otherwise: another `version`, not `agreed`."""
        seen = self._transactions[signature]
        self._transactions[signature] = replace(seen, **shown)  # type: ignore[arg-type]

    def occupy(self, address: str) -> None:
        """Something that is no NFT of ours appears at an address."""
        self._mints[address] = [(self.current_slot, MintState(TOKEN_2022, 7, None, None, "x"))]

    def land(self, transaction: bytes) -> None:
        """A signed mint, or burn and mint, reaches a block, whether or not it was sent."""
        wire = VersionedTransaction.from_bytes(transaction)
        signature = str(wire.signatures[0])
        recipient, mint = _recipient_and_mint(wire)
        if signature in self._transactions or mint in self._mints:
            return
        burn = _burn_in(wire)
        before = self._state(burn.mint, self.current_slot) if burn else None
        if burn and (before is None or before.owner != burn.authority):
            return  # no preflight lets it pass: nobody holds what it burns
        self.advance()
        error, self.next_error = self.next_error, None
        spent: tuple[TokenBalance, ...] = ()
        held: tuple[TokenBalance, ...] = ()
        if burn and before:
            spent = (_balance(before, burn.mint, before.owner),)
        if burn and before and error is None:
            self._change(burn.mint, replace(before, supply=0, owner=None))
        if error is None:
            state = MintState(TOKEN_2022, 1, recipient, token_account_of(recipient, mint))
            self._change(mint, state)
            held = (_balance(state, mint, recipient),)
        payer = str(wire.message.account_keys[0])
        burns = (burn,) if burn else ()
        self._record(signature, mint, spent, held if error is None else spent, burns, payer, error)
        if burn:
            self._touched.setdefault(burn.mint, []).append(signature)

    def __contains__(self, mint: str) -> bool:
        return mint in self._mints

    def __len__(self) -> int:
        """How many transactions landed."""
        return len(self._transactions)

    # --- the port ----------------------------------------------------------------------------

    def latest_blockhash(self) -> Blockhash:
        slot = self._at("confirmed")
        value = base58.encode(hashlib.sha256(f"blockhash {slot}".encode()).digest())
        self._blockhashes[value] = slot + BLOCKHASH_LIFE
        return Blockhash(value, slot + BLOCKHASH_LIFE, slot)

    def slot(self, *, commitment: str) -> int:
        return self._at(commitment)

    def block_height(self, *, commitment: str) -> int:
        return self._at(commitment)

    def balance(self, address: str) -> int:
        self._require_up()
        return self._lamports.get(address, 0)

    def rent(self, size: int) -> int:
        self._require_up()
        return (128 + size) * 6_960

    def holder(self, mint: str) -> Holder | None:
        state = self._state(mint, self._at("confirmed"))
        if state is None or state.owner is None or state.token_account is None:
            return None
        return Holder(
            token_account=state.token_account,
            owner=state.owner,
            amount=1,
            token_program=state.token_program,
            frozen=state.frozen,
            delegate=state.delegate,
            close_authority=None,
            slot=self._at("confirmed"),
            hindrance=state.hindrance,
        )

    def burn_evidence(self, signature: str, mint: str) -> BurnEvidence:
        (observed,) = self.mints([mint], commitment="finalized")
        seen = self.transaction(signature)
        return BurnEvidence(signature, True, seen, observed, self._at("finalized"))

    def transaction(self, signature: str) -> ObservedTransaction | None:
        transaction = self._transactions.get(signature)
        if transaction is None or transaction.slot > self._at("confirmed"):
            return None
        return replace(transaction, finalized=transaction.slot <= self._at("finalized"))

    def mints(self, addresses: Sequence[str], *, commitment: str) -> Sequence[ObservedMint]:
        if len(addresses) > MOST_MINTS:
            raise ValueError(f"at most {MOST_MINTS} mints per call")
        slot = self._at(commitment)
        seen = (_observed(address, self._state(address, slot), slot) for address in addresses)
        return tuple(replace(mint, agreed=not self.is_disputed) for mint in seen)

    def held(self, nfts: Sequence[Nft]) -> Sequence[bool]:
        if len(nfts) > MOST_MINTS:
            raise ValueError(f"at most {MOST_MINTS} NFTs per call")
        slot = self._at("confirmed")
        states = [(nft, self._state(nft.mint, slot)) for nft in nfts]
        return [
            state is not None
            and state.supply == 1
            and state.token_account == token_account_of(nft.owner, nft.mint, nft.token_program)
            for nft, state in states
        ]

    def signatures_for(self, address: str, *, limit: int) -> Sequence[str]:
        finalized = self._at("finalized")
        newest_first = reversed(self._touched.get(address, []))
        seen = [(signature, self._transactions[signature]) for signature in newest_first]
        return [s for s, t in seen if t.slot <= finalized and t.error is None][:limit]

    def minted(self, successor: str, *, recipient: str, commitment: str) -> bool | None:
        state = self._state(successor, self._at(commitment))
        if state is None:
            return None
        return (
            state.token_program == TOKEN_2022
            and state.supply == 1
            and state.mint_authority is None
            and state.token_account == token_account_of(recipient, successor)
        )

    def send(self, transaction: bytes) -> None:
        self._require_up()
        if self.refusal is not None:
            error, self.refusal = self.refusal, None
            raise TransactionRefused("The preflight refused the transaction.", error=error)
        self.sent.append(transaction)
        blockhash = str(VersionedTransaction.from_bytes(transaction).message.recent_blockhash)
        is_alive = self.current_slot <= self._blockhashes.get(blockhash, -1)
        if is_alive and not self.forgets_sends:
            self.land(transaction)

    def signature_status(self, signature: str) -> SignatureStatus | None:
        self._require_up()
        transaction = self._transactions.get(signature)
        if transaction is None:
            return None
        reached = [name for name in LAG if transaction.slot <= self._at(name)]
        return SignatureStatus(transaction.slot, reached[-1], transaction.error)

    def simulate(self, transaction: bytes) -> Simulation:
        self._require_up()
        VersionedTransaction.from_bytes(transaction)
        return Simulation(self.simulation_error, 45_000, ())

    def priority_fee(self) -> int:
        self._require_up()
        return self.fee

    # --- how it is kept ----------------------------------------------------------------------

    def _require_up(self) -> None:
        if self.down is not None:
            raise ChainUnavailable(self.down)

    def _at(self, commitment: str) -> int:
        self._require_up()
        return self.current_slot - LAG[commitment]

    def _state(self, mint: str, slot: int) -> MintState | None:
        states = [state for since, state in self._mints.get(mint, []) if since <= slot]
        return states[-1] if states else None

    def _held(self, owner: str, mint: str) -> MintState:
        state = self._state(mint, self.current_slot)
        assert state is not None and state.owner == owner, f"{owner} does not hold {mint}"
        return state

    def _change(self, mint: str, state: MintState) -> None:
        self._mints.setdefault(mint, []).append((self.current_slot, state))

    def _execute(
        self,
        mint: str,
        owner: str,
        before: MintState,
        after: MintState,
        burns: tuple[BurnInstruction, ...],
        signer: str,
        error: str | None,
    ) -> str:
        self.advance()
        number = len(self._transactions)
        signature = base58.encode(hashlib.sha512(f"signature {number}".encode()).digest())
        if error is None:
            self._change(mint, after)
        held = _balance(before, mint, owner)
        received = () if after.owner in (None, owner) else (_balance(after, mint, after.owner),)
        remains = (held,) if after == before else received
        self._record(signature, mint, (held,), remains, burns, signer, error)
        return signature

    def _record(
        self,
        signature: str,
        mint: str,
        before: tuple[TokenBalance, ...],
        after: tuple[TokenBalance, ...],
        burns: tuple[BurnInstruction, ...],
        signer: str,
        error: str | None,
    ) -> None:
        self._touched.setdefault(mint, []).append(signature)
        self._transactions[signature] = ObservedTransaction(
            signature=signature,
            signatures_valid=True,
            slot=self.current_slot,
            finalized=False,
            agreed=True,
            error=error,
            signers=frozenset({signer}),
            pre_balances=before,
            post_balances=after,
            burns=burns,
            version="legacy",
        )


class FakeSigner:
    """The port Signer with a TEST KEY in memory; counts what it signed."""

    def __init__(self, keypair: Keypair) -> None:
        self.keypair = keypair
        self.down = False
        self.signed: list[bytes] = []

    def address(self) -> str:
        return str(self.keypair.pubkey())

    def sign(self, message: bytes) -> bytes:
        """As KMS: 1 to 4,096 bytes."""
        if self.down:
            raise SignerUnavailable("The signer is down.")
        if not 0 < len(message) <= 4096:
            raise ValueError("1 to 4096 bytes")
        self.signed.append(message)
        return bytes(self.keypair.sign_message(message))


def _recipient_and_mint(wire: VersionedTransaction) -> tuple[str, str]:
    """From the instruction that creates the recipient's token account."""
    accounts = wire.message.account_keys
    for instruction in wire.message.instructions:
        if accounts[instruction.program_id_index] == ASSOCIATED_TOKEN_PROGRAM_ID:
            _, _, owner, mint, *_ = (accounts[index] for index in instruction.accounts)
            return str(owner), str(mint)
    raise ValueError("the fake chain only executes mints; burns have a verb of their own")


def _burn_in(wire: VersionedTransaction) -> BurnInstruction | None:
    """The burn of an atomic upgrade."""
    accounts = wire.message.account_keys
    for instruction in wire.message.instructions:
        program = str(accounts[instruction.program_id_index])
        if program in TOKEN_PROGRAMS and instruction.data[0] == BURN_CHECKED:
            account, mint, authority = (str(accounts[i]) for i in instruction.accounts)
            return BurnInstruction(program, account, mint, authority, (), 1, "top")
    return None


def _balance(state: MintState, mint: str, owner: str | None) -> TokenBalance:
    account = state.token_account or ""
    return TokenBalance(account, mint, owner or "", state.supply, 0, state.token_program)


def _observed(address: str, state: MintState | None, slot: int) -> ObservedMint:
    if state is None:
        return ObservedMint(address, False, slot, "", 0, 0, None, None)
    return ObservedMint(
        address=address,
        exists=True,
        slot=slot,
        token_program=state.token_program,
        supply=state.supply,
        decimals=0,
        mint_authority=state.mint_authority,
        freeze_authority=None,
    )
