"""What the API and the workflow do, one verb per class method, on ports only."""
