"""HTTP: routes, schemas, sessions and the error table. FastAPI stays in this folder."""
