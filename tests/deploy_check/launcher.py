"""MiniStack with stand-ins for the resource types it lacks. Runs in MiniStack's own environment.

A stand-in has an id and the attributes that our templates ask for; it does nothing. So what is
proven is that CloudFormation's part of a deployment works: references, order, updates, deletion.
"""

import hashlib
import os
import socket
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.app import main  # type: ignore[import-not-found]
from ministack.core import lambda_runtime  # type: ignore[import-not-found]
from ministack.services import msk  # type: ignore[import-not-found]
from ministack.services.cloudformation import provisioners  # type: ignore[import-not-found]

MISSING = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudFront::VpcOrigin",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::Logs::Delivery",
    "AWS::Logs::DeliveryDestination",
    "AWS::Logs::DeliverySource",
    "AWS::MSK::Configuration",
    "AWS::MSK::Topic",
)
PLACE = "us-east-1:000000000000"
Made = tuple[str, dict[str, Any]]


def stand_in(type_: str) -> dict[str, Any]:
    """Handlers that make, change and delete nothing."""
    service = type_.split("::")[1].lower()

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
        id_ = f"{logical_id}-{uuid.uuid4().hex[:8]}"
        return id_, _attributes(f"arn:aws:{service}:{PLACE}:{id_}", id_)

    def update(id_: str, _old: dict[str, Any], _new: dict[str, Any], *_: Any) -> Made:
        return id_, _attributes(f"arn:aws:{service}:{PLACE}:{id_}", id_)

    return {"create": create, "update": update, "delete": lambda id_, properties: None}


def _attributes(arn: str, id_: str) -> dict[str, Any]:
    return {
        "Arn": arn,
        "Id": id_,
        "AllocationId": id_,
        "NatGatewayId": id_,
        "TopicArn": arn,
        "LatestRevision.Revision": 1,
    }


def _make_cluster(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
    """Known to MiniStack's MSK, so that GetBootstrapBrokers answers with the local Kafka."""
    name = properties["ClusterName"]
    arn = f"arn:aws:kafka:{PLACE}:cluster/{name}/{uuid.uuid4()}-1"
    msk._clusters[arn] = {"ClusterArn": arn, "ClusterName": name, "State": "ACTIVE"}
    return arn, {"Arn": arn, "CurrentVersion": "1"}


CLUSTER = {
    "create": _make_cluster,
    "update": lambda arn, _old, _new, *_: (arn, {"Arn": arn, "CurrentVersion": "1"}),
    "delete": lambda arn, properties: msk._clusters.pop(arn, None),
}


UNPACKED = threading.Lock()


class UnpackedOnce(zipfile.ZipFile):
    """MiniStack unpacks a hundred megabytes of layers for every worker of every function; here an
    archive is unpacked once and each worker gets links to what lies at its top."""

    def namelist(self) -> list[str]:
        """MiniStack looks for escapes in every single one; what was unpacked had none."""
        return super().namelist() if not self._place().is_dir() else []

    def extractall(self, path: Any = None, *_: Any) -> None:
        place = self._place()
        with UNPACKED:
            if not place.is_dir():
                draft = place.with_suffix(".draft")
                super().extractall(draft)
                draft.rename(place)
        for each in place.iterdir():
            (Path(path) / each.name).symlink_to(each)

    def _place(self) -> Path:
        content = Path(str(self.filename)).read_bytes()
        return Path(tempfile.gettempdir()) / f"unpacked-{hashlib.sha256(content).hexdigest()}"


def _say_ready() -> None:
    """One line on standard output once the port answers."""
    place = ("127.0.0.1", int(os.environ["GATEWAY_PORT"]))
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(place) == 0:
                sys.stdout.write(f"ready http://{place[0]}:{place[1]}\n")
                sys.stdout.flush()
                return
        time.sleep(0.1)


if __name__ == "__main__":
    handlers = provisioners._RESOURCE_HANDLERS
    for missing in MISSING:
        handlers.setdefault(missing, stand_in(missing))
    handlers.setdefault("AWS::MSK::Cluster", CLUSTER)
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": UnpackedOnce})
    threading.Thread(target=_say_ready, daemon=True).start()
    main()
