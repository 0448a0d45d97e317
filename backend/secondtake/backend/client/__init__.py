"""Talks to a server over HTTP; the only place that knows the API's addresses from outside."""

from secondtake.backend.client.client import Client as Client
from secondtake.backend.client.owner import find_server as find_server
