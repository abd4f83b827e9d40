"""What a user may look at. A foreign upgrade and an unknown one answer the same NotFound."""

from collections.abc import Sequence
from dataclasses import dataclass

from nft_upgrade.domain.errors import NftNotFound, NotFound
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.ports import Nfts, Page, Upgrades


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The caller's own upgrades and NFTs."""

    upgrades: Upgrades
    nfts: Nfts

    def upgrade(self, upgrade_id: str) -> Upgrade:
        """The upgrade as it stands now, whoever's it is: for the workflow's tasks."""
        upgrade = self.upgrades.get(upgrade_id)
        if upgrade is None:
            raise NotFound("There is no such upgrade request.")
        return upgrade

    def nft_of(self, upgrade: Upgrade) -> Nft:
        """The registry's row of the NFT to burn; NftNotFound when it was lost."""
        nft = self.nfts.get(upgrade.nft_id)
        if nft is None:
            raise NftNotFound("The registry lost this NFT; rebuild it from the chain.")
        return nft

    def owned(self, user_id: str, upgrade_id: str) -> Upgrade:
        """The upgrade as it stands now; NotFound when it is not this user's."""
        upgrade = self.upgrades.get(upgrade_id)
        if upgrade is None or upgrade.user_id != user_id:
            raise NotFound("There is no such upgrade request.")
        return upgrade

    def status(self, user_id: str, upgrade_id: str) -> tuple[Upgrade, Sequence[UpgradeEvent]]:
        """The upgrade and its history, oldest event first."""
        upgrade = self.owned(user_id, upgrade_id)
        return upgrade, self.upgrades.events(upgrade_id)

    def requests(
        self, user_id: str, *, status: Status | None, limit: int, cursor: str | None
    ) -> Page:
        """The user's upgrades, newest first; ValueError for a cursor that is not ours."""
        return self.upgrades.of_user(user_id, status=status, limit=limit, cursor=cursor)

    def owned_nfts(self, user_id: str) -> Sequence[Nft]:
        """The user's NFTs as the registry last saw them, newest first."""
        return self.nfts.owned_by(user_id)
