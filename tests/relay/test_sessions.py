"""Verified once, asked for its end each time; refused ones are logged by address."""

import logging
import os
import warnings
from datetime import datetime, timedelta

import pytest

from nft_upgrade.http.errors import InvalidToken
from nft_upgrade.http.sessions import Session
from relay.refusals import LINES_PER_SECOND, RefusalLog, client_address
from relay.sessions import WAYS, RememberedSessions
from tests.relay.harness import World, now
from tests.sse import request

START = now().replace(microsecond=0)
LIFE = timedelta(minutes=1)


class Issuer:
    """Verifies tokens called `good...`, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def verify(self, access_token: str, at: datetime) -> Session:
        self.asked += 1
        digits = access_token.removeprefix("good")
        life = timedelta(seconds=int(digits)) if digits.isdigit() and int(digits) < 60 else LIFE
        if not access_token.startswith("good") or at >= START + life:
            raise InvalidToken("no")
        return Session(access_token, START + life, "s")


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


def test_a_refused_token_is_not_remembered() -> None:
    issuer = Issuer()
    sessions = RememberedSessions(issuer.verify)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            sessions.verify("bad", START)
    assert issuer.asked == 2


def test_what_is_remembered_is_what_was_verified() -> None:
    sessions = RememberedSessions(Issuer().verify)
    names = [f"good{number}" for number in range(100, 600)]
    for _ in range(2):
        found = [sessions.verify(name, START) for name in names]
        assert [session.user_id for session in found] == names
        assert {(s.expires_at, s.session_id) for s in found} == {(START + LIFE, "s")}


def test_the_session_that_ends_first_is_forgotten_first() -> None:
    issuer = Issuer()
    sessions = RememberedSessions(issuer.verify, capacity=WAYS)
    lives = [f"good{life}" for life in (50, 10, 40, 30, 20)]
    for name in lives:
        sessions.verify(name, START)
    assert issuer.asked == 5
    for name in ("good50", "good40", "good30", "good20"):
        sessions.verify(name, START)
    assert issuer.asked == 5
    sessions.verify("good10", START)
    assert issuer.asked == 6


def test_a_forked_process_knows_what_its_parent_verified_and_the_other_way_round() -> None:
    """Whoever takes a killed process's place checks no signature again."""
    issuer = Issuer()
    sessions = RememberedSessions(issuer.verify)
    sessions.verify("good-parent", START)
    with warnings.catch_warnings():
        # Python 3.12 on warns of threads; the child calls nothing that they could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        sessions.verify("good-parent", START)
        sessions.verify("good-child", START)
        os._exit(issuer.asked)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    sessions.verify("good-child", START)
    assert issuer.asked == 1


def test_a_slot_written_by_two_at_once_is_not_believed() -> None:
    issuer = Issuer()
    sessions = RememberedSessions(issuer.verify, capacity=WAYS)
    sessions.verify("good", START)
    at = sessions._memory.find(b"good")
    sessions._memory[at : at + 4] = b"evil"
    assert sessions.verify("good", START).user_id == "good"
    assert issuer.asked == 2


def test_a_session_too_long_to_keep_is_verified_each_time() -> None:
    issuer = Issuer()
    sessions = RememberedSessions(issuer.verify)
    for _ in range(2):
        assert sessions.verify("good" * 50, START).user_id == "good" * 50
    assert issuer.asked == 2


def test_no_token_is_kept() -> None:
    def verify(access_token: str, at: datetime) -> Session:
        return Session("user", START + LIFE, "s")

    sessions = RememberedSessions(verify)
    sessions.verify("secret", START)
    assert sessions._memory.find(b"user") > 0
    assert sessions._memory.find(b"secret") == -1


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
