"""The infrastructure's own functions: the gauge, the authorizer, custom resources' answers."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from infra.handlers import origin
from infra.handlers.cfn import answer
from infra.handlers.gauge import measure
from infra.parts.http_api import ORIGIN_HEADER
from nft_upgrade.domain.upgrade import Transition
from tests.contracts.samples import NOW, nft, opening, proof
from tests.fakes.reviews import FakeReviews
from tests.fakes.storage import FakeClock, FakeNfts, FakeStore, FakeUpgrades

Answers = list[dict[str, Any]]


def opened(name: str, upgrades: FakeUpgrades, *, seconds_ago: float) -> Transition:
    """A request opened some time before NOW."""
    at = NOW - timedelta(seconds=seconds_ago)
    old = nft(name, f"owner-{name}", at=at)
    FakeNfts(upgrades.store).register(old, takes=())
    transition = opening(name, old, at=at)
    upgrades.commit(transition)
    return transition


def burned(name: str, upgrades: FakeUpgrades, *, seconds_ago: float) -> None:
    """An upgrade whose burn was proven some time before NOW."""
    upgrade = opened(name, upgrades, seconds_ago=seconds_ago).after
    row = upgrades.store.nfts[upgrade.nft_id]
    at = NOW - timedelta(seconds=seconds_ago)
    upgrades.commit(upgrade.prove_burn(proof(upgrade, f"burn-{name}"), nft=row, at=at))


def held_for_review(name: str, upgrades: FakeUpgrades, *, seconds_ago: float) -> None:
    """An upgrade whose burn a person must look at."""
    claimed = opened(name, upgrades, seconds_ago=seconds_ago).after
    at = NOW - timedelta(seconds=seconds_ago)
    pending = claimed.claim_burn(f"burn-{name}", height=None, at=at)
    upgrades.commit(pending)
    held = pending.after.review_burn(proof(pending.after, f"burn-{name}"), at=at)
    upgrades.commit(held)


def test_people_who_burned_are_counted_and_the_longest_wait_is_theirs() -> None:
    upgrades = FakeUpgrades(FakeStore())
    burned("a", upgrades, seconds_ago=30)
    burned("b", upgrades, seconds_ago=700)
    opened("c", upgrades, seconds_ago=86_400)
    figures = measure(upgrades, FakeReviews(upgrades.store), FakeClock(NOW))
    assert figures["WaitingAfterBurn"] == 2
    assert figures["OldestWaitSeconds"] == 700


def test_who_waits_for_a_persons_decision_is_counted_too() -> None:
    upgrades = FakeUpgrades(FakeStore())
    burned("a", upgrades, seconds_ago=30)
    held_for_review("b", upgrades, seconds_ago=4_000)
    figures = measure(upgrades, FakeReviews(upgrades.store), FakeClock(NOW))
    assert (figures["WaitingAfterBurn"], figures["UnderReview"]) == (2, 1)
    assert figures["OldestWaitSeconds"] == 4_000


def test_nobody_waits_once_all_are_completed() -> None:
    figures = measure(FakeUpgrades(FakeStore()), FakeReviews(FakeStore()), FakeClock(NOW))
    assert (figures["WaitingAfterBurn"], figures["OldestWaitSeconds"]) == (0, 0.0)


def test_events_that_kafka_does_not_have_show_how_late_they_are() -> None:
    upgrades = FakeUpgrades(FakeStore())
    burned("a", upgrades, seconds_ago=400)
    figures = measure(upgrades, FakeReviews(upgrades.store), FakeClock(NOW))
    assert figures["EventsUnpublished"] == 2
    assert figures["EventLagSeconds"] == 400


@pytest.fixture
def known_secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The secret as the function reads it once."""
    monkeypatch.setattr(origin, "_secret", lambda: "s3cret")
    yield "s3cret"


@pytest.mark.parametrize(("shown", "is_let_in"), [("s3cret", True), ("S3cret", False), ("", False)])
def test_only_who_shows_the_secret_is_let_in(
    shown: str, is_let_in: bool, known_secret: str
) -> None:
    event = {"headers": {ORIGIN_HEADER: shown}}
    assert origin.handler(event, None) == {"isAuthorized": is_let_in}
    assert origin.HEADER == ORIGIN_HEADER


def test_without_any_header_nobody_is_let_in(known_secret: str) -> None:
    assert origin.handler({}, None) == {"isAuthorized": False}


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, Answers]]:
    """Where answers go, and what came."""
    answers: Answers = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", answers
    server.shutdown()
    server.server_close()
    thread.join()


def request(url: str, kind: str = "Create") -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "1",
        "LogicalResourceId": "Wallet",
        "ResourceProperties": {"KeyId": "k"},
    }


def test_what_was_looked_up_is_told(cloudformation: tuple[str, Answers]) -> None:
    url, answers = cloudformation
    answer(request(url), lambda properties: {"Address": f"of {properties['KeyId']}"})
    assert answers[0]["Status"] == "SUCCESS"
    assert answers[0]["Data"] == {"Address": "of k"}
    assert answers[0]["PhysicalResourceId"] == "Wallet"


def test_an_error_is_told_at_once_rather_than_after_an_hour(
    cloudformation: tuple[str, Answers],
) -> None:
    url, answers = cloudformation
    answer(request(url), lambda properties: {"Address": properties["Missing"]})
    assert answers[0]["Status"] == "FAILED"
    assert "KeyError" in answers[0]["Reason"]


def test_a_deletion_is_granted_without_looking(cloudformation: tuple[str, Answers]) -> None:
    url, answers = cloudformation
    answer(request(url, "Delete"), lambda properties: {"Address": properties["Missing"]})
    assert answers[0]["Status"] == "SUCCESS"
