"""Dead letters, once the fault is mended: back to the topic each came from.

A letter whose record can be read now is written to its topic again, where all consumers meet it and
drop it if they had it. One that still cannot be read goes back to the end of the dead-letter topic;
so does, by way of the consumer, one that the consumer still refuses. Whatever dies in between, the
same letters come again: nothing is lost, and what comes twice is dropped.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from nft_upgrade.consumers.ports import DeadLetter, DeadLetters


class OpenLetterBox(Protocol):
    """The letters nobody has dealt with, oldest first within a partition."""

    def letters(self) -> Iterable[Sequence[DeadLetter]]:
        """Batches, up to what was there at the start: what is put back meanwhile is not met."""

    def settle(self) -> None:
        """What was given out so far is dealt with and will not come again."""


class LetterBox(Protocol):
    """Where letters wait."""

    def open(self) -> AbstractContextManager[OpenLetterBox]: ...


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of the letters; `same` came more than once and were done once."""

    replayed: int = 0
    put_back: int = 0
    dropped: int = 0
    same: int = 0


class Replaying:
    """An operator's tool, used after a fix."""

    def __init__(
        self,
        box: LetterBox,
        dead_letters: DeadLetters,
        send_back: Callable[[DeadLetter], None],
        read: Callable[[bytes], object],
    ) -> None:
        """`send_back` writes a record to its topic, acknowledged; `read` raises ValueError for
        what this version of the code cannot read."""
        self._box = box
        self._dead_letters = dead_letters
        self._send_back = send_back
        self._read = read

    def waiting(self) -> Sequence[DeadLetter]:
        """Every letter once; nothing is changed."""
        with self._box.open() as box:
            found = {letter.letter_id: letter for batch in box.letters() for letter in batch}
        return list(found.values())

    def replay(self, *, drop: Collection[str] = ()) -> ReplayReport:
        """Deal with every waiting letter. `drop`: ids of letters that are not worth keeping.

        Raises DeadLettersUnavailable: what was not settled by then comes again next time.
        """
        done: dict[str, str] = {}
        same = 0
        with self._box.open() as box:
            for batch in box.letters():
                for letter in batch:
                    same += letter.letter_id in done
                    if letter.letter_id not in done:
                        done[letter.letter_id] = self._deal_with(letter, drop)
                box.settle()
        outcomes = list(done.values())
        return ReplayReport(
            replayed=outcomes.count("replayed"),
            put_back=outcomes.count("put back"),
            dropped=outcomes.count("dropped"),
            same=same,
        )

    def _deal_with(self, letter: DeadLetter, drop: Collection[str]) -> str:
        if letter.letter_id in drop:
            return "dropped"
        if not self.is_readable(letter):
            self._dead_letters.bury(letter)
            return "put back"
        self._send_back(letter)
        return "replayed"

    def is_readable(self, letter: DeadLetter) -> bool:
        """Whether a replay would send this letter's record back."""
        try:
            self._read(letter.original)
        except (ValueError, KeyError, TypeError):
            return False
        return True
