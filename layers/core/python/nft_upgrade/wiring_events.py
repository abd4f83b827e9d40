"""The event services put together: settings -> adapters -> consumers, built on first use.

Adapters are imported by the builder that needs them: a cold start pays for what it uses.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.system import SystemClock, UlidIds
from nft_upgrade.config import (
    AuditCheckSettings,
    AuditSettings,
    ConsumerSettings,
    KafkaSettings,
    NotifySettings,
    PublishSettings,
    StorageSettings,
)
from nft_upgrade.consumers.analytics import NAME as ANALYTICS
from nft_upgrade.consumers.analytics import Analytics
from nft_upgrade.consumers.audit import NAME as AUDIT
from nft_upgrade.consumers.audit import Audit
from nft_upgrade.consumers.audit_check import AuditCheck, AuditReport
from nft_upgrade.consumers.intake import Intake
from nft_upgrade.consumers.mail_feedback import MailFeedback
from nft_upgrade.consumers.notification import Notifier, Outlet
from nft_upgrade.consumers.outbox import CheckedPublisher, Outbox
from nft_upgrade.consumers.outlets import MailOutlet, PushOutlet
from nft_upgrade.consumers.ports import AuditArchive, AuditTrail, Ledger, Meter
from nft_upgrade.consumers.rebuild import Rebuild
from nft_upgrade.consumers.replaying import Replaying
from nft_upgrade.consumers.stats_ports import EventHistory
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.levels import default_catalogue
from nft_upgrade.ports import Publisher, Upgrades

if TYPE_CHECKING:
    from nft_upgrade.adapters.dynamodb_stats import DynamoDbGenerations


@cache
def publisher() -> Publisher:
    """Kafka, whatever the events are."""
    from nft_upgrade.adapters.kafka_events import KafkaPublisher
    from nft_upgrade.adapters.system import xray_trace_id

    return KafkaPublisher(KafkaSettings(), trace_id=xray_trace_id)


@cache
def checked_publisher() -> Publisher:
    """The same, for what the schema describes."""
    from nft_upgrade.adapters.event_schema import check_event

    return CheckedPublisher(publisher(), check_event, _meter())


@cache
def outbox() -> Outbox:
    """For `publish_events`."""
    from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades, event_from_image

    upgrades = DynamoDbUpgrades(PublishSettings().table_prefix)
    return Outbox(upgrades, checked_publisher(), SystemClock(), event_from_image, _meter())


@cache
def analytics() -> Intake:
    """For `analytics`."""
    settings = ConsumerSettings()
    counting = Analytics(generations(settings.table_prefix), _meter())
    return _intake(ANALYTICS, counting.take, settings, take_all=counting.take_all)


@cache
def notifier() -> Intake:
    """For `notify`: mail."""
    from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts
    from nft_upgrade.adapters.ses_mailer import SesMailer

    settings = NotifySettings()
    contacts = DynamoDbContacts(_database(settings.table_prefix))
    mailer = SesMailer(settings.notify_sender, settings.notify_configuration_set)
    return _notifier(MailOutlet(contacts, mailer, origin=settings.public_origin), settings)


@cache
def push_notifier() -> Intake:
    """For `notify_push`."""
    from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts
    from nft_upgrade.adapters.sns_pusher import SnsPusher

    settings = NotifySettings()
    contacts = DynamoDbContacts(_database(settings.table_prefix))
    return _notifier(PushOutlet(contacts, SnsPusher(settings.applications)), settings)


def _notifier(outlet: Outlet, settings: NotifySettings) -> Intake:
    from nft_upgrade.adapters.dynamodb_contacts import DynamoDbNotifications
    from nft_upgrade.adapters.dynamodb_presence import DynamoDbPresence

    database = _database(settings.table_prefix)
    notifier = Notifier(
        outlet,
        DynamoDbNotifications(database),
        DynamoDbPresence(database),
        default_catalogue(),
        SystemClock(),
        UlidIds(),
        _meter(),
        origin=settings.public_origin,
    )
    return _intake(outlet.name, notifier.take, settings)


@cache
def mail_feedback() -> MailFeedback:
    """For `mail_feedback`."""
    from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts

    contacts = DynamoDbContacts(_database(StorageSettings().table_prefix))
    return MailFeedback(contacts, _meter(), SystemClock())


@cache
def audit() -> Intake:
    """For `audit`."""
    settings = AuditSettings()
    trail = audit_trail(settings.table_prefix)
    recording = Audit(trail, _archives(settings), SystemClock(), _meter())
    return _intake(AUDIT, recording.take, settings, recording.has)


@cache
def audit_trail(table_prefix: str) -> AuditTrail:
    """The record that operators query; the archive holds the same."""
    from nft_upgrade.adapters.dynamodb_projections import DynamoDbAuditTrail

    return DynamoDbAuditTrail(_database(table_prefix))


def audit_record() -> AuditTrail:
    """For the operators' command `audit`."""
    return audit_trail(StorageSettings().table_prefix)


