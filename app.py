"""The infrastructure of one stage: `npx cdk deploy --all -c stage=dev`. See docs/deployment.md."""

import aws_cdk as cdk

from infra.app import build

app = cdk.App()
build(app)
app.synth()
