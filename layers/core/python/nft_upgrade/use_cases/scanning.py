"""Every mint that was ever made under a base key, found in the base key's own history.

The base key signs every mint, so its history names them all, whatever collection they are in. Read
newest first, page by page; a journal of pages lets a scan that broke off go on. What was added to
the top since is read anew each time: that is little.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from nft_upgrade.domain.nft_account import Creation, HistoryRow, NftAccount
from nft_upgrade.ports import MintOrder

PAGE = 1_000
"""What getSignaturesForAddress gives at most."""


class Archive(Protocol):
    """Long histories, old transactions, whole accounts; all at finalized. Raises ChainUnavailable
    or ProvidersDisagree."""

    def accounts(self, addresses: Sequence[str]) -> Sequence[NftAccount | None]:
        """In the order asked, at most 100; None where no mint is."""

    def history(self, address: str, *, before: str | None, limit: int) -> Sequence[HistoryRow]:
        """Newest first, older than the signature `before`; an empty page is the end."""

    def creations(self, signature: str, base: str) -> Sequence[Creation]:
        """What a transaction allocated under `base`."""

    def members(self, order: MintOrder) -> Sequence[str]:
        """Mints of the order's collection whose texts are as long as the order's."""


@dataclass(frozen=True, slots=True)
class ScanPage:
    """One page of history, looked through."""

    newest: str
    oldest: str
    creations: tuple[Creation, ...]


class Pages(Protocol):
    """Where a scan's pages are kept: a file, or nowhere."""

    def load(self) -> Sequence[ScanPage]:
        """In the order they were added."""

    def add(self, page: ScanPage) -> None:
        """Durable when it returns."""


class NoPages:
    """Keeps nothing: the next scan begins anew."""

    def load(self) -> Sequence[ScanPage]:
        return ()

    def add(self, page: ScanPage) -> None:
        return


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanning:
    """`parallel`: transactions asked for at a time; `per_page`: rows of history. `tell` is called
    after every page."""

    archive: Archive
    pages: Pages
    parallel: int = 8
    per_page: int = PAGE
    tell: Callable[[str], None] = lambda text: None

    def history(self, base: str) -> Sequence[Creation]:
        """From the base key's history. ChainUnavailable: run it again, it goes on."""
        kept = list(self.pages.load())
        found: list[Creation] = []
        if kept:
            for page in self._below(base, None, until=kept[0].newest):
                found += page.creations
        for page in kept:
            found += page.creations
        for page in self._below(base, kept[-1].oldest if kept else None, until=None):
            self.pages.add(page)
            found += page.creations
            self.tell(f"{len(found)} mints found, back to {page.oldest}")
        return list({creation.mint: creation for creation in found}.values())

    def members(self, base: str, orders: Sequence[MintOrder]) -> Sequence[Creation]:
        """From the members of the collection, each by its own history: for providers that do not
        keep the base key's. Members whose texts have another length than today's are not found."""
        mints = [mint for order in orders for mint in self.archive.members(order)]
        with ThreadPoolExecutor(self.parallel) as workers:
            found = list(workers.map(lambda mint: self._creation_of(mint, base), mints))
        return [creation for creation in found if creation is not None]

    def _below(self, base: str, before: str | None, *, until: str | None) -> Iterator[ScanPage]:
        while rows := self.archive.history(base, before=before, limit=self.per_page):
            signatures = [row.signature for row in rows]
            is_last = until in signatures
            wanted = rows[: signatures.index(until)] if until in signatures else rows
            if wanted:
                yield self._page(base, wanted)
            if is_last:
                return
            before = signatures[-1]

    def _page(self, base: str, rows: Sequence[HistoryRow]) -> ScanPage:
        succeeded = [row.signature for row in rows if not row.failed]
        with ThreadPoolExecutor(self.parallel) as workers:
            found = workers.map(lambda each: self.archive.creations(each, base), succeeded)
            creations = tuple(creation for several in found for creation in several)
        return ScanPage(rows[0].signature, rows[-1].signature, creations)

    def _creation_of(self, mint: str, base: str) -> Creation | None:
        """The oldest transaction that allocated it; strangers may have named the address before."""
        before, rows = None, []
        while page := self.archive.history(mint, before=before, limit=self.per_page):
            rows += [row.signature for row in page if not row.failed]
            before = page[-1].signature
        for signature in reversed(rows):
            for creation in self.archive.creations(signature, base):
                if creation.mint == mint:
                    return creation
        return None
