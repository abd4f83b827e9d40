"""What SES tells of mail: bounces and complaints to a topic, and from there to a function."""

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.parts.event_sources import dead_letter_queue


class MailFeedback(Construct):
    """`failures`: a queue with feedback that the function never took.

    Nobody signs in here: the topic's policy admits SES for this configuration set alone (CDK adds
    account and ARN as conditions), and the function's admits the topic.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        function: lambda_.Function,
        data_key: kms.IKey,
    ) -> None:
        """`name`: of the configuration set, which mail is sent with."""
        super().__init__(scope, id)
        self.failures = dead_letter_queue(self, "Failures", data_key)
        topic = sns.Topic(self, "Topic", master_key=data_key, enforce_ssl=True)
        topic.add_subscription(
            subscriptions.LambdaSubscription(function, dead_letter_queue=self.failures)
        )
        made = ses.ConfigurationSet(
            self,
            "Set",
            configuration_set_name=name,
            reputation_metrics=True,
            tls_policy=ses.ConfigurationSetTlsPolicy.REQUIRE,
            suppression_reasons=ses.SuppressionReasons.BOUNCES_AND_COMPLAINTS,
        )
        made.add_event_destination(
            "Feedback",
            destination=ses.EventDestination.sns_topic(topic),
            events=[ses.EmailSendingEvent.BOUNCE, ses.EmailSendingEvent.COMPLAINT],
        )
