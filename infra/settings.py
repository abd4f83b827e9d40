"""The values behind the settings models' fields, by field name."""

from infra.resources import Resources
from infra.stages import Stage

PROXY_HOPS = 2
"""CloudFront adds the client's address, then API Gateway or the balancer adds CloudFront's."""


def kafka_settings(brokers: str) -> dict[str, str]:
    """MSK: IAM over TLS."""
    return {
        "kafka_bootstrap_servers": brokers,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "AWS_MSK_IAM",
    }


def settings(stage: Stage, resources: Resources, *, origin: str, brokers: str) -> dict[str, str]:
    """Whatever is not here keeps the model's default."""
    push = {"push_applications": stage.push_applications} if stage.push_applications else {}
    return {
        **push,
        **kafka_settings(brokers),
        "table_prefix": stage.table_prefix,
        "solana_rpc_urls": f"secret:{resources.rpc_urls.secret_arn}",
        "solana_genesis_hash": stage.solana_genesis_hash,
        "solana_chain_id": stage.solana_chain_id,
        "mint_kms_key_id": resources.mint_key.key_arn,
        "session_kms_key_id": resources.session_key.key_arn,
        "nft_metadata_base_uri": stage.nft_metadata_base_uri,
        "state_machine_arn": resources.state_machine_arn,
        "public_origin": origin,
        "trusted_proxy_hops": str(PROXY_HOPS),
        "notify_sender": stage.notify_sender,
        "notify_configuration_set": resources.configuration_set,
        "audit_bucket": resources.audit_bucket.bucket_name,
    }
