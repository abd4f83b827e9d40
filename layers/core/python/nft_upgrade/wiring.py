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
    MintSettings,
    SessionSettings,
    StepSettings,
    StorageSettings,
    WorkflowSettings,
)
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.ports import (
    Chain,
    Challenges,
    Clock,
    Ids,
    NftProgram,
    Nfts,
    Qualifications,
    RateLimiter,
    Signer,
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
    from nft_upgrade.use_cases.ending import Ending
    from nft_upgrade.use_cases.issuing import Issuing
    from nft_upgrade.use_cases.minting import Minting
    from nft_upgrade.use_cases.opening import Opening
    from nft_upgrade.use_cases.policy import Policy
    from nft_upgrade.use_cases.reading import Reading
    from nft_upgrade.use_cases.sending import Sending
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
def opening() -> "Opening":
    from nft_upgrade.use_cases.opening import Opening

    return Opening(
        upgrades=upgrades(),
        nfts=nfts(),
        reading=reading(),
        chain=chain(),
        program=program(),
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
        workflow=workflow(),
        policy=policy(),
        clock=clock(),
    )


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
        publisher=wiring_events.publisher(),
        clock=clock(),
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
            burning=burning(),
            minting=minting(),
            ending=ending(),
            reading=reading(),
            catalogue=policy().catalogue,
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
