"""`Challenges`, `Tickets` and `RateLimiter` on DynamoDB: what may be forgotten after a while."""

import time
from datetime import UTC, datetime, timedelta

from pynamodb.exceptions import DeleteError, UpdateError
from pynamodb.expressions.update import Action

from nft_upgrade.adapters.dynamodb_errors import (
    Pause,
    is_condition_failure,
    persistently,
    read_item,
    storage,
)
from nft_upgrade.adapters.dynamodb_items import ChallengeItem, Database, TicketItem, WindowItem
from nft_upgrade.ports import JsonObject, TicketGrant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DynamoDbChallenges:
    """Taking one deletes it in the same call that reads it, so that only one caller gets it."""

    def __init__(self, tables: str | Database) -> None:
        database = Database.of(tables)
        self._connection = database.connection
        self._challenges = database.bind(ChallengeItem)

    def put(self, nonce: str, fields: JsonObject, *, expires_at: datetime) -> None:
        item = self._challenges(
            _challenge(nonce), fields=dict(fields), expires_at=expires_at, expires=expires_at
        )
        with storage():
            item.save()

    def take(self, nonce: str, *, at: datetime) -> JsonObject | None:
        taken = self._delete(nonce)
        if taken is None or at >= taken.expires_at:
            return None
        fields: JsonObject = taken.fields
        return fields

    def _delete(self, nonce: str) -> ChallengeItem | None:
        # Not implied by deleting: DynamoDB Local hands one item to two unconditional deletes.
        is_there = ChallengeItem.item.exists()
        with storage():
            try:
                answer = self._connection.delete_item(
                    self._challenges.Meta.table_name,
                    _challenge(nonce),
                    condition=is_there,
                    return_values="ALL_OLD",
                )
            except DeleteError as error:
                if not is_condition_failure(error):
                    raise
                return None
        return self._challenges.from_raw_data(answer["Attributes"])


class DynamoDbTickets:
    """The stream's opening is one conditional update; reconnects only read."""

    def __init__(self, tables: str | Database, *, pause: Pause = time.sleep) -> None:
        self._tickets = Database.of(tables).bind(TicketItem)
        self._pause = pause

    def put(self, ticket_hash: str, grant: TicketGrant) -> None:
        item = self._tickets(
            _ticket(ticket_hash),
            user_id=grant.user_id,
            upgrade_id=grant.upgrade_id,
            expires_at=grant.expires_at,
            session_expires_at=grant.session_expires_at,
            expires=max(grant.expires_at, grant.session_expires_at),
        )
        with storage():
            item.save()

    def redeem(
        self, ticket_hash: str, *, upgrade_id: str, is_reconnect: bool, at: datetime
    ) -> TicketGrant | None:
        if is_reconnect:
            return self._reconnect(ticket_hash, upgrade_id, at)
        return self._open(ticket_hash, upgrade_id, at)

    def _open(self, ticket_hash: str, upgrade_id: str, at: datetime) -> TicketGrant | None:
        item = self._tickets(_ticket(ticket_hash))
        is_unused = TicketItem.opened_at.does_not_exist()
        # Both are false as well when there is no such ticket.
        is_for_this = TicketItem.upgrade_id == upgrade_id
        is_fresh = TicketItem.expires_at > at
        actions: list[Action] = [TicketItem.opened_at.set(at)]
        with storage():
            try:
                persistently(
                    lambda: item.update(actions, is_unused & is_for_this & is_fresh), self._pause
                )
            except UpdateError as error:
                if not is_condition_failure(error):
                    raise
                return None
        return _grant(item)

    def _reconnect(self, ticket_hash: str, upgrade_id: str, at: datetime) -> TicketGrant | None:
        item = read_item(self._tickets, _ticket(ticket_hash))
        if item is None or item.opened_at is None or item.upgrade_id != upgrade_id:
            return None
        return _grant(item) if at < item.session_expires_at else None


class DynamoDbRateLimiter:
    """One counter item per name and window, counted up by one call; it expires by itself."""

    def __init__(self, tables: str | Database, *, pause: Pause = time.sleep) -> None:
        self._windows = Database.of(tables).bind(WindowItem)
        self._pause = pause

    def hit(self, name: str, *, limit: int, window: timedelta, at: datetime) -> timedelta | None:
        start = at - (at - _EPOCH) % window
        end = start + window
        item = self._windows(f"WINDOW#{name}#{start.isoformat()}")
        actions: list[Action] = [WindowItem.calls.add(1), WindowItem.expires.set(end + window)]
        with storage():
            persistently(lambda: item.update(actions), self._pause)
        return None if item.calls <= limit else end - at


def _challenge(nonce: str) -> str:
    return f"CHALLENGE#{nonce}"


def _ticket(ticket_hash: str) -> str:
    return f"TICKET#{ticket_hash}"


def _grant(item: TicketItem) -> TicketGrant:
    return TicketGrant(item.user_id, item.upgrade_id, item.expires_at, item.session_expires_at)
