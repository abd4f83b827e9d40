"""Whatever anybody wrote into a topic or the archive, each reader says that it is no event."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nft_upgrade.adapters.event_schema import read_event
from nft_upgrade.adapters.s3_audit_reader import read_document
from nft_upgrade.consumers.audit_check import ArchivedEntry, AuditCheck, Fault
from nft_upgrade.consumers.intake import Intake
from nft_upgrade.consumers.ports import DeadLetter
from nft_upgrade.consumers.replaying import Replaying
from nft_upgrade.messages import DEEPEST, read_json, to_record
from tests.fakes.events import START, FakeMeter, FixedClock, story

GOOD = json.loads(to_record(story()[3]).value)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=8,
)
ODD = st.sampled_from(
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "\ud800", "", 0, -1, 10**40, [], {}]
)


def nested(depth: int) -> bytes:
    return b'{"data":' * depth + b"1" + b"}" * depth


@st.composite
def broken_records(draw: st.DrawFn) -> bytes:
    """A good record with one member replaced by something else."""
    name = draw(st.sampled_from(sorted(GOOD)))
    changed = GOOD | {name: draw((ODD | ANYTHING).filter(lambda new: new != GOOD[name]))}
    return json.dumps(changed).encode()


GARBAGE = st.binary(max_size=60) | ANYTHING.map(lambda each: json.dumps(each).encode())


def letter(value: bytes) -> DeadLetter:
    return DeadLetter("c", "t", 0, 0, base64.b64encode(value).decode(), "why", START)


class Nothing:
    """An empty table."""

    def get(self, upgrade_id: str) -> None:
        return None

    def page(self, *, limit: int, cursor: str | None) -> Any:
        return [], None


class OneObject:
    """An archive with one object."""

    def __init__(self, body: bytes) -> None:
        self._entry = ArchivedEntry(1, body, False)

    def upgrade_ids(self, *, after: str | None, limit: int) -> list[str]:
        return [] if after else ["up-1"]

    def entries(self, upgrade_id: str) -> list[ArchivedEntry]:
        return [self._entry]

    def count(self, upgrade_id: str) -> int:
        return 1


def faults(body: bytes) -> list[Fault]:
    clock = FixedClock(START + timedelta(days=1))
    archive = OneObject(body)
    nothing = Nothing()
    check = AuditCheck(
        archive, read_document, lambda _: (), lambda _: (), nothing, clock, FakeMeter()
    )
    return [link.fault for link in check.run().broken]


@settings(deadline=None)
@given(broken_records() | GARBAGE)
@example(nested(DEEPEST))
@example(nested(900))
@example(nested(100_000))
@example(b"[" * 100_000)
@example(json.dumps(GOOD | {"data": {"x": float("nan")}}).encode())
def test_what_is_no_event_is_named_so_by_every_reader(value: bytes) -> None:
    with pytest.raises(ValueError):
        read_event(value)
    nobody: Any = None
    assert not Replaying(nobody, nobody, nobody, read_event).is_readable(letter(value))
    assert faults(value)
    assert faults(b'{"record":' + value + b"}")


@settings(deadline=None)
@given(broken_records() | GARBAGE)
@example(nested(100_000))
def test_what_is_no_event_becomes_a_dead_letter(value: bytes) -> None:
    class Letters:
        buried = 0

        def bury(self, letter: DeadLetter) -> None:
            self.buried += 1

    letters = Letters()
    intake = Intake(
        "c",
        read=read_event,
        take=lambda event: True,
        dead_letters=letters,
        meter=FakeMeter(),
        clock=FixedClock(),
    )
    text = base64.b64encode(value).decode()
    record = {"topic": "t", "partition": 0, "offset": 0, "value": text}
    assert intake.handle({"records": {"t-0": [record]}}).dead == letters.buried == 1


def test_as_deep_as_may_be_is_read() -> None:
    assert read_json(nested(DEEPEST - 1))["data"]
    with pytest.raises(ValueError):
        read_json(nested(DEEPEST))
