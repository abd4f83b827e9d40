"""Push through SNS: endpoints made, mended and used, and what its refusals mean."""

from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest
from botocore.stub import Stubber

from nft_upgrade.adapters.sns_pusher import SnsPusher
from nft_upgrade.ports import (
    DeliveryRefused,
    DeliverySuspended,
    DeliveryUnavailable,
    DeliveryUncertain,
)
from tests.fixtures.aws import AwsEndpoint


@pytest.fixture
def application(aws: AwsEndpoint) -> str:
    made = boto3.client("sns").create_platform_application(
        Name=f"app-{uuid4()}", Platform="APNS", Attributes={}
    )
    return made["PlatformApplicationArn"]


@pytest.fixture
def pusher(application: str) -> SnsPusher:
    return SnsPusher({"apns": application})


@pytest.fixture
def device_token() -> str:
    return f"token-{uuid4()}"


def attributes_of(endpoint: str) -> dict[str, str]:
    return boto3.client("sns").get_endpoint_attributes(EndpointArn=endpoint)["Attributes"]


def change(endpoint: str, **attributes: str) -> None:
    boto3.client("sns").set_endpoint_attributes(EndpointArn=endpoint, Attributes=attributes)


def test_the_same_token_twice_is_one_endpoint(pusher: SnsPusher, device_token: str) -> None:
    endpoint = pusher.register("apns", device_token)
    assert pusher.register("apns", device_token) == endpoint
    assert pusher.push(endpoint, title="Hello", text="there")


def test_an_endpoint_that_was_disabled_is_enabled_when_its_app_registers_again(
    pusher: SnsPusher, device_token: str
) -> None:
    endpoint = pusher.register("apns", device_token)
    change(endpoint, Enabled="false")
    with pytest.raises(DeliveryRefused, match="EndpointDisabled"):
        pusher.push(endpoint, title="Hello", text="there")
    assert pusher.register("apns", device_token) == endpoint
    assert pusher.push(endpoint, title="Hello", text="there")


def test_an_endpoint_whose_token_the_push_service_replaced_gets_the_apps_own_again(
    pusher: SnsPusher, device_token: str
) -> None:
    endpoint = pusher.register("apns", device_token)
    change(endpoint, Token="another")
    assert pusher.register("apns", device_token) == endpoint
    assert attributes_of(endpoint)["Token"] == device_token


@pytest.fixture
def stub(pusher: SnsPusher) -> Iterator[Stubber]:
    """SNS's answers, in the order in which they are asked for."""
    with Stubber(pusher._client) as stubbed:
        yield stubbed
        stubbed.assert_no_pending_responses()


def made(arn: str) -> dict[str, str]:
    return {"EndpointArn": arn}


def test_an_endpoint_deleted_while_it_was_registered_is_made_again(
    pusher: SnsPusher, stub: Stubber
) -> None:
    first, second = (f"arn:aws:sns:us-east-1:123456789012:endpoint/APNS/a/{n}" for n in (1, 2))
    stub.add_response("create_platform_endpoint", made(first))
    stub.add_client_error("set_endpoint_attributes", "NotFound", http_status_code=404)
    stub.add_response("create_platform_endpoint", made(second))
    stub.add_response("set_endpoint_attributes", {})
    assert pusher.register("apns", "token") == second


def test_an_application_that_is_gone_refuses_instead_of_asking_for_ever(
    pusher: SnsPusher, stub: Stubber
) -> None:
    for _ in range(2):
        stub.add_response("create_platform_endpoint", made("arn:aws:sns:::endpoint/APNS/a/1"))
        stub.add_client_error("set_endpoint_attributes", "NotFound", http_status_code=404)
    with pytest.raises(DeliveryRefused, match="NotFound"):
        pusher.register("apns", "token")


def test_a_token_that_is_none_is_refused(pusher: SnsPusher, stub: Stubber) -> None:
    stub.add_client_error(
        "create_platform_endpoint", "InvalidParameter", "Invalid parameter: Token"
    )
    with pytest.raises(DeliveryRefused, match="InvalidParameter"):
        pusher.register("apns", "token")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("PlatformApplicationDisabled", DeliverySuspended),
        ("Throttled", DeliveryUnavailable),
        ("AuthorizationError", DeliveryUnavailable),
        ("NotFound", DeliveryRefused),
        ("InvalidParameter", DeliveryRefused),
    ],
)
def test_what_an_answer_means(
    pusher: SnsPusher, stub: Stubber, code: str, error: type[Exception]
) -> None:
    stub.add_client_error("publish", code)
    with pytest.raises(error, match=code) as raised:
        pusher.push("arn:aws:sns:::endpoint/APNS/a/1", title="Hello", text="there")
    assert type(raised.value) is error


def test_an_answer_of_a_broken_service_says_nothing(pusher: SnsPusher, stub: Stubber) -> None:
    stub.add_client_error("publish", "InternalError", http_status_code=500)
    with pytest.raises(DeliveryUncertain):
        pusher.push("arn:aws:sns:::endpoint/APNS/a/1", title="Hello", text="there")
