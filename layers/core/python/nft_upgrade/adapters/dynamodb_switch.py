"""`Switch` and `Qualifications` on DynamoDB: what operators and the trading system write."""

from datetime import datetime

from nft_upgrade.adapters.dynamodb_errors import read_item, storage
from nft_upgrade.adapters.dynamodb_items import Database, QualificationItem, SwitchItem
from nft_upgrade.domain.levels import Qualification

MINTING = "SWITCH#minting"
QUALIFICATION = "qualification"


class DynamoDbSwitch:
    """Read afresh for every question: no process goes on with an old answer."""

    def __init__(self, tables: str | Database) -> None:
        self._switches = Database.of(tables).bind(SwitchItem)

    def paused(self) -> str | None:
        item = read_item(self._switches, MINTING)
        return item.reason if item else None

    def set_paused(self, reason: str | None, *, at: datetime) -> None:
        with storage():
            self._switches(MINTING, reason=reason, changed_at=at).save()


class DynamoDbQualifications:
    """One item per user; a user without one has shown nothing."""

    def __init__(self, tables: str | Database) -> None:
        self._qualifications = Database.of(tables).bind(QualificationItem)

    def of(self, user_id: str) -> Qualification:
        item = read_item(self._qualifications, _user(user_id), QUALIFICATION)
        if item is None:
            return Qualification(trading_volume_usdt=0, badges=0)
        return Qualification(int(item.trading_volume_usdt), int(item.badges))

    def put(self, user_id: str, qualification: Qualification) -> None:
        """Replace what is known of the user."""
        item = self._qualifications(
            _user(user_id),
            QUALIFICATION,
            trading_volume_usdt=qualification.trading_volume_usdt,
            badges=qualification.badges,
        )
        with storage():
            item.save()


def _user(user_id: str) -> str:
    return f"qualification#{user_id}"
