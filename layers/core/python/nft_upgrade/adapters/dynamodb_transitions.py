"""What a transition writes: the steps of its one TransactWrite, none of which stands alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.update import Action

from nft_upgrade.adapters.dynamodb_facts import REQUEST, event_facts, request_facts
from nft_upgrade.adapters.dynamodb_items import EventItem, LockItem, NftItem, RequestItem
from nft_upgrade.adapters.dynamodb_locks import move, release, take
from nft_upgrade.adapters.dynamodb_nfts import write_nft
from nft_upgrade.adapters.dynamodb_transactions import Order, Step
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.upgrade import Transition, Upgrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The models of one Database that a transition touches."""

    requests: type[RequestItem]
    events: type[EventItem]
    nfts: type[NftItem]
    locks: type[LockItem]


def steps_of(transition: Transition, models: Models) -> Sequence[Step]:
    """In the order in which refusals are told: locks, the request, registry rows, the event."""
    before, locks = transition.before, models.locks
    return [
        *(take(locks, lock) for lock in transition.takes),
        *(move(locks, lock, previous=_previous(before)) for lock in transition.moves),
        *(release(locks, lock) for lock in transition.releases),
        _change(models, before, transition.after) if before else _open(models, transition.after),
        *(write_nft(models.nfts, change) for change in transition.nfts),
        _append(models, transition.event),
    ]


def present(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that an item has: a sparse index needs them gone, not null."""
    return {name: fact for name, fact in facts.items() if fact is not None}


def assign(model: type[RequestItem], name: str, fact: Any) -> Action:
    """Set an attribute, or remove it where there is nothing to set."""
    attribute = getattr(model, name)
    action: Action = attribute.remove() if fact is None else attribute.set(fact)
    return action


def _open(models: Models, upgrade: Upgrade) -> Step:
    item = models.requests(upgrade.id, REQUEST, **present(request_facts(upgrade)))
    is_new = RequestItem.upgrade_id.does_not_exist()
    return Step(
        Order.PUT,
        lambda write: write.save(item, is_new),
        lambda _: VersionConflict("An upgrade of this id exists already."),
    )


def _change(models: Models, before: Upgrade, after: Upgrade) -> Step:
    """Only what differs is written, so that bookkeeping noted meanwhile stays."""
    old, new = request_facts(before), request_facts(after)
    changes = [assign(models.requests, n, new[n]) for n in new if new[n] != old[n]]
    # True while the upgrade stands where the transition was decided.
    is_unmoved = RequestItem.version == before.version
    has_status = RequestItem.status == before.status.value
    # False when a new execution was numbered meanwhile: this decision may not know of it.
    is_same_run = RequestItem.run == before.run
    item = models.requests(before.id, REQUEST)
    return Step(
        Order.UPDATE,
        lambda write: write.update(item, changes, is_unmoved & has_status & is_same_run),
        lambda _: VersionConflict("Somebody else moved the upgrade first."),
    )


def _append(models: Models, event: UpgradeEvent) -> Step:
    item = models.events(**present(event_facts(event)))
    is_new = EventItem.entry.does_not_exist()
    return Step(
        Order.PUT,
        lambda write: write.save(item, is_new),
        lambda _: VersionConflict("Another event has this place."),
    )


def _previous(before: Upgrade | None) -> str:
    if before is None:
        raise ValueError("only a change of an existing upgrade moves a lock")
    return before.nft_id
