"""Who one client is."""

import pytest

from nft_upgrade.http.rate_limit import client_address


@pytest.mark.parametrize(
    ("forwarded", "hops", "expected"),
    [
        (None, 1, "10.0.0.9"),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", 1, "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.0.0.2", 2, "203.0.113.7"),
        ("203.0.113.7", 0, "10.0.0.9"),
        ("203.0.113.7", 2, "10.0.0.9"),
        ("nonsense", 1, "10.0.0.9"),
        ("", 1, "10.0.0.9"),
    ],
)
def test_only_what_trusted_proxies_appended_is_believed(
    forwarded: str | None, hops: int, expected: str
) -> None:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert client_address(headers, "10.0.0.9", hops) == expected


def test_an_ipv6_client_is_its_whole_network() -> None:
    one = client_address({}, "2001:db8:1:2:3:4:5:6", 0)
    assert one == client_address({}, "2001:db8:1:2:ffff::1", 0)
    assert one != client_address({}, "2001:db8:1:3::1", 0)


def test_a_client_without_an_address_is_still_counted() -> None:
    assert client_address({}, None, 1) == "unknown"
