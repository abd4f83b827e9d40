"""What the real broker is started with."""

import base64
from uuid import UUID

from local.apache_kafka import new_cluster_id

DASHED = UUID(bytes=b"\xf8" + bytes(15))


def test_a_cluster_id_never_looks_like_an_option() -> None:
    assert base64.urlsafe_b64encode(DASHED.bytes).startswith(b"-")
    cluster_id = new_cluster_id(DASHED)
    assert not cluster_id.startswith("-")
    assert len(base64.urlsafe_b64decode(cluster_id + "==")) == 16


def test_other_numbers_are_as_they_are() -> None:
    assert new_cluster_id(UUID(int=0)) == "A" * 22
