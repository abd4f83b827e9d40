"""Upgrades under review, in memory."""

from collections.abc import Iterable

from nft_upgrade.domain.upgrade import Status, Upgrade
from tests.fakes.storage import FakeStore


class FakeReviews:
    """As `DynamoDbReviews`, over the store of `FakeUpgrades`."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def held(self, *, besides: Iterable[str], limit: int) -> list[Upgrade]:
        known = frozenset(besides)
        active = [each for each in self._store.upgrades.values() if each.is_active]
        unknown = [each for each in active if each.id not in known][:limit]
        return [each for each in unknown if each.status is Status.UNDER_REVIEW]
