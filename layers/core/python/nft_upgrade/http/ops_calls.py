"""Who operates: a user's session whose wallet is on the operators' list, looked up at every call.

There is no second kind of session and no operator's secret: whoever holds the wallet's key signs in
as everybody does (docs/decisions/0050).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import JSONResponse

from nft_upgrade.config import SessionSettings
from nft_upgrade.domain.upgrade import Review
from nft_upgrade.http.calls import answer_once, session_of
from nft_upgrade.http.errors import NotOperator
from nft_upgrade.http.idempotency import Answer, Once
from nft_upgrade.http.sessions import Session, SessionVerifier
from nft_upgrade.ports import Clock, Ids
from nft_upgrade.use_cases.operating import Operating
from nft_upgrade.use_cases.reviewing import Reviewing
from nft_upgrade.use_cases.watching import Watching


@dataclass(frozen=True, kw_only=True)
class OpsParts:
    """What the operators' API is made of. `operators`: wallets' addresses."""

    watching: Watching
    operating: Operating
    reviewing: Reviewing
    operators: frozenset[str]
    session_verifier: SessionVerifier
    idempotency: BasePersistenceLayer
    clock: Clock
    ids: Ids
    settings: SessionSettings
    random_bytes: Callable[[int], bytes] = os.urandom

    @property
    def origins(self) -> tuple[str, ...]:
        """Our own page alone: other origins may act for users, never for operators."""
        return (self.settings.public_origin,)


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """An operator's request."""

    parts: OpsParts
    request: Request
    session: Session

    @property
    def operator(self) -> str:
        """The wallet's address: what the journal and the audit record name."""
        return self.session.user_id

    def because(self, reason: str) -> Review:
        """Who and why."""
        return Review(self.operator, reason)

    def once(self, act: Callable[[], Answer]) -> JSONResponse:
        """As every POST of the API, by its Idempotency-Key when it has one."""
        once = Once(self.parts.idempotency, self.parts.random_bytes)
        return answer_once(once, self.request, f"operator:{self.operator}", act)


def operator_call(request: Request) -> OperatorCall:
    """The dependency of every route: InvalidToken without a session, NotOperator with a user's."""
    parts: OpsParts = request.app.state.parts
    session = session_of(request, parts)
    if session.user_id not in parts.operators:
        raise NotOperator("This wallet is no operator's.")
    return OperatorCall(parts, request, session)


Operator = Annotated[OperatorCall, Depends(operator_call)]
