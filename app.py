"""The infrastructure of one stage: `npx cdk deploy --all -c stage=dev`. See docs/deployment.md."""

from infra.app import build, new_app

app = new_app()
build(app)
app.synth()
