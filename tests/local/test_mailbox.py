"""What the emulator's SES took can be read."""

from local.mailbox import messages, shown
from nft_upgrade.adapters.ses_mailer import SesMailer
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
