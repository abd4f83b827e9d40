"""What the API is made of. `wiring` puts it together; tests put fakes in the same places."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer

from nft_upgrade.config import SessionSettings
from nft_upgrade.domain.levels import Catalogue
from nft_upgrade.http.sessions import SessionSigner, SessionVerifier
from nft_upgrade.ports import Challenges, Clock, Ids, RateLimiter, Statistics, Tickets
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.claiming import Claiming
from nft_upgrade.use_cases.ending import Ending
from nft_upgrade.use_cases.explaining import Explaining
from nft_upgrade.use_cases.lineage import Lineage
from nft_upgrade.use_cases.minting import Minting
from nft_upgrade.use_cases.opening import Opening
from nft_upgrade.use_cases.preferences import Preferences
from nft_upgrade.use_cases.reading import Reading
from nft_upgrade.use_cases.submitting import Submitting


@dataclass(frozen=True, kw_only=True)
class ApiParts:
    """The use cases, the ports that only HTTP needs, and the settings.

    `idempotency` is a Powertools persistence layer (a DynamoDB one over the `transient` table in
    production). `random_bytes(n)` must be unpredictable: nonces and tickets are made of it.
    """

    opening: Opening
    submitting: Submitting
    burning: Burning
    minting: Minting
    ending: Ending
    reading: Reading
    claiming: Claiming
    explaining: Explaining
    lineage: Lineage
    preferences: Preferences
    catalogue: Catalogue
    statistics: Statistics
    challenges: Challenges
    tickets: Tickets
    rate_limiter: RateLimiter
    session_signer: SessionSigner
    session_verifier: SessionVerifier
    idempotency: BasePersistenceLayer
    clock: Clock
    ids: Ids
    settings: SessionSettings
    random_bytes: Callable[[int], bytes] = os.urandom

    @property
    def origins(self) -> tuple[str, ...]:
        """Whose pages may call: our own first, then the allowed others."""
        return (self.settings.public_origin, *self.settings.allowed_origins)
