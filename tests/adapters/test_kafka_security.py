"""TLS and SASL: the settings reach kafka-python's own configuration, and from there the wire."""

import datetime
import gc
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from nft_upgrade.adapters.kafka_events import client_options, producer_options
from nft_upgrade.config import KafkaSettings

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """kafka-python leaves the sockets of broken connections to the garbage collector."""
    yield
    gc.collect()


def msk(**changes: object) -> KafkaSettings:
    """As on AWS; the version is named so that nobody connects before a test wants it."""
    facts = {
        "kafka_bootstrap_servers": "127.0.0.1:9,127.0.0.2:9",
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "AWS_MSK_IAM",
        "kafka_api_version": "3.9",
    }
    return KafkaSettings(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_producer_is_configured_as_the_settings_say(certificates: Path) -> None:
    settings = msk(kafka_ssl_cafile=str(certificates / "ca.pem"))
    producer = KafkaProducer(**producer_options(settings, 2.0))
    config = dict(producer.config)
    producer.close(timeout=2)
    assert config["security_protocol"] == "SASL_SSL"
    assert config["sasl_mechanism"] == "AWS_MSK_IAM"
    assert config["ssl_cafile"] == str(certificates / "ca.pem")
    assert config["ssl_check_hostname"] is True
    assert config["bootstrap_servers"] == ["127.0.0.1:9", "127.0.0.2:9"]
    assert config["acks"] == -1  # "all"
    assert config["enable_idempotence"] is True
    assert config["allow_auto_create_topics"] is False
    assert config["delivery_timeout_ms"] == 2000


def test_a_consumer_is_configured_as_the_settings_say() -> None:
    consumer = KafkaConsumer(**client_options(msk()))
    config = dict(consumer.config)
    consumer.close()
    assert (config["security_protocol"], config["sasl_mechanism"]) == ("SASL_SSL", "AWS_MSK_IAM")
    assert config["api_version"] == (3, 9)


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"])
def test_every_protocol_is_one_that_kafka_python_knows(protocol: str) -> None:
    mechanism = "AWS_MSK_IAM" if protocol.startswith("SASL") else None
    settings = msk(kafka_security_protocol=protocol, kafka_sasl_mechanism=mechanism)
    KafkaConsumer(**client_options(settings)).close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TEST KEYS of a self-signed authority for 127.0.0.1, made for this run."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST KEY")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


API_VERSIONS, SASL_HANDSHAKE = 18, 17
UNSUPPORTED_VERSION = 35


class TlsBroker(threading.Thread):
    """Takes connections over TLS, tells which requests it knows, and keeps what it was sent."""

    def __init__(self, certificates: Path) -> None:
        super().__init__(daemon=True)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "ca.pem", certificates / "key.pem")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.received: list[bytes] = []
        self.start()

    def run(self) -> None:
        with suppress(OSError):
            while not self.received:
                connection, _ = self._listener.accept()
                with (
                    suppress(OSError),
                    self._context.wrap_socket(connection, server_side=True) as secured,
                ):
                    secured.settimeout(5)
                    self._talk(secured)

    def _talk(self, secured: ssl.SSLSocket) -> None:
        while request := secured.recv(4096):
            self.received.append(request)
            kind, version, correlation = struct.unpack(">hhi", request[4:12])
            if kind != API_VERSIONS:
                return
            error = UNSUPPORTED_VERSION if version else 0
            highest = {SASL_HANDSHAKE: 1, API_VERSIONS: 0, 3: 1, 0: 3}
            known = b"".join(struct.pack(">hhh", key, 0, top) for key, top in highest.items())
            body = struct.pack(">ihi", correlation, error, 4) + known
            secured.sendall(struct.pack(">i", len(body)) + body)

    def close(self) -> None:
        self._listener.close()
        self.join(10)


@pytest.fixture
def broker(certificates: Path) -> Iterator[TlsBroker]:
    made = TlsBroker(certificates)
    yield made
    made.close()


def send(settings: KafkaSettings) -> None:
    """Try to produce; nobody answers."""
    producer = KafkaProducer(**producer_options(settings, 2.0))
    with suppress(KafkaError):
        producer.send("nft-upgrade-progress", b"x").get(timeout=3)
    with suppress(KafkaError):
        producer.close(timeout=2)


def test_iam_is_asked_for_over_tls_that_trusts_our_bundle(
    broker: TlsBroker, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bundle = str(certificates / "ca.pem")
    send(msk(kafka_bootstrap_servers=broker.address, kafka_ssl_cafile=bundle))
    broker.join(5)
    assert b"AWS_MSK_IAM" in broker.received[-1]


def test_a_broker_that_nobody_vouches_for_is_told_nothing(broker: TlsBroker) -> None:
    send(msk(kafka_bootstrap_servers=broker.address))
    assert broker.received == []
