import pytest

from nft_upgrade.adapters.rpc_circuit import FIRST_REST, LONGEST_REST, Circuit


class ManualTime:
    """Seconds that stand still until moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def circuit(time: ManualTime, *, spread: float = 1.0) -> Circuit:
    return Circuit(time, lambda: spread)


def rests(circuit: Circuit, time: ManualTime, count: int) -> list[float]:
    """How long each of so many failures in a row puts the node to rest."""
    seen = []
    for _ in range(count):
        seen.append(circuit.failed())
        time.seconds += circuit.rest
    return seen


def test_a_node_nobody_complained_about_may_be_asked() -> None:
    assert circuit(ManualTime()).rest == 0


def test_each_failure_in_a_row_doubles_the_rest_up_to_a_bound() -> None:
    time = ManualTime()
    seen = rests(circuit(time), time, 12)
    assert seen[:4] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST, 8 * FIRST_REST]
    assert seen[-1] == LONGEST_REST == max(seen)


def test_rests_are_spread_so_that_processes_do_not_come_back_as_one() -> None:
    longest, shortest = (circuit(ManualTime(), spread=spread).failed() for spread in (1.0, 0.0))
    assert (longest, shortest) == (FIRST_REST, FIRST_REST / 2)


def test_a_rest_ends_by_itself() -> None:
    time = ManualTime()
    node = circuit(time)
    time.seconds += node.failed() / 2
    assert node.rest == pytest.approx(FIRST_REST / 2)
    time.seconds += FIRST_REST
    assert node.rest == 0


def test_one_answer_forgives_everything() -> None:
    time = ManualTime()
    node = circuit(time)
    rests(node, time, 5)
    node.succeeded()
    assert (node.rest, node.failed()) == (0, FIRST_REST)


def test_questions_under_way_together_count_as_one_failure() -> None:
    time = ManualTime()
    node = circuit(time)
    for _ in range(20):
        node.failed()
    time.seconds += node.rest
    assert node.failed() == 2 * FIRST_REST


@pytest.mark.parametrize(("asked", "granted"), [(7.0, 7.0), (86_400.0, LONGEST_REST), (0.0, 0.0)])
def test_a_node_rests_as_long_as_it_asks_within_bounds(asked: float, granted: float) -> None:
    node = circuit(ManualTime())
    node.failed(retry_after=asked)
    assert node.rest == granted


def test_a_node_that_rests_already_may_ask_for_longer_but_not_for_less() -> None:
    node = circuit(ManualTime())
    node.failed(retry_after=5.0)
    node.failed(retry_after=9.0)
    node.failed(retry_after=1.0)
    assert node.rest == 9.0
