"""Settings -> adapters -> use cases: the only place that knows which adapter fills which port.

Every function is cached and does its work on first use; imports stand inside, so that a Lambda
loads the engines it uses and no others (`submit_mint` has no FastAPI, the relay no Solana client).
Calls can be clicked through: there is no container and no injection by name.
"""

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from nft_upgrade.adapters.later import later
from nft_upgrade.config import (
    ChainSettings,
    MessageSettings,
    MintSettings,
    SessionSettings,
    StepSettings,
    StorageSettings,
    WorkflowSettings,
)
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.ports import (
    Alerts,
    AtomicProgram,
    Bookmarks,
    Chain,
    Challenges,
    Clock,
    Contacts,
    Ids,
    Mailer,
    NftProgram,
    Nfts,
    Presence,
    Pusher,
    Qualifications,
    RateLimiter,
    Signer,
    Statistics,
    Switch,
    Tickets,
    Upgrades,
    Workflow,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

    from nft_upgrade.adapters.dynamodb_items import Database
    from nft_upgrade.adapters.kms_signer import KmsEd25519Key
    from nft_upgrade.http.sessions import SessionVerifier
    from nft_upgrade.use_cases.burning import Burning
    from nft_upgrade.use_cases.claiming import Claiming
    from nft_upgrade.use_cases.comparing import Comparing
    from nft_upgrade.use_cases.cosigning import Cosigning
    from nft_upgrade.use_cases.ending import Ending
    from nft_upgrade.use_cases.explaining import Explaining
    from nft_upgrade.use_cases.issuing import Issuing
    from nft_upgrade.use_cases.lineage import Lineage
    from nft_upgrade.use_cases.minting import Minting
    from nft_upgrade.use_cases.offering import Offering
    from nft_upgrade.use_cases.opening import Opening
    from nft_upgrade.use_cases.policy import Policy
    from nft_upgrade.use_cases.preferences import Preferences
    from nft_upgrade.use_cases.reading import Reading
    from nft_upgrade.use_cases.reviewing import Reviewing
    from nft_upgrade.use_cases.sending import Sending
    from nft_upgrade.use_cases.submitting import Submitting
    from nft_upgrade.use_cases.sweeping import Sweeping

# --- time and ids --------------------------------------------------------------------------


@cache
def clock() -> Clock:
    from nft_upgrade.adapters.system import SystemClock

    return SystemClock()


@cache
def ids() -> Ids:
    from nft_upgrade.adapters.system import UlidIds

    return UlidIds()


# --- storage -------------------------------------------------------------------------------


@cache
def table_prefix() -> str:
    return StorageSettings().table_prefix


@cache
def database() -> "Database":
    """One client for all tables."""
    from nft_upgrade.adapters.dynamodb_items import Database

    return Database(table_prefix())


@cache
def upgrades() -> Upgrades:
    from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
    from nft_upgrade.adapters.system import xray_trace_id
    from nft_upgrade.adapters.upgrade_metrics import tell

    return DynamoDbUpgrades(database(), trace_id=xray_trace_id, on_commit=tell)


@cache
def nfts() -> Nfts:
    from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts

    return DynamoDbNfts(database())


@cache
def challenges() -> Challenges:
    from nft_upgrade.adapters.dynamodb_transient import DynamoDbChallenges

    return DynamoDbChallenges(database())


@cache
def tickets() -> Tickets:
    from nft_upgrade.adapters.dynamodb_transient import DynamoDbTickets

    return DynamoDbTickets(database())


@cache
def rate_limiter() -> RateLimiter:
    from nft_upgrade.adapters.dynamodb_transient import DynamoDbRateLimiter

    return DynamoDbRateLimiter(database())


@cache
def switch() -> Switch:
    from nft_upgrade.adapters.dynamodb_switch import DynamoDbSwitch

    return DynamoDbSwitch(database())


@cache
def qualifications() -> Qualifications:
    from nft_upgrade.adapters.dynamodb_switch import DynamoDbQualifications

    return DynamoDbQualifications(database())


@cache
def statistics() -> Statistics:
    from nft_upgrade.adapters.dynamodb_stats import DynamoDbStats

    return DynamoDbStats(database())


# --- the chain -----------------------------------------------------------------------------


@cache
def chain() -> Chain:
    chain: Chain = later(_chain)
    return chain


@cache
def _chain() -> Chain:
    from nft_upgrade.adapters.secret_urls import revealed
    from nft_upgrade.adapters.solana_chain import SolanaChain

    settings = ChainSettings()
    return SolanaChain(
        revealed(settings.solana_rpc_urls),
        genesis_hash=settings.solana_genesis_hash,
        timeout_seconds=settings.solana_timeout_seconds,
        priority_fee_cap=_mint_settings().priority_fee_cap,
    )


@cache
def program() -> NftProgram:
    program: NftProgram = later(_program)
    return program


@cache
def _program() -> NftProgram:
    from nft_upgrade.adapters.token_program import TokenProgram

    return TokenProgram()


@cache
def atomic_program() -> AtomicProgram:
    program: AtomicProgram = later(_atomic_program)
    return program


@cache
def _atomic_program() -> AtomicProgram:
    from nft_upgrade.adapters.atomic_transaction import AtomicTransactions

    return AtomicTransactions()


@cache
def signer() -> Signer:
    from nft_upgrade.adapters.kms_signer import KmsSigner

    return KmsSigner(_kms_key(_mint_settings().mint_kms_key_id))


@cache
def _kms_key(kms_key_id: str) -> "KmsEd25519Key":
    from nft_upgrade.adapters.kms_signer import KmsEd25519Key

    return KmsEd25519Key(kms_key_id)


@cache
def _mint_settings() -> MintSettings:
    return MintSettings()


@cache
def workflow() -> Workflow:
    """Its settings are read when something is started: the workflow's own tasks start nothing."""
    from nft_upgrade.adapters.stepfunctions_workflow import StepFunctionsWorkflow

    return StepFunctionsWorkflow(lambda: WorkflowSettings().state_machine_arn)


# --- use cases -----------------------------------------------------------------------------


@cache
def policy() -> "Policy":
    from nft_upgrade.adapters.token_addresses import TOKEN_2022
    from nft_upgrade.use_cases.policy import Policy, no_collection

    settings = _mint_settings()
    return Policy(
        catalogue=default_catalogue(),
        token_program=TOKEN_2022,
        collection_of=_collection_address if settings.nft_collection else no_collection,
        metadata_base_uri=settings.nft_metadata_base_uri,
        mint_cost_lamports=settings.mint_cost_lamports,
        upgrade_ttl=timedelta(minutes=settings.upgrade_minutes),
        patience_seconds=_task_patience(),
    )


def _collection_address(mint_base: str) -> str:
    return program().collection_address(mint_base)


def _task_patience() -> float:
    return StepSettings().task_patience_seconds


@cache
def reading() -> "Reading":
    from nft_upgrade.use_cases.reading import Reading

    return Reading(upgrades=upgrades(), nfts=nfts())


@cache
def cosigning() -> "Cosigning":
    from nft_upgrade.use_cases.cosigning import Cosigning

    return Cosigning(chain=chain(), atomic=atomic_program(), signer=signer(), policy=policy())


@cache
def offering() -> "Offering":
    from nft_upgrade.use_cases.offering import Offering

    return Offering(chain=chain(), program=program(), atomic=atomic_program(), policy=policy())


@cache
def submitting() -> "Submitting":
    from nft_upgrade.use_cases.submitting import Submitting

    return Submitting(
        upgrades=upgrades(),
        reading=reading(),
        opening=opening(),
        offering=offering(),
        atomic=atomic_program(),
        chain=chain(),
        burning=burning(),
        clock=clock(),
    )


@cache
def opening() -> "Opening":
    from nft_upgrade.use_cases.opening import Opening

    return Opening(
        upgrades=upgrades(),
        nfts=nfts(),
        reading=reading(),
        chain=chain(),
        program=program(),
        offering=offering(),
        qualifications=qualifications(),
        switch=switch(),
        policy=policy(),
        clock=clock(),
        ids=ids(),
    )


@cache
def burning() -> "Burning":
    from nft_upgrade.use_cases.burning import Burning

    return Burning(
        upgrades=upgrades(),
        reading=reading(),
        chain=chain(),
        cosigning=cosigning(),
        workflow=workflow(),
        alerts=alerts(),
        policy=policy(),
        clock=clock(),
    )


@cache
def claiming() -> "Claiming":
    from nft_upgrade.use_cases.claiming import Claiming

    return Claiming(
        upgrades=upgrades(),
        nfts=nfts(),
        chain=chain(),
        burning=burning(),
        ending=ending(),
        program=program(),
        qualifications=qualifications(),
        policy=policy(),
        clock=clock(),
        ids=ids(),
    )


@cache
def explaining() -> "Explaining":
    from nft_upgrade.use_cases.explaining import Explaining

    return Explaining(upgrades=upgrades(), reading=reading(), burning=burning(), clock=clock())


@cache
def reviewing() -> "Reviewing":
    from nft_upgrade.use_cases.reviewing import Reviewing

    return Reviewing(upgrades=upgrades(), reading=reading(), burning=burning(), clock=clock())


@cache
def lineage() -> "Lineage":
    from nft_upgrade.use_cases.lineage import Lineage

    return Lineage(nfts=nfts(), program=program())


@cache
def sending() -> "Sending":
    from nft_upgrade.use_cases.sending import Sending

    return Sending(chain=chain(), program=program(), signer=signer(), policy=policy())


@cache
def minting() -> "Minting":
    from nft_upgrade.use_cases.minting import Minting

    return Minting(
        upgrades=upgrades(),
        reading=reading(),
        burning=burning(),
        sending=sending(),
        cosigning=cosigning(),
        policy=policy(),
        clock=clock(),
    )


@cache
def ending() -> "Ending":
    from nft_upgrade.use_cases.ending import Ending

    return Ending(
        upgrades=upgrades(),
        reading=reading(),
        burning=burning(),
        chain=chain(),
        clock=clock(),
    )


@cache
def issuing() -> "Issuing":
    from nft_upgrade.use_cases.issuing import Issuing

    return Issuing(nfts=nfts(), sending=sending(), policy=policy(), clock=clock())


@cache
def alerts() -> Alerts:
    from nft_upgrade.adapters.alerts import CloudWatchAlerts

    return CloudWatchAlerts()


@cache
def bookmarks() -> Bookmarks:
    from nft_upgrade.adapters.dynamodb_bookmarks import DynamoDbBookmarks

    return DynamoDbBookmarks(database())


@cache
def comparing() -> "Comparing":
    from nft_upgrade.use_cases.comparing import Comparing

    return Comparing(
        nfts=nfts(),
        upgrades=upgrades(),
        chain=chain(),
        program=program(),
        bookmarks=bookmarks(),
        alerts=alerts(),
        clock=clock(),
        token_program=policy().token_program,
    )


@cache
def sweeping() -> "Sweeping":
    from nft_upgrade import wiring_events
    from nft_upgrade.use_cases.sweeping import Sweeping

    return Sweeping(
        upgrades=upgrades(),
        chain=chain(),
        burning=burning(),
        ending=ending(),
        minting=minting(),
        workflow=workflow(),
        publisher=wiring_events.checked_publisher(),
        comparing=comparing(),
        bookmarks=bookmarks(),
        clock=clock(),
    )


# --- notification --------------------------------------------------------------------------


@cache
def contacts() -> Contacts:
    from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts

    return DynamoDbContacts(database())


@cache
def presence() -> Presence:
    from nft_upgrade.adapters.dynamodb_presence import DynamoDbPresence

    return DynamoDbPresence(database())


@cache
def mailer() -> Mailer:
    from nft_upgrade.adapters.ses_mailer import SesMailer

    settings = MessageSettings()
    return SesMailer(settings.notify_sender, settings.notify_configuration_set)


@cache
def pusher() -> Pusher:
    from nft_upgrade.adapters.sns_pusher import SnsPusher

    return SnsPusher(MessageSettings().applications)


@cache
def preferences() -> "Preferences":
    from os import urandom

    from nft_upgrade.use_cases.preferences import Preferences

    return Preferences(
        contacts=contacts(),
        mailer=mailer(),
        pusher=pusher(),
        rate_limiter=rate_limiter(),
        clock=clock(),
        random_bytes=urandom,
        origin=session_settings().public_origin,
    )


# --- the HTTP door -------------------------------------------------------------------------


@cache
def session_settings() -> SessionSettings:
    return SessionSettings()


@cache
def session_verifier() -> "SessionVerifier":
    """Also the relay's."""
    from nft_upgrade.http.sessions import SessionVerifier

    settings = session_settings()
    return SessionVerifier(
        load_public_key=lambda: _kms_key(settings.session_kms_key_id).public_key,
        issuer=settings.public_origin,
    )


@cache
def api_app() -> "FastAPI":
    from nft_upgrade.http.app import create_app
    from nft_upgrade.http.parts import ApiParts
    from nft_upgrade.http.sessions import SessionSigner

    settings = session_settings()
    return create_app(
        ApiParts(
            opening=opening(),
            submitting=submitting(),
            burning=burning(),
            minting=minting(),
            ending=ending(),
            reading=reading(),
            claiming=claiming(),
            explaining=explaining(),
            lineage=lineage(),
            preferences=preferences(),
            catalogue=policy().catalogue,
            statistics=statistics(),
            challenges=challenges(),
            tickets=tickets(),
            rate_limiter=rate_limiter(),
            session_signer=SessionSigner(
                key=_kms_key(settings.session_kms_key_id),
                issuer=settings.public_origin,
                life=timedelta(hours=settings.session_hours),
            ),
            session_verifier=session_verifier(),
            idempotency=_idempotency(),
            clock=clock(),
            ids=ids(),
            settings=settings,
        )
    )


def _idempotency() -> Any:
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

    return DynamoDBPersistenceLayer(
        table_name=f"{table_prefix()}transient", key_attr="item", expiry_attr="expires"
    )
