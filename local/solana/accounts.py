"""Accounts by slot: each commitment reads the state as it was at its own slot."""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import TypeAlias

from solders.account import Account
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

from local.solana.tokens import TOKEN_PROGRAMS, token_account_of

Version: TypeAlias = tuple[int, Account | None]
"""(slot, the account as that slot left it; None: it does not exist)."""


class Accounts:
    """Versions of every account a transaction changed; all others are the VM's, unchanged.

    Versions older than the finalized slot are dropped: nobody can read them.
    """

    def __init__(self, vm: LiteSVM) -> None:
        self._vm = vm
        self._versions: dict[Pubkey, list[Version]] = {}
        self._recent: deque[tuple[int, set[Pubkey]]] = deque()
        self._by_owner: defaultdict[Pubkey, set[Pubkey]] = defaultdict(set)
        self._by_mint: defaultdict[Pubkey, set[Pubkey]] = defaultdict(set)

    def get(self, pubkey: Pubkey, slot: int) -> Account | None:
        """The account at `slot`, None when there was none."""
        versions = self._versions.get(pubkey)
        if versions is None:
            return self._vm.get_account(pubkey)
        return next((account for at, account in reversed(versions) if at <= slot), None)

    def record(
        self, slot: int, pubkey: Pubkey, before: Account | None, after: Account | None
    ) -> None:
        """`slot` changed the account from `before` to `after`."""
        versions = self._versions.setdefault(pubkey, [(0, before)])
        if versions[-1][0] == slot:
            versions.pop()
        versions.append((slot, after))
        self._touched_in(slot).add(pubkey)
        if after is not None:
            self._index(pubkey, after)

    def of_program(self, program: Pubkey, slot: int) -> Iterator[tuple[Pubkey, Account]]:
        """Every account `program` owned at `slot`."""
        candidates = {pubkey for pubkey, _ in self._vm.get_program_accounts(program)}
        for _, touched in self._recent:
            candidates |= touched
        return self._existing(candidates, program, slot)

    def of_token_owner(
        self, owner: Pubkey, program: Pubkey, slot: int
    ) -> Iterator[tuple[Pubkey, Account]]:
        """Token accounts of `program` that name `owner`, whatever they hold."""
        for pubkey, account in self._existing(self._by_owner.get(owner, set()), program, slot):
            token_account = token_account_of(account)
            if token_account is not None and token_account.owner == owner:
                yield pubkey, account

    def of_mint(self, mint: Pubkey, program: Pubkey, slot: int) -> Iterator[tuple[Pubkey, Account]]:
        """Token accounts of `program` for `mint`."""
        for pubkey, account in self._existing(self._by_mint.get(mint, set()), program, slot):
            token_account = token_account_of(account)
            if token_account is not None and token_account.mint == mint:
                yield pubkey, account

    def changed_since(self, slot: int) -> set[Pubkey]:
        """Accounts that any later slot changed."""
        return set().union(*(touched for at, touched in self._recent if at > slot))

    def finalize(self, slot: int) -> None:
        """Nobody reads slots before `slot` any more."""
        while self._recent and self._recent[0][0] <= slot:
            for pubkey in self._recent.popleft()[1]:
                self._forget_before(pubkey, slot)

    def _touched_in(self, slot: int) -> set[Pubkey]:
        if not self._recent or self._recent[-1][0] != slot:
            self._recent.append((slot, set()))
        return self._recent[-1][1]

    def _existing(
        self, candidates: set[Pubkey], program: Pubkey, slot: int
    ) -> Iterator[tuple[Pubkey, Account]]:
        for pubkey in sorted(candidates, key=bytes):
            account = self.get(pubkey, slot)
            if account is not None and account.owner == program:
                yield pubkey, account

    def _index(self, pubkey: Pubkey, account: Account) -> None:
        token_account = token_account_of(account) if account.owner in TOKEN_PROGRAMS else None
        if token_account is not None:
            self._by_owner[token_account.owner].add(pubkey)
            self._by_mint[token_account.mint].add(pubkey)

    def _forget_before(self, pubkey: Pubkey, slot: int) -> None:
        versions = self._versions.get(pubkey, [])
        while len(versions) > 1 and versions[1][0] <= slot:
            self._unindex(pubkey, versions.pop(0)[1], versions[0][1])
        if len(versions) == 1 and versions[0][1] is None:
            del self._versions[pubkey]

    def _unindex(self, pubkey: Pubkey, old: Account | None, kept: Account | None) -> None:
        """Closed accounts leave the indexes; living ones may stay, readers check them anyway."""
        token_account = token_account_of(old) if old is not None and kept is None else None
        if token_account is not None:
            self._by_owner[token_account.owner].discard(pubkey)
            self._by_mint[token_account.mint].discard(pubkey)
