"""`Idempotency-Key`: the same call twice has one effect and one answer.

Powertools keeps the records; this module says what identifies a call and how its refusals are
answered. It protects clients from their own retries and nothing else: burns and mints are guarded
by conditional writes.

1. Errors are not kept: a call that was refused may be tried again with the same key.
2. A kept answer is sealed with a key made from the client's own, which is stored only as a hash:
   an answer may hold an events ticket, and tickets are never stored readable.
3. One prefix for all routes: Powertools sets it on the shared store, which two threads must not
   do differently. The route is part of the hashed key instead.
"""

import hashlib
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    BasePersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nft_upgrade.domain.errors import StorageUnavailable, UpgradeError
from nft_upgrade.http.errors import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
)

logger = logging.getLogger(__name__)

KEEP_SECONDS = 3600
LONGEST_CALL_MS = 30_000
"""API Gateway gives up after 30 s; a first call that is older than that is dead."""
PREFIX = "IDEMPOTENCY"
LONGEST_KEY = 255
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """A success as it is sent, and as it is kept."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    is_kept: bool = True
    """False for an answer that nothing was written for: the same call again is a new one."""


class _NotKept(Exception):
    """Powertools drops its record when the call raises."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("nothing to keep")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class KeyedCall:
    """What makes two calls the same one: user, route and key; the body must not differ."""

    user_id: str
    route: str
    idempotency_key: str
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        text = self.idempotency_key
        if not (0 < len(text) <= LONGEST_KEY and text.isascii() and text.isprintable()):
            raise InvalidIdempotencyKey("Idempotency-Key must be 1 to 255 visible characters.")

    @property
    def identity(self) -> dict[str, Any]:
        """What Powertools hashes into the record's key and its check of the body."""
        names = [self.user_id, self.route, self.idempotency_key]
        return {"call": names, "fields": dict(self.fields)}

    @property
    def sealing_key(self) -> bytes:
        names = json.dumps(["answer", self.user_id, self.route, self.idempotency_key])
        return hashlib.sha256(names.encode()).digest()


@dataclass(frozen=True, slots=True)
class Once:
    """Runs keyed calls at most once; `store` is shared by all of them."""

    store: BasePersistenceLayer
    random_bytes: Callable[[int], bytes]

    def run(self, call: KeyedCall, act: Callable[[], Answer]) -> Answer:
        """The answer of `act`, or the one it gave the first time.

        Raises what `act` raises, IdempotencyKeyReused, IdempotencyInProgress, StorageUnavailable.
        """
        attempt = _Attempt(act, call, self.random_bytes)
        try:
            kept = self._guarded(attempt)(identity=call.identity)
            return attempt.answer or _unseal(kept, call)
        except IdempotencyValidationError as reused:
            raise IdempotencyKeyReused("This key was used with another body.") from reused
        except _NotKept as undecided:
            return undecided.answer
        except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError) as busy:
            raise IdempotencyInProgress("The first call is still running.") from busy
        except IdempotencyPersistenceLayerError as lost:
            return attempt.outcome_despite(lost)

    def _guarded(self, attempt: "_Attempt") -> Callable[..., dict[str, str]]:
        config = IdempotencyConfig(
            event_key_jmespath="call",
            payload_validation_jmespath="fields",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=KEEP_SECONDS,
            hash_function="sha256",
            lambda_context=_Deadline(),  # type: ignore[arg-type]
        )
        guarded: Callable[..., dict[str, str]] = idempotent_function(
            attempt.run,
            data_keyword_argument="identity",
            persistence_store=self.store,
            config=config,
            key_prefix=PREFIX,
        )
        return guarded


@dataclass(slots=True)
class _Attempt:
    """One run of `act`: its outcome survives a store that fails afterwards."""

    act: Callable[[], Answer]
    call: KeyedCall
    random_bytes: Callable[[int], bytes]
    answer: Answer | None = None
    error: UpgradeError | None = None

    def run(self, *, identity: Mapping[str, Any]) -> dict[str, str]:
        """`identity` is what Powertools reads; the call itself is in here already."""
        try:
            self.answer = self.act()
        except UpgradeError as error:
            self.error = error
            raise
        if not self.answer.is_kept:
            raise _NotKept(self.answer)
        return _seal(self.answer, self.call, self.random_bytes(_NONCE_BYTES))

    def outcome_despite(self, lost: IdempotencyPersistenceLayerError) -> Answer:
        logger.warning("idempotency record not written", exc_info=lost)
        if self.answer is not None:
            return self.answer
        raise self.error or StorageUnavailable("The call was not started. Try again.") from lost


class _Deadline:
    """Stands in for Lambda's context, which the other doors do not have."""

    def get_remaining_time_in_millis(self) -> int:
        return LONGEST_CALL_MS


def _seal(answer: Answer, call: KeyedCall, nonce: bytes) -> dict[str, str]:
    plain = json.dumps([answer.status, dict(answer.body), dict(answer.headers)]).encode()
    sealed = nonce + AESGCM(call.sealing_key).encrypt(nonce, plain, None)
    return {"sealed": b64encode(sealed).decode()}


def _unseal(kept: Mapping[str, str], call: KeyedCall) -> Answer:
    sealed = b64decode(kept["sealed"])
    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        status, body, headers = json.loads(AESGCM(call.sealing_key).decrypt(nonce, text, None))
    except InvalidTag as foreign:
        raise StorageUnavailable("The kept answer cannot be read.") from foreign
    return Answer(status, body, headers)
