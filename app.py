"""The infrastructure of one stage: `npx cdk deploy --all -c stage=dev`. See docs/deployment.md."""

import os
import sys

# Importing the CDK starts its Node process, which warns of its own version in lines of bytes.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
os.environ.setdefault("JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION", "1")

from infra.app import build, new_app
from infra.stages import UnknownChoice

app = new_app()
try:
    build(app)
except UnknownChoice as problem:
    sys.exit(str(problem))
app.synth()
