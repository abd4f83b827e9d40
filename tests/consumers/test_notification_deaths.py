"""A notification whose process dies, or whose storage goes away, at every single step.

A step is a write or a send; each is met before it happened and after. Then the batch is delivered
again. Whatever breaks: never two messages, and one that may be lost is counted.
"""

from collections.abc import Callable
from typing import Any

import pytest

from nft_upgrade.consumers.notification import EMAIL
from nft_upgrade.consumers.ports import NotificationStatus
from nft_upgrade.domain.errors import StorageUnavailable
from tests.consumers.test_notification import PHONE, Office

PUSH = "push#d1"
SENT, UNCERTAIN = NotificationStatus.SENT, NotificationStatus.UNCERTAIN
Place = tuple[str, bool]
"""The name of a step, and whether it is done when the fault strikes."""


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


def office_with(place: Place, fault: BaseException) -> Office:
    office = Office()
    office.contacts.add_device(PHONE)
    for part in ("kept", "contacts", "mailer", "pusher"):
        setattr(office, part, Faulty(getattr(office, part), place, fault))
    return office


def told(office: Office) -> tuple[int, int]:
    return len(office.mailer.sent), len(office.pusher.sent)


@pytest.mark.parametrize(
    ("place", "email", "push"),
    [
        (("begin", False), SENT, SENT),
        (("begin", True), UNCERTAIN, SENT),
        (("send", False), UNCERTAIN, SENT),
        (("send", True), UNCERTAIN, SENT),
        (("settle", False), UNCERTAIN, SENT),
        (("settle", True), SENT, SENT),
        (("push", False), SENT, UNCERTAIN),
        (("push", True), SENT, UNCERTAIN),
    ],
)
def test_a_death_sends_nothing_twice_and_what_may_be_lost_is_counted(
    place: Place, email: NotificationStatus, push: NotificationStatus
) -> None:
    office = office_with(place, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        office.take()
    for _ in range(2):
        office.take()
    assert (office.outcome()[0], office.outcome(PUSH)[0]) == (email, push)
    assert max(told(office)) <= 1
    for status, count in zip((email, push), told(office), strict=True):
        assert status is UNCERTAIN or count == 1
    assert office.meter.counts["DeliveriesUncertain"] == [email, push].count(UNCERTAIN)


@pytest.mark.parametrize(
    ("place", "email"),
    [
        (("begin", False), SENT),
        (("begin", True), SENT),
        (("settle", False), UNCERTAIN),
        (("settle", True), SENT),
    ],
)
def test_storage_that_does_not_answer_brings_the_batch_again(
    place: Place, email: NotificationStatus
) -> None:
    """A claim whose answer was lost is taken back: this process knows that nothing was sent."""
    office = office_with(place, StorageUnavailable("away"))
    with pytest.raises(StorageUnavailable):
        office.take()
    for _ in range(2):
        office.take()
    assert (office.outcome()[0], office.outcome(PUSH)[0]) == (email, SENT)
    assert told(office) == (1, 1)
    assert office.meter.counts["DeliveriesUncertain"] == (email is UNCERTAIN)


@pytest.mark.parametrize("is_done", [False, True])
def test_a_death_while_a_device_is_forgotten_leaves_its_refusal_written_down(
    is_done: bool,
) -> None:
    office = office_with(("remove_device", is_done), KeyboardInterrupt())
    office.pusher.disabled.add(PHONE.endpoint)
    with pytest.raises(KeyboardInterrupt):
        office.take()
    office.take()
    assert office.outcome(PUSH)[0] is NotificationStatus.REFUSED
    assert office.meter.counts["DeliveriesUncertain"] == 0


def test_what_another_process_sent_is_not_taken_back() -> None:
    """The answer to a claim was lost, but the claim was another's: its record stays."""
    office = Office()
    office.take()
    office.kept = Faulty(office.kept, ("begin", True), StorageUnavailable("away"))  # type: ignore[assignment]
    with pytest.raises(StorageUnavailable):
        office.take()
    assert office.outcome()[0] is SENT
    office.take()
    assert len(office.mailer.sent) == 1
