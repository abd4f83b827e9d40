"""Dead letters after a fix: each dealt with once, and none lost whatever dies in between."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from nft_upgrade.adapters.event_schema import read_event
from nft_upgrade.consumers.ports import DeadLetter, DeadLettersUnavailable
from nft_upgrade.consumers.replaying import Replaying, ReplayReport
from nft_upgrade.messages import to_record
from tests.fakes.events import START, story


class Topic:
    """`LetterBox`, `DeadLetters` and the topics letters came from, in memory."""

    def __init__(self, *letters: DeadLetter, dies_at: int = -1) -> None:
        self.kept = list(letters)
        self.settled = 0
        self.sent_back: list[DeadLetter] = []
        self._dies_at = dies_at
        self._end = self._given = 0

    @contextmanager
    def open(self) -> Iterator["Topic"]:
        self._end, self._given = len(self.kept), self.settled
        yield self

    def letters(self) -> Iterable[Sequence[DeadLetter]]:
        while self._given < self._end:
            batch = self.kept[self._given : min(self._given + 2, self._end)]
            self._given += len(batch)
            yield batch

    def settle(self) -> None:
        self.settled = self._given

    def bury(self, letter: DeadLetter) -> None:
        self.kept.append(letter)

    def send_back(self, letter: DeadLetter) -> None:
        if len(self.sent_back) == self._dies_at:
            self._dies_at = -1
            raise DeadLettersUnavailable("the broker is gone")
        self.sent_back.append(letter)

    @property
    def tool(self) -> Replaying:
        return Replaying(self, self, self.send_back, read_event)


def letter(offset: int, value: bytes, consumer: str = "nft-audit") -> DeadLetter:
    text = base64.b64encode(value).decode()
    return DeadLetter(consumer, "nft-upgrade-progress", 0, offset, text, "why", START)


READABLE = [letter(number, to_record(event).value) for number, event in enumerate(story()[:5])]
BROKEN = letter(9, b"no JSON")


def test_what_can_be_read_now_goes_back_to_its_topic_and_the_rest_to_the_end() -> None:
    topic = Topic(READABLE[0], BROKEN, READABLE[1])
    assert topic.tool.replay() == ReplayReport(replayed=2, put_back=1)
    assert topic.sent_back == READABLE[:2]
    assert topic.tool.waiting() == [BROKEN]


def test_a_second_replay_does_nothing_but_put_back_what_still_fails() -> None:
    topic = Topic(*READABLE, BROKEN)
    topic.tool.replay()
    assert topic.tool.replay() == ReplayReport(put_back=1)
    assert topic.sent_back == READABLE


def test_a_letter_that_was_buried_twice_is_replayed_once() -> None:
    topic = Topic(READABLE[0], READABLE[0], READABLE[0])
    assert topic.tool.replay() == ReplayReport(replayed=1, same=2)
    assert topic.sent_back == [READABLE[0]]


def test_the_letters_of_two_consumers_about_one_record_are_two() -> None:
    other = letter(0, READABLE[0].original, consumer="nft-analytics")
    assert Topic(READABLE[0], other).tool.replay().replayed == 2


def test_what_an_operator_drops_does_not_come_again() -> None:
    topic = Topic(BROKEN)
    assert topic.tool.replay(drop=[BROKEN.letter_id]) == ReplayReport(dropped=1)
    assert topic.tool.waiting() == []


def test_listing_changes_nothing() -> None:
    topic = Topic(*READABLE, BROKEN)
    assert topic.tool.waiting() == [*READABLE, BROKEN] == topic.tool.waiting()
    assert not topic.sent_back


@pytest.mark.parametrize("moment", range(5))
def test_a_replay_that_dies_loses_no_letter(moment: int) -> None:
    topic = Topic(*READABLE, dies_at=moment)
    with pytest.raises(DeadLettersUnavailable):
        topic.tool.replay()
    topic.tool.replay()
    assert {each.letter_id for each in topic.sent_back} == {each.letter_id for each in READABLE}
    assert topic.tool.waiting() == []
