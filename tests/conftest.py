"""The engines that tests may ask for by name; each starts on first use, on a free loopback port."""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures.aws",
    "tests.fixtures.dynamodb_local",
    "tests.fixtures.kafka",
    "tests.fixtures.kms",
    "tests.fixtures.solana",
]

# How fast inputs are made says something about the machine's load, and nothing about our code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
