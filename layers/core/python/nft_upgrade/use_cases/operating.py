"""What operators do, whichever door they come through. Every act is in the journal first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from nft_upgrade.domain.errors import VersionConflict, WrongStatus
from nft_upgrade.domain.operations import Act, following
from nft_upgrade.domain.upgrade import Review, Upgrade
from nft_upgrade.ports import Clock, Journal, Switch
from nft_upgrade.use_cases.minting import Minting
from nft_upgrade.use_cases.reading import Reading
from nft_upgrade.use_cases.reviewing import Reviewing

T = TypeVar("T")
JOURNAL_TRIES = 8
"""Operators who write at the same moment: each takes the next free number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """`by`: who, and why."""

    reading: Reading
    reviewing: Reviewing
    minting: Minting
    switch: Switch
    journal: Journal
    clock: Clock

    def pause(self, by: Review) -> None:
        """New requests are refused from now on, with this reason; what is burned is minted."""
        self._write_down(Act.PAUSE, by)
        self.switch.set_paused(by.reason, at=self.clock.now())

    def resume(self, by: Review) -> None:
        """New requests are taken again."""
        self._write_down(Act.RESUME, by)
        self.switch.set_paused(None, at=self.clock.now())

    def retry(self, upgrade_id: str, by: Review) -> Upgrade:
        """Another execution; NotRetryable unless the upgrade is `failed_retryable`."""
        upgrade = self.reading.upgrade(upgrade_id)
        upgrade.require_retryable()
        self._write_down(Act.RETRY, by, upgrade_id)
        return self._first_or_told(upgrade_id, lambda: self.minting.try_again(upgrade, by))

    def accept(self, upgrade_id: str, by: Review) -> Upgrade:
        """As `Reviewing.accept`; WrongStatus when somebody else has decided."""
        self._require_held(upgrade_id)
        self._write_down(Act.ACCEPT, by, upgrade_id)
        return self._first_or_told(upgrade_id, lambda: self.reviewing.accept(upgrade_id, by))

    def refuse(self, upgrade_id: str, by: Review) -> Upgrade:
        """As `Reviewing.refuse`; WrongStatus when somebody else has decided."""
        self._require_held(upgrade_id)
        self._write_down(Act.REFUSE, by, upgrade_id)
        return self._first_or_told(upgrade_id, lambda: self.reviewing.refuse(upgrade_id, by))

    def _require_held(self, upgrade_id: str) -> None:
        """What cannot be decided is not even written down."""
        self.reading.upgrade(upgrade_id).require_held()

    def _first_or_told(self, upgrade_id: str, decide: Callable[[], T]) -> T:
        """Two operators at once: one wins. The other is told what it is now, and not invited to
        try the same again."""
        try:
            return decide()
        except VersionConflict as lost:
            now = self.reading.upgrade(upgrade_id)
            raise WrongStatus(
                f"Somebody else was faster: the upgrade is {now.status} now."
            ) from lost

    def _write_down(self, act: Act, by: Review, upgrade_id: str | None = None) -> None:
        for left in reversed(range(JOURNAL_TRIES)):
            entry = following(
                self.journal.last(),
                act,
                operator=by.operator,
                reason=by.reason,
                at=self.clock.now(),
                upgrade_id=upgrade_id,
            )
            try:
                self.journal.add(entry)
            except VersionConflict:
                if not left:
                    raise
            else:
                return
