"""A notification whose process dies, or whose storage goes away, at every single step.

A step is a write or a send; each is met before it happened and after. Then the batch is delivered
again. Whatever breaks: never two messages, and one that may be lost is counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from nft_upgrade.consumers.outlets import EMAIL
from nft_upgrade.consumers.ports import NotificationStatus
from nft_upgrade.domain.errors import StorageUnavailable
from tests.consumers.test_notification import PHONE, Office

SENT, UNCERTAIN = NotificationStatus.SENT, NotificationStatus.UNCERTAIN
Place = tuple[str, bool]
"""The name of a step, and whether it is done when the fault strikes."""


@dataclass(frozen=True, slots=True)
class Way:
    """One outlet, seen from here."""

    take: Callable[[Office], bool]
    channel: str
    send: str
    sent: Callable[[Office], int]


MAIL = Way(Office.take, EMAIL, "send", lambda office: len(office.mailer.sent))
PUSH = Way(Office.push, "push#d1", "push", lambda office: len(office.pusher.sent))
both = pytest.mark.parametrize("way", [MAIL, PUSH], ids=["mail", "push"])


class Faulty:
    """Anything, with one fault at the first call of one method: before it, or after its effect."""

    def __init__(self, inner: Any, place: Place, fault: BaseException) -> None:
        self._inner = inner
        self._name, self._is_done = place
        self._fault: BaseException | None = fault

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        return self._faulty(target) if name == self._name else target

    def _faulty(self, target: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            fault, self._fault = self._fault, None
            if fault and not self._is_done:
                raise fault
            answer = target(*arguments, **named)
            if fault:
                raise fault
            return answer

        return call


def office_with(place: Place, fault: BaseException, *, outages: int = 0) -> Office:
    office = Office()
    office.mailer.outages = office.pusher.outages = outages
    office.contacts.add_device(PHONE)
    for part in ("kept", "contacts", "mailer", "pusher"):
        setattr(office, part, Faulty(getattr(office, part), place, fault))
    return office


@both
@pytest.mark.parametrize(
    ("step", "is_done", "expected", "count"),
    [
        ("begin", False, SENT, 1),
        ("begin", True, UNCERTAIN, 0),
        ("send", False, UNCERTAIN, 0),
        ("send", True, UNCERTAIN, 1),
        ("settle", False, UNCERTAIN, 1),
        ("settle", True, SENT, 1),
    ],
)
def test_a_death_sends_nothing_twice_and_what_may_be_lost_is_counted(
    way: Way, step: str, is_done: bool, expected: NotificationStatus, count: int
) -> None:
    office = office_with((way.send if step == "send" else step, is_done), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        way.take(office)
    for _ in range(2):
        way.take(office)
    assert office.outcome(way.channel)[0] is expected
    assert way.sent(office) == count
    assert office.meter.counts["DeliveriesUncertain"] == (expected is UNCERTAIN)


@both
@pytest.mark.parametrize(
    ("step", "is_done", "expected"),
    [
        ("begin", False, SENT),
        ("begin", True, SENT),
        ("settle", False, UNCERTAIN),
        ("settle", True, SENT),
    ],
)
def test_storage_that_does_not_answer_brings_the_batch_again(
    way: Way, step: str, is_done: bool, expected: NotificationStatus
) -> None:
    """A claim whose answer was lost is taken back: this process knows that nothing was sent."""
    office = office_with((step, is_done), StorageUnavailable("away"))
    with pytest.raises(StorageUnavailable):
        way.take(office)
    for _ in range(2):
        way.take(office)
    assert office.outcome(way.channel)[0] is expected
    assert way.sent(office) == 1
    assert office.meter.counts["DeliveriesUncertain"] == (expected is UNCERTAIN)


@pytest.mark.parametrize("is_done", [False, True])
def test_a_death_while_a_device_is_forgotten_leaves_its_refusal_written_down(
    is_done: bool,
) -> None:
    office = office_with(("remove_device", is_done), KeyboardInterrupt())
    office.pusher.disabled.add(PHONE.endpoint)
    with pytest.raises(KeyboardInterrupt):
        office.push()
    office.push()
    assert office.outcome(PUSH.channel)[0] is NotificationStatus.REFUSED
    assert office.meter.counts["DeliveriesUncertain"] == 0


@both
@pytest.mark.parametrize("is_done", [False, True])
def test_a_death_while_what_was_not_sent_is_written_down_loses_it_visibly_at_worst(
    way: Way, is_done: bool
) -> None:
    office = office_with(("settle", is_done), KeyboardInterrupt(), outages=1)
    with pytest.raises(KeyboardInterrupt):
        way.take(office)
    for _ in range(2):
        way.take(office)
    assert way.sent(office) == is_done
    assert office.meter.counts["DeliveriesUncertain"] == (not is_done)


@both
def test_what_another_process_sent_is_not_taken_back(way: Way) -> None:
    """The answer to a claim was lost, but the claim was another's: its record stays."""
    office = office_with(("remove_device", False), KeyboardInterrupt())
    way.take(office)
    office.kept = Faulty(office.kept, ("begin", True), StorageUnavailable("away"))  # type: ignore[assignment]
    with pytest.raises(StorageUnavailable):
        way.take(office)
    assert office.outcome(way.channel)[0] is SENT
    way.take(office)
    assert way.sent(office) == 1
