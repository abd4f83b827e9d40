"""What the emulator's SES took can be read."""

import json

from local.mailbox import messages, shown
from nft_upgrade.adapters.ses_mailer import SesMailer
from nft_upgrade.adapters.sns_pusher import SnsPusher
from nft_upgrade.config import MessageSettings
from nft_upgrade.ports import Mail
from tests.fixtures.aws import AwsEndpoint


def test_a_mail_is_in_the_mailbox_with_its_headers(aws: AwsEndpoint) -> None:
    mail = Mail(
        to="reader@example.org",
        subject="Hello",
        text="Grüße",
        html="<p>Grüße</p>",
        unsubscribe_url="https://nft.example/out",
    )
    SesMailer("no-reply@nft.example").send(mail)
    found = messages(aws.url)[-1]
    assert (found["to"], found["subject"], found["html"]) == (mail.to, mail.subject, mail.html)
    assert "List-Unsubscribe: <https://nft.example/out>" in shown(found)
    assert "Grüße" in shown(found)


def test_an_app_registers_for_push_and_what_it_gets_is_in_the_mailbox(aws: AwsEndpoint) -> None:
    """The emulator has a platform application of each kind, as an operator makes them on AWS."""
    settings = MessageSettings(push_applications=aws.environment["PUSH_APPLICATIONS"])
    pusher = SnsPusher(settings.applications)
    for platform, form in (("apns", "aps"), ("fcm", "fcmV1Message")):
        endpoint = pusher.register(platform, f"a-token-of-{platform}")
        pusher.push(endpoint, title="You reached level 2", text="Congratulations")
        found = messages(aws.url)[-1]
        assert (found["kind"], found["to"]) == ("push", endpoint)
        assert "Congratulations" in shown(found)
        assert list(json.loads(found["text"])) == [form]
