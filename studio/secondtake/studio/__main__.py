"""`python -m secondtake.studio`: serve the studio.

`secondtake up` starts it so, and tells it where the server is; without `--server-url` it looks for
the server of the home whenever a page is shown.
"""

import os
import sys

import click

from secondtake.studio.app import SCRIPT, serve
from secondtake.studio.connection import SERVER_VARIABLE


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--server-url", help="Where the server is; by default that of the home.")
@click.option("--allow-host", "hosts", multiple=True, help="A further name it may be asked by.")
def main(host: str, port: int, server_url: str | None, hosts: tuple[str, ...]) -> None:
    """Serve the studio until Ctrl-C."""
    if server_url:
        os.environ[SERVER_VARIABLE] = server_url
    sys.argv = [str(SCRIPT)]  # Streamlit takes the folder of the program for that of its script
    serve(host=host, port=port, hosts=hosts)


if __name__ == "__main__":
    main()
