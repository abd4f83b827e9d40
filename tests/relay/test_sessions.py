"""Verified once, asked for its end each time; refused ones are logged by address."""

import logging
from datetime import datetime, timedelta

import pytest

import relay.sessions
from nft_upgrade.http.errors import InvalidToken
from nft_upgrade.http.sessions import Session
from relay.refusals import LINES_PER_SECOND, RefusalLog, client_address
from relay.sessions import RememberedSessions
from tests.relay.harness import World, now
from tests.sse import request

START = now()


class Issuer:
    """Verifies tokens called `good...`, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def verify(self, access_token: str, at: datetime) -> Session:
        self.asked += 1
        if not access_token.startswith("good") or at >= START + timedelta(minutes=1):
            raise InvalidToken("no")
        return Session(access_token, START + timedelta(minutes=1), "s")


def test_a_session_is_verified_once() -> None:
    issuer = Issuer()
    sessions = RememberedSessions(issuer.verify)
    found = {sessions.verify("good", START).user_id for _ in range(5)}
    assert (found, issuer.asked) == ({"good"}, 1)


def test_a_remembered_session_ends_when_it_ends() -> None:
    sessions = RememberedSessions(Issuer().verify)
    sessions.verify("good", START)
    with pytest.raises(InvalidToken):
        sessions.verify("good", START + timedelta(minutes=1))
    assert len(sessions) == 0


def test_a_refused_token_is_not_remembered() -> None:
    issuer = Issuer()
    sessions = RememberedSessions(issuer.verify)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            sessions.verify("bad", START)
    assert (issuer.asked, len(sessions)) == (2, 0)


def test_the_oldest_session_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay.sessions, "CAPACITY", 2)
    issuer = Issuer()
    sessions = RememberedSessions(issuer.verify)
    for name in ("good1", "good2", "good3", "good2", "good1"):
        sessions.verify(name, START)
    assert (len(sessions), issuer.asked) == (2, 4)


def test_no_token_is_kept() -> None:
    sessions = RememberedSessions(Issuer().verify)
    sessions.verify("good-secret", START)
    assert b"good-secret" not in b"".join(sessions._known)


@pytest.mark.parametrize(
    ("forwarded_for", "hops", "expected"),
    [
        ("", 0, "peer"),
        ("1.1.1.1", 0, "peer"),
        ("1.1.1.1", 1, "1.1.1.1"),
        ("spoofed, 2.2.2.2, 3.3.3.3", 2, "2.2.2.2"),
        ("2.2.2.2", 2, "peer"),
        ("", 2, "peer"),
        ("2001:db8::1 , 3.3.3.3", 2, "2001:db8::1"),
        ("a\x1b[31m\u2028b, 3.3.3.3", 2, "a?[31m?b"),
    ],
)
def test_only_what_trusted_proxies_wrote_is_believed(
    forwarded_for: str, hops: int, expected: str
) -> None:
    assert client_address(forwarded_for, "peer", trusted_hops=hops) == expected


def test_a_flood_of_refusals_is_no_flood_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    moment = [0.0]
    refusals = RefusalLog(lambda: moment[0], trusted_hops=0)
    for _ in range(100):
        refusals.note(401, forwarded_for="", peer="p")
    assert (len(caplog.records), refusals.suppressed) == (LINES_PER_SECOND, 90)
    moment[0] = 1.0
    refusals.note(401, forwarded_for="", peer="p")
    assert len(caplog.records) == LINES_PER_SECOND + 1


def test_a_refused_caller_is_told_by_the_address_the_proxies_saw(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    with World(relay_trusted_hops=1) as world:
        headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "Authorization": "Bearer x"}
        url = f"{world.url}/api/nft/upgrade/01UPGRADE/events"
        with request(url, headers=headers) as answer:
            assert answer.status == 401
    assert "refused 401: 203.0.113.9" in caplog.text
