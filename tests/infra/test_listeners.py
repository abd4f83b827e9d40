"""What the deployment check says about listeners, read from tables as the kernel prints them."""

import socket

from tests.deploy_check.listeners import exposed_ports, wildcard_ports

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid inode\n"
ROW = "   0: {address}:22B3 00000000:0000 {state} 0:0 00:0 00000000 0 0 {inode} 1\n"


def row(address: str, *, state: str = "0A", inode: int = 7) -> str:
    return HEAD + ROW.format(address=address, state=state, inode=inode)


def test_every_address_is_seen_in_both_families() -> None:
    assert wildcard_ports(row("00000000"), {"7"}) == {8883}
    assert wildcard_ports(row("0" * 32), {"7"}) == {8883}


def test_loopback_connections_and_others_sockets_are_not() -> None:
    assert wildcard_ports(row("0100007F"), {"7"}) == set()
    assert wildcard_ports(row("00000000", state="01"), {"7"}) == set()
    assert wildcard_ports(row("00000000", inode=8), {"7"}) == set()


def test_a_listener_on_loopback_of_this_process_is_not_exposed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert listening.getsockname()[1] not in exposed_ports()
