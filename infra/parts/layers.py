"""The two layers that all functions share."""

from aws_cdk import Annotations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundling import RUNTIME_VERSION, core_code, dependencies_code, runtime_python

RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64
NO_BYTE_CODE = (
    f"python{RUNTIME_VERSION} is not on this machine: the layers carry no .pyc files, and cold "
    "starts take about twice as long (docs/benchmarks.md)."
)


class Layers(Construct):
    """`versions`: the dependencies, which change rarely, and the package, which changes often."""

    def __init__(self, scope: Construct, id: str, *, wheels: str) -> None:
        super().__init__(scope, id)
        self.versions: list[lambda_.ILayerVersion] = [
            self._layer("Dependencies", dependencies_code(wheels=wheels)),
            self._layer("Core", core_code(wheels=wheels)),
        ]
        if wheels != "host" and runtime_python() is None:
            Annotations.of(self).add_info(NO_BYTE_CODE)

    def _layer(self, id: str, code: lambda_.AssetCode) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            id,
            code=code,
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )
