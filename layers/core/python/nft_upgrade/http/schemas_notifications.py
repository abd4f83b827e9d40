"""The JSON of the notification preferences."""

from typing import Annotated

from pydantic import AfterValidator, Field

from nft_upgrade.domain.contact import Device, normal_address
from nft_upgrade.http.schemas import Moment, Success
from nft_upgrade.http.schemas_in import Wire
from nft_upgrade.use_cases.preferences import Overview

ADDRESS = "ape@example.org"
LINK = "unsubscribe.9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin.0.5f2b"
EmailAddress = Annotated[
    str, Field(strict=True, max_length=254, examples=[ADDRESS]), AfterValidator(normal_address)
]
Switch = Annotated[bool, Field(strict=True)]


class SwitchRequest(Wire):
    """Which channels are wanted."""

    email_enabled: Switch
    push_enabled: Switch


class EmailRequest(Wire):
    """Where mail is to go, once its owner has confirmed it."""

    address: EmailAddress


class DeviceRequest(Wire):
    """One app installation."""

    platform: str = Field(strict=True, pattern=r"^[a-z0-9_]{1,32}$", examples=["apns"])
    device_token: str = Field(strict=True, pattern=r"^[\x21-\x7e]{8,4096}$", examples=["740f4707"])


class EmailView(Wire):
    """`suppressed`: mail to the confirmed address bounced, or was called spam."""

    address: str | None
    pending_address: str | None
    enabled: bool
    suppressed: bool


class DeviceView(Wire):
    id: str
    platform: str
    registered_at: Moment

    @classmethod
    def of(cls, device: Device) -> "DeviceView":
        return cls(id=device.id, platform=device.platform, registered_at=device.registered_at)


class PushView(Wire):
    enabled: bool
    devices: list[DeviceView]


class PreferencesAnswer(Success):
    email: EmailView
    push: PushView

    @classmethod
    def of(cls, overview: Overview) -> "PreferencesAnswer":
        contact = overview.contact
        email = EmailView(
            address=contact.address if contact else None,
            pending_address=contact.pending if contact else None,
            enabled=contact.wants_mail if contact else True,
            suppressed=overview.is_suppressed,
        )
        devices = [DeviceView.of(device) for device in overview.devices]
        push = PushView(enabled=contact.wants_push if contact else True, devices=devices)
        return cls(email=email, push=push)


class DeviceAnswer(Success):
    device: DeviceView
