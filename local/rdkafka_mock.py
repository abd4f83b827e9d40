"""librdkafka's mock cluster: brokers with Kafka's real protocol over TCP, inside this process.

The confluent-kafka wheel carries librdkafka; its C interface (rdkafka_mock.h) offers what the
Python one does not: topics with a chosen number of partitions, no 3 s wait before a group's first
assignment, and errors on demand, which is how the tests meet a broker that refuses a record.

The cluster keeps at most 100,000 records or 5 MiB per partition and forgets all of it at the end.
"""

import ctypes
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

API_PRODUCE = 0
"""Kafka's number of the Produce request."""

_PRODUCER = 0
_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_SIGNATURES: Mapping[str, tuple[Any, tuple[Any, ...]]] = {
    "rd_kafka_conf_new": (_P, ()),
    "rd_kafka_conf_set": (_I, (_P, _S, _S, _S, ctypes.c_size_t)),
    "rd_kafka_new": (_P, (_I, _P, _S, ctypes.c_size_t)),
    "rd_kafka_destroy": (None, (_P,)),
    "rd_kafka_mock_cluster_new": (_P, (_P, _I)),
    "rd_kafka_mock_cluster_destroy": (None, (_P,)),
    "rd_kafka_mock_cluster_bootstraps": (_S, (_P,)),
    "rd_kafka_mock_topic_create": (_I, (_P, _S, _I, _I)),
    "rd_kafka_mock_topic_set_error": (None, (_P, _S, _I)),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, (_P, ctypes.c_int32)),
    "rd_kafka_mock_push_request_errors_array": (
        None,
        (_P, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(_I)),
    ),
    "rd_kafka_mock_broker_set_rtt": (_I, (_P, ctypes.c_int32, _I)),
    "rd_kafka_mock_broker_set_down": (_I, (_P, ctypes.c_int32)),
    "rd_kafka_mock_broker_set_up": (_I, (_P, ctypes.c_int32)),
}


class MockCluster:
    """A running cluster; `close` (or leaving the block) ends it. Its threads are librdkafka's."""

    def __init__(self, *, brokers: int = 1) -> None:
        self._brokers = brokers
        self._library = _load()
        quiet = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(quiet, b"log_level", b"0", None, 0)
        self._handle = self._library.rd_kafka_new(_PRODUCER, quiet, None, 0)
        if not self._handle:
            raise OSError("librdkafka could not be started.")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, brokers)
        if not self._cluster:
            raise OSError("librdkafka could not start its mock cluster.")
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    @property
    def addresses(self) -> list[str]:
        """`host:port` of every broker, on loopback."""
        text: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return text.decode().split(",")

    def create_topic(self, name: str, partitions: int) -> None:
        """OSError with librdkafka's error number when it cannot be made."""
        error = self._library.rd_kafka_mock_topic_create(
            self._cluster, name.encode(), partitions, self._brokers
        )
        # A request that follows at once is often noticed a second late: the cluster's thread
        # misses its wake-up on the way back into poll().
        time.sleep(0.002)
        if error:
            raise OSError(f"topic {name}: librdkafka error {error}")

    def fail_topic(self, name: str, error: int) -> None:
        """Every request for this topic is answered with Kafka's error `error`; 0 heals it."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, name.encode(), error)

    def fail_next(self, api: int, *errors: int) -> None:
        """The next requests of kind `api` are answered with these errors, one each."""
        array = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, api, len(errors), array
        )

    def set_down(self, *, down: bool) -> None:
        """Cut all brokers off the network, or bring them back."""
        name = "rd_kafka_mock_broker_set_down" if down else "rd_kafka_mock_broker_set_up"
        for broker in range(1, self._brokers + 1):
            getattr(self._library, name)(self._cluster, broker)

    def set_answer_delay(self, milliseconds: int) -> None:
        """Every request is carried out at once and answered so much later."""
        for broker in range(1, self._brokers + 1):
            self._library.rd_kafka_mock_broker_set_rtt(self._cluster, broker, milliseconds)

    def close(self) -> None:
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._handle)
            self._cluster = self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_library_path()))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _library_path() -> Path:
    """Where the wheel keeps librdkafka: beside the package on Linux, inside it on macOS."""
    import confluent_kafka  # loads librdkafka's own dependencies

    package = Path(confluent_kafka.__file__).parent
    for folder in (package.parent / "confluent_kafka.libs", package / ".dylibs"):
        for path in sorted(folder.glob("librdkafka*")):
            return path
    raise OSError("The confluent-kafka wheel holds no librdkafka here; use local.apache_kafka.")
