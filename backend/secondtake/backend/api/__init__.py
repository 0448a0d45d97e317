"""The HTTP API over the services: FastAPI routes, their guard, and the process that serves them."""
