"""The engines that tests may ask for by name; each starts on first use, on a free loopback port."""

pytest_plugins = [
    "tests.fixtures.aws",
    "tests.fixtures.dynamodb_local",
    "tests.fixtures.kafka",
    "tests.fixtures.kms",
    "tests.fixtures.solana",
]
