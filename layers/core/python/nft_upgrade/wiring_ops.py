"""What operators' commands and their API need besides `wiring`."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from nft_upgrade import wiring
from nft_upgrade.config import ChainSettings, OperatorSettings
from nft_upgrade.messages import TOPIC_COMPLETED, TOPICS
from nft_upgrade.ports import Instruments, Journal, Reviews

if TYPE_CHECKING:
    from fastapi import FastAPI

    from nft_upgrade.adapters.solana_archive import SolanaArchive
    from nft_upgrade.config import KafkaSettings
    from nft_upgrade.use_cases.operating import Operating
    from nft_upgrade.use_cases.rebuilding import Rebuilding
    from nft_upgrade.use_cases.registering import Registering
    from nft_upgrade.use_cases.scanning import Pages
    from nft_upgrade.use_cases.watching import Watching


@cache
def archive() -> "SolanaArchive":
    from nft_upgrade.adapters.secret_urls import revealed
    from nft_upgrade.adapters.solana_archive import SolanaArchive

    settings = ChainSettings()
    urls = revealed(settings.solana_rpc_urls)
    return SolanaArchive(urls, genesis_hash=settings.solana_genesis_hash)


@cache
def registering() -> "Registering":
    from nft_upgrade.use_cases.registering import Registering

    return Registering(
        nfts=wiring.nfts(),
        chain=wiring.chain(),
        archive=archive(),
        policy=wiring.policy(),
        clock=wiring.clock(),
    )


def rebuilding(pages: "Pages", *, parallel: int, tell: Callable[[str], None]) -> "Rebuilding":
    from nft_upgrade.use_cases.rebuilding import Rebuilding
    from nft_upgrade.use_cases.scanning import Scanning

    return Rebuilding(
        nfts=wiring.nfts(),
        upgrades=wiring.upgrades(),
        chain=wiring.chain(),
        program=wiring.program(),
        scanning=Scanning(archive=archive(), pages=pages, parallel=parallel, tell=tell),
        policy=wiring.policy(),
        clock=wiring.clock(),
    )


# --- watching and acting -------------------------------------------------------------------


@cache
def journal() -> Journal:
    from nft_upgrade.adapters.dynamodb_journal import DynamoDbJournal

    return DynamoDbJournal(wiring.database())


@cache
def reviews() -> Reviews:
    from nft_upgrade.adapters.dynamodb_reviews import DynamoDbReviews

    return DynamoDbReviews(wiring.database())


@cache
def operating() -> "Operating":
    from nft_upgrade.use_cases.operating import Operating

    return Operating(
        reading=wiring.reading(),
        reviewing=wiring.reviewing(),
        minting=wiring.minting(),
        switch=wiring.switch(),
        journal=journal(),
        clock=wiring.clock(),
    )


@cache
def watching() -> "Watching":
    from nft_upgrade.use_cases.watching import Watching

    return Watching(
        upgrades=wiring.upgrades(),
        reading=wiring.reading(),
        reviews=reviews(),
        chain=wiring.chain(),
        signer=wiring.signer(),
        switch=wiring.switch(),
        journal=journal(),
        instruments=instruments(),
        clock=wiring.clock(),
    )


CONSUMERS = {
    "nft-analytics": ("analytics", TOPICS),
    "nft-notifications": ("notify", (TOPIC_COMPLETED,)),
    "nft-notifications-push": ("notify_push", (TOPIC_COMPLETED,)),
    "nft-audit": ("audit", TOPICS),
}
"""Consumer group -> function and topics."""


@cache
def instruments() -> Instruments:
    settings = OperatorSettings()
    if settings.instruments_prefix is not None:
        return _told_by_cloudwatch(settings.instruments_prefix)
    from nft_upgrade.adapters.direct_instruments import DirectInstruments

    groups = {group: topics for group, (_, topics) in CONSUMERS.items()}
    return DirectInstruments(settings.relay_metrics_url, _kafka(), groups)


def _told_by_cloudwatch(prefix: str) -> Instruments:
    from nft_upgrade.adapters.cloudwatch_instruments import CloudWatchInstruments

    functions = {group: prefix + name.replace("_", "-") for group, (name, _) in CONSUMERS.items()}
    return CloudWatchInstruments(functions, wiring.clock())


def _kafka() -> "KafkaSettings | None":
    """Nobody's fault where there is none to ask: a command on another machine."""
    from pydantic import ValidationError

    from nft_upgrade.config import KafkaSettings

    try:
        return KafkaSettings()
    except ValidationError:
        return None


@cache
def ops_app() -> "FastAPI":
    from nft_upgrade.http.ops_app import create_ops_app
    from nft_upgrade.http.ops_calls import OpsParts

    return create_ops_app(
        OpsParts(
            watching=watching(),
            operating=operating(),
            reviewing=wiring.reviewing(),
            operators=frozenset(OperatorSettings().operator_wallets),
            session_verifier=wiring.session_verifier(),
            idempotency=wiring.idempotency(),
            clock=wiring.clock(),
            ids=wiring.ids(),
            settings=wiring.session_settings(),
        )
    )
