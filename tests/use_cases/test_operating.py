"""What operators do: written down first, done once, and clear to whoever came second."""

import threading
from collections.abc import Callable

import pytest

from nft_upgrade.adapters.event_schema import check_event
from nft_upgrade.domain.errors import (
    MintingPaused,
    NotFound,
    NotRetryable,
    StorageUnavailable,
    UpgradeError,
    WrongStatus,
)
from nft_upgrade.domain.events import first_broken_link
from nft_upgrade.domain.operations import Act, is_sound
from nft_upgrade.domain.upgrade import Review, Status, Upgrade
from nft_upgrade.messages import envelope
from tests.use_cases.test_reviewing import reviewed
from tests.use_cases.world import ALICE, World

BY = Review("operator's wallet", "shown by mail")
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def failed(world: World) -> Upgrade:
    """Burned, and the mint did not get through."""
    upgrade = world.burned()
    world.minting.mark_retryable(upgrade.id, "States.Timeout")
    world.end_executions()
    return world.now(upgrade)


def acts(world: World) -> list[tuple[Act, str, str, str | None]]:
    return [(e.act, e.operator, e.reason, e.upgrade_id) for e in world.journal.entries]


def test_a_pause_refuses_new_requests_until_it_is_resumed() -> None:
    world = World()
    world.give_nft()
    world.operating.pause(BY)
    with pytest.raises(MintingPaused, match="shown by mail"):
        world.open()
    world.operating.resume(Review("another wallet", "all is well"))
    assert world.open().upgrade.status is Status.INITIATED
    assert acts(world) == [
        (Act.PAUSE, BY.operator, BY.reason, None),
        (Act.RESUME, "another wallet", "all is well", None),
    ]
    assert is_sound(world.journal.latest(limit=10))


def test_a_retry_starts_another_execution_and_is_audited_with_who_and_why() -> None:
    world = World()
    upgrade = failed(world)
    retried = world.operating.retry(upgrade.id, BY)
    assert retried.status is Status.MINT_PENDING
    assert world.workflow.started[-1] == (upgrade.id, upgrade.run + 1)
    event = world.upgrades.events(upgrade.id)[-1]
    assert event.data["review"] == {"operator": BY.operator, "reason": BY.reason}
    check_event(event)
    assert first_broken_link(world.upgrades.events(upgrade.id)) is None
    assert acts(world) == [(Act.RETRY, BY.operator, BY.reason, upgrade.id)]


def test_the_browser_is_not_told_which_operator_decided() -> None:
    world = World()
    upgrade = failed(world)
    world.operating.retry(upgrade.id, BY)
    told = [envelope(event) for event in world.upgrades.events(upgrade.id)]
    assert BY.operator not in str(told)
    assert "data" not in told[-1]


@pytest.mark.parametrize("act", ["accept", "refuse"])
def test_a_decision_is_in_the_journal_and_in_the_history(act: str) -> None:
    world = World()
    upgrade = reviewed(world)
    getattr(world.operating, act)(upgrade.id, BY)
    assert acts(world) == [(Act(act), BY.operator, BY.reason, upgrade.id)]
    history = [event.data.get("review") for event in world.upgrades.events(upgrade.id)]
    assert history[-1] == {"operator": BY.operator, "reason": BY.reason}


@pytest.mark.parametrize("act", ["retry", "accept", "refuse"])
def test_what_cannot_be_done_is_refused_and_not_written_down(act: str) -> None:
    world = World()
    upgrade = world.claimed()
    with pytest.raises((WrongStatus, NotRetryable), match="burn_pending"):
        getattr(world.operating, act)(upgrade.id, BY)
    with pytest.raises(NotFound):
        getattr(world.operating, act)(UNKNOWN, BY)
    assert len(world.journal) == 0


@pytest.mark.parametrize("act", ["pause", "resume", "retry", "accept", "refuse"])
def test_nothing_is_done_that_cannot_be_written_down(act: str) -> None:
    world = World()
    upgrade = failed(world) if act == "retry" else reviewed(world)
    world.switch.set_paused("before", at=world.clock.now())
    world.journal.is_down = True
    arguments = (BY,) if act in ("pause", "resume") else (upgrade.id, BY)
    with pytest.raises(StorageUnavailable):
        getattr(world.operating, act)(*arguments)
    assert world.switch.paused() == "before"
    assert world.now(upgrade) == upgrade


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each answered or raised, all begun together."""
    answers: list[object] = [None] * len(calls)
    begin = threading.Barrier(len(calls))

    def run(number: int) -> None:
        begin.wait()
        try:
            answers[number] = calls[number]()
        except UpgradeError as refused:
            answers[number] = refused

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_two_operators_who_decide_at_once_one_wins_and_the_other_is_told_so() -> None:
    world = World()
    upgrade = reviewed(world)
    begin = threading.Barrier(2)
    examine = world.chain.burn_evidence

    def both_have_looked(signature: str, mint: str) -> object:
        evidence = examine(signature, mint)
        begin.wait(5)
        return evidence

    world.chain.burn_evidence = both_have_looked  # type: ignore[method-assign, assignment]
    accepted, refused = at_once(
        lambda: world.operating.accept(upgrade.id, Review("one", "it is theirs")),
        lambda: world.operating.refuse(upgrade.id, Review("two", "it is not")),
    )
    (loser,) = [each for each in (accepted, refused) if isinstance(each, UpgradeError)]
    (winner,) = [each for each in (accepted, refused) if isinstance(each, Upgrade)]
    assert isinstance(loser, WrongStatus)
    assert f"the upgrade is {winner.status} now" in loser.detail
    decisions = [e for e in world.upgrades.events(upgrade.id) if "review" in e.data]
    assert len(decisions) == 1
    assert sorted(e.operator for e in world.journal.entries) == ["one", "two"]
    assert is_sound(world.journal.latest(limit=10))


def test_two_operators_who_write_at_once_both_stand_in_the_journal() -> None:
    world = World()
    names = [f"operator {number}" for number in range(4)]
    at_once(*[lambda name=name: world.operating.pause(Review(name, "why")) for name in names])
    assert sorted(entry.operator for entry in world.journal.entries) == names
    assert [entry.number for entry in world.journal.entries] == [1, 2, 3, 4]
    assert is_sound(world.journal.latest(limit=10))


def test_a_retry_of_two_operators_starts_one_execution() -> None:
    world = World()
    upgrade = failed(world)
    before = len(world.workflow)
    answers = at_once(*[lambda: world.operating.retry(upgrade.id, BY) for _ in range(2)])
    assert sum(isinstance(each, Upgrade) for each in answers) == 1
    assert len(world.workflow) == before + 1


def test_an_accepted_burn_is_minted_for_the_one_who_burned() -> None:
    world = World()
    upgrade = world.operating.accept(reviewed(world).id, BY)
    done = world.run_workflow(upgrade)
    assert (done.status, done.user_id) == (Status.COMPLETED, ALICE)
