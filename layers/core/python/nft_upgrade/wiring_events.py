"""The event services put together: settings -> adapters -> consumers, built on first use.

Adapters are imported by the builder that needs them: a consumer's cold start does not pay for
kafka-python, nor the publisher's for jsonschema.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.system import SystemClock
from nft_upgrade.config import (
    AuditSettings,
    ConsumerSettings,
    KafkaSettings,
    NotifySettings,
    PublishSettings,
)
from nft_upgrade.consumers.analytics import NAME as ANALYTICS
from nft_upgrade.consumers.analytics import Analytics
from nft_upgrade.consumers.audit import NAME as AUDIT
from nft_upgrade.consumers.audit import Audit
from nft_upgrade.consumers.intake import Intake
from nft_upgrade.consumers.notification import NAME as NOTIFICATIONS
from nft_upgrade.consumers.notification import Notifier
from nft_upgrade.consumers.outbox import Outbox
from nft_upgrade.consumers.ports import AuditArchive, Meter
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.ports import Publisher, Upgrades

if TYPE_CHECKING:
    from nft_upgrade.adapters.dynamodb_projections import DynamoDbStats


@cache
def publisher() -> Publisher:
    """Kafka, for the outbox and the sweep."""
    from nft_upgrade.adapters.kafka_events import KafkaPublisher
    from nft_upgrade.adapters.system import xray_trace_id

    return KafkaPublisher(KafkaSettings(), trace_id=xray_trace_id)


@cache
def outbox() -> Outbox:
    """For `publish_events`."""
    from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades, event_from_image

    upgrades = DynamoDbUpgrades(PublishSettings().table_prefix)
    return Outbox(upgrades, publisher(), SystemClock(), event_from_image)


@cache
def analytics() -> Intake:
    """For `analytics`."""
    settings = ConsumerSettings()
    counting = Analytics(stats(settings.table_prefix), _meter())
    return _intake(ANALYTICS, counting.take, settings)


@cache
def notifier() -> Intake:
    """For `notify`."""
    from nft_upgrade.adapters.dynamodb_projections import DynamoDbNotifications
    from nft_upgrade.adapters.ses_mailer import SesMailer

    settings = NotifySettings()
    kept = DynamoDbNotifications(_database(settings.table_prefix))
    mailer = SesMailer(settings.notify_sender)
    notifier = Notifier(
        kept,
        kept,
        mailer,
        default_catalogue(),
        SystemClock(),
        _meter(),
        origin=settings.public_origin,
    )
    return _intake(NOTIFICATIONS, notifier.take, settings)


@cache
def audit() -> Intake:
    """For `audit`."""
    from nft_upgrade.adapters.dynamodb_projections import DynamoDbAuditTrail

    settings = AuditSettings()
    trail = DynamoDbAuditTrail(_database(settings.table_prefix))
    recording = Audit(trail, _archives(settings), SystemClock(), _meter())
    return _intake(AUDIT, recording.take, settings)


@cache
def stats(table_prefix: str) -> "DynamoDbStats":
    """What analytics keeps, for reading too (`/api/stats/me`, `/api/leaderboard`)."""
    from nft_upgrade.adapters.dynamodb_projections import DynamoDbStats

    return DynamoDbStats(_database(table_prefix))


@cache
def upgrades(table_prefix: str) -> Upgrades:
    """The requests and their events."""
    from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades

    return DynamoDbUpgrades(table_prefix)


def _intake(
    consumer: str, take: Callable[[UpgradeEvent], object], settings: ConsumerSettings
) -> Intake:
    from nft_upgrade.adapters.dynamodb_projections import DynamoDbDeadLetters
    from nft_upgrade.adapters.event_schema import read_event

    return Intake(
        consumer,
        read=read_event,
        take=take,
        dead_letters=DynamoDbDeadLetters(_database(settings.table_prefix)),
        meter=_meter(),
        clock=SystemClock(),
    )


@cache
def _database(table_prefix: str) -> Database:
    return Database(table_prefix)


def _archives(settings: AuditSettings) -> Sequence[AuditArchive]:
    from nft_upgrade.adapters.s3_audit import S3AuditArchive

    return [S3AuditArchive(settings.audit_bucket)] if settings.audit_bucket else []


def _meter() -> Meter:
    from nft_upgrade.adapters.event_metrics import CloudWatchMeter

    return CloudWatchMeter()
