"""Zero loss, explored: every state that commits, publications, reads, kills, cuts and a browser can
reach together. What is done right holds in all of them; each thing done wrongly breaks somewhere,
so the exploration can fail."""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from kafka import TopicPartition

from nft_upgrade.domain.events import UpgradeEvent
from relay.consumer import Consumer
from relay.ring import MARGIN_SECONDS, Ring, _events, _run
from relay.seeding import SEED_SECONDS
from tests.relay.zero_loss import EVENTS, Rules, explore

SECOND = EVENTS[1].occurred_at.timestamp() + SEED_SECONDS - 2 * MARGIN_SECONDS
"""So that a minute before it lies between the first event and the second, and proves the second."""


WORLDS = {
    "no ring": (Rules(capacity=0), 1_900),
    "a kill without a ring": (Rules(kills=1, capacity=0), 5_000),
    "a kill, and a ring that begins inside the log": (Rules(kills=1, capacity=2), 20_000),
    "a kill, and a ring that begins with the last minute": (
        Rules(kills=1, knows_times=True, wall=lambda: SECOND),
        20_000,
    ),
    "a cut": (Rules(cuts=1), 20_000),
}
EXPLORED = WORLDS if "RELAY_EXPLORE" in os.environ else list(WORLDS)[:2]
"""All of them take minutes: `RELAY_EXPLORE=1 pytest tests/relay/test_zero_loss.py`."""


@pytest.mark.slow
@pytest.mark.parametrize(("rules", "least"), [WORLDS[name] for name in EXPLORED], ids=EXPLORED)
def test_no_schedule_loses_doubles_or_reorders_an_event(rules: Rules, least: int) -> None:
    states, broken = explore(rules)
    assert broken is None
    assert states > least


class ShortSightedRing(Ring):
    """Answers with what comes before a gap."""

    def after(self, user_id: str, upgrade_id: str, position: int) -> Sequence[UpgradeEvent] | None:
        events = _events(self._by_user.get(user_id.encode(), ()), upgrade_id)
        return _run(events, position if position in events else position + 1) or None


class HastyConsumer(Consumer):
    """Asks who listens, and only then fills the ring."""

    def _take(self, polled: dict[TopicPartition, list[Any]]) -> None:
        records = [record for batch in polled.values() for record in batch]
        wanted = [(record.key, record.value) for record in records if self._listens(record.key)]
        for partition, batch in polled.items():
            self._remember(partition, batch)
        if wanted:
            self._hand_over(wanted)


@pytest.mark.parametrize(
    "rules",
    [
        Rules(connection=("look", "join", "start")),
        Rules(cuts=1, connection=("look", "join", "start")),
        Rules(capacity=0, checks_streams=False),
        Rules(cuts=1, ring=ShortSightedRing),
        Rules(cuts=1, consumer=HastyConsumer),
    ],
    ids=[
        "looks before it joins",
        "looks before it joins again",
        "streams are not checked when the consumer has its places",
        "a ring that answers up to a gap",
        "the question who listens before the ring is filled",
    ],
)
def test_what_is_done_in_the_wrong_way_loses_an_event_somewhere(rules: Rules) -> None:
    _, broken = explore(rules)
    assert broken is not None
    assert broken[-1].startswith(("waits for ever", "saw"))
