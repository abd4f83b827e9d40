"""Every error has an answer."""

import re
from collections.abc import Iterator

import pytest

from nft_upgrade.domain import errors as domain
from nft_upgrade.domain.errors import ErrorType, UpgradeError
from nft_upgrade.http import errors as edge
from nft_upgrade.http.problems import ROWS, problem, problem_headers, row_of

DECLARED_IN = (domain.__name__, edge.__name__)


def descendants(kind: type[UpgradeError]) -> Iterator[type[UpgradeError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


KINDS = [kind for kind in descendants(UpgradeError) if kind.__module__ in DECLARED_IN]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_row_of_its_own(kind: type[UpgradeError]) -> None:
    assert kind in ROWS


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", KINDS)
def test_every_problem_has_the_members_clients_read(kind: type[UpgradeError]) -> None:
    body = problem(kind("Why."), "R1")
    assert body == {
        "type": f"urn:nft-upgrade:problem:{kind.code}",
        "title": ROWS[kind].title,
        "status": ROWS[kind].status,
        "detail": "Why.",
        "code": kind.code,
        "errorType": kind.error_type,
        "retryable": kind.retryable,
        "requestId": "R1",
        "success": False,
        "error": "Why.",
    }
    assert re.fullmatch("[a-z0-9_]+", kind.code)
    assert body["errorType"] in set(ErrorType)


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_tried_again_says_when(kind: type[UpgradeError]) -> None:
    if kind.retryable and ROWS[kind].status != 500:
        assert int(problem_headers(kind("Why."))["retry-after"]) > 0


def test_an_unauthenticated_answer_says_how_to_authenticate() -> None:
    assert problem_headers(edge.InvalidToken("Why."))["www-authenticate"].startswith("Bearer")


def test_an_errors_facts_join_the_problem_but_replace_nothing() -> None:
    body = problem(domain.UpgradeActive("Why.", upgradeRequestId="U1", status=200), "R1")
    assert (body["upgradeRequestId"], body["status"]) == ("U1", 409)


def test_the_waiting_time_of_the_error_wins() -> None:
    headers = problem_headers(domain.RateLimited("Why.", retryAfter=7))
    assert headers["retry-after"] == "7"


def test_an_error_made_later_is_answered_like_its_parent() -> None:
    class MadeLater(domain.MintingPaused):
        code = "made_later"

    assert row_of(MadeLater).status == 503


def test_the_drawing_in_the_docstring_is_complete() -> None:
    drawing = edge.__doc__ or ""
    for kind in descendants(edge.EdgeError):
        if kind.__module__ == edge.__name__:
            assert re.search(rf"\b{kind.__name__}\s+{kind.code}\b", drawing), kind