@cache
def audit_check() -> AuditCheck:
    """For the command `audit_verify`."""
    from nft_upgrade.adapters.dynamodb_requests import DynamoDbRequests
    from nft_upgrade.adapters.s3_audit_reader import S3AuditArchiveReader, read_document

    settings = AuditCheckSettings()
    return AuditCheck(
        S3AuditArchiveReader(settings.audit_bucket),
        read_document,
        upgrades(settings.table_prefix).events,
        audit_trail(settings.table_prefix).entries,
        DynamoDbRequests(_database(settings.table_prefix)),
        SystemClock(),
        _meter(),
    )


def audit_round() -> AuditReport:
    """For `verify_audit`: one run, from where the last one stopped."""
    from nft_upgrade.adapters.dynamodb_places import DynamoDbPlace

    settings = AuditCheckSettings()
    place = DynamoDbPlace(_database(settings.table_prefix), "audit-check")
    return audit_check().resume(place, seconds=settings.audit_check_seconds)


@cache
def generations(table_prefix: str) -> "DynamoDbGenerations":
    """What analytics keeps: for the consumer, and for the operator's `nft_upgrade.stats`."""
    from nft_upgrade.adapters.dynamodb_stats import DynamoDbGenerations

    return DynamoDbGenerations(_database(table_prefix))


def rebuild(*, from_topics: bool, tell: Callable[[int], object]) -> Rebuild:
    """All figures again: from the event table, or from Kafka's topics."""
    table_prefix = StorageSettings().table_prefix
    history = _topics() if from_topics else _event_table(table_prefix)
    return Rebuild(generations(table_prefix), history, tell)


def _topics() -> EventHistory:
    from nft_upgrade.adapters.event_schema import read_event
    from nft_upgrade.adapters.kafka_history import KafkaHistory

    return KafkaHistory(KafkaSettings(), read_event)


def _event_table(table_prefix: str) -> EventHistory:
    from nft_upgrade.adapters.dynamodb_history import DynamoDbHistory

    return DynamoDbHistory(_database(table_prefix))


@cache
def upgrades(table_prefix: str) -> Upgrades:
    """The requests and their events."""
    from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades

    return DynamoDbUpgrades(table_prefix)


def ledger(consumer: str) -> Ledger:
    """A projection for a consumer that needs no store of its own."""
    from nft_upgrade.adapters.dynamodb_ledger import DynamoDbLedger

    return DynamoDbLedger(_database(ConsumerSettings().table_prefix), consumer)


def intake(
    consumer: str,
    take: Callable[[UpgradeEvent], object],
    has: Callable[[str, int], bool] | None = None,
) -> Intake:
    """The consumer kit (docs/events.md, "A fourth consumer"): `Intake` says what it does."""
    return _intake(consumer, take, ConsumerSettings(), has)


def _intake(
    consumer: str,
    take: Callable[[UpgradeEvent], object],
    settings: ConsumerSettings,
    has: Callable[[str, int], bool] | None = None,
    take_all: Callable[[Sequence[UpgradeEvent]], Sequence[bool]] | None = None,
) -> Intake:
    from nft_upgrade.adapters.event_schema import read_event
    from nft_upgrade.adapters.kafka_dead_letters import KafkaDeadLetters

    return Intake(
        consumer,
        read=read_event,
        take=take,
        dead_letters=KafkaDeadLetters(settings),
        meter=_meter(),
        clock=SystemClock(),
        has=has,
        take_all=take_all,
    )


@cache
def replaying() -> Replaying:
    """For `replay_dead_letters`: the command and the function."""
    from nft_upgrade.adapters.dynamodb_places import DynamoDbPlace
    from nft_upgrade.adapters.event_schema import read_event
    from nft_upgrade.adapters.kafka_dead_letters import KafkaDeadLetters
    from nft_upgrade.adapters.kafka_replay import KafkaLetterBox

    settings = PublishSettings()
    letters = KafkaDeadLetters(settings)
    place = DynamoDbPlace(_database(settings.table_prefix), "dead-letters")
    return Replaying(KafkaLetterBox(settings, place), letters, letters.send_back, read_event)


@cache
def _database(table_prefix: str) -> Database:
    return Database(table_prefix)


def _archives(settings: AuditSettings) -> Sequence[AuditArchive]:
    from nft_upgrade.adapters.s3_audit import S3AuditArchive

    return [S3AuditArchive(settings.audit_bucket)] if settings.audit_bucket else []


def _meter() -> Meter:
    from nft_upgrade.adapters.event_metrics import CloudWatchMeter

    return CloudWatchMeter()
