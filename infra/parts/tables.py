"""The six tables of `nft_upgrade.adapters.dynamodb_tables`, as it describes them."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.stages import Stage
from nft_upgrade.adapters.dynamodb_tables import TABLES, Index, Table


class Tables(Construct):
    """`by_name["upgrades"]` and so on. On demand, with point-in-time recovery."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, data_key: kms.IKey) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self._data_key = data_key
        self.by_name = {table.name: self._make(table) for table in TABLES}

    def _make(self, table: Table) -> dynamodb.Table:
        is_kept = self._stage.is_protected
        made = dynamodb.Table(
            self,
            table.name.title(),
            table_name=self._stage.table_prefix + table.name,
            partition_key=_text(table.partition_key),
            sort_key=_text(table.sort_key) if table.sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._data_key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=is_kept,
            removal_policy=RemovalPolicy.RETAIN if is_kept else RemovalPolicy.DESTROY,
            time_to_live_attribute=table.ttl_attribute,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if table.has_stream else None,
        )
        for index in table.indexes:
            _add_index(made, index)
        return made


def _add_index(table: dynamodb.Table, index: Index) -> None:
    projection = dynamodb.ProjectionType.KEYS_ONLY if index.keys_only else None
    table.add_global_secondary_index(
        index_name=index.name,
        partition_key=_text(index.partition_key),
        sort_key=_text(index.sort_key),
        projection_type=projection or dynamodb.ProjectionType.ALL,
    )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
