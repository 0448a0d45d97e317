"""Runs a module as a program that ends when `secondtake up` does, however that ends.

`python -m secondtake.backend.up.guarded DESCRIPTOR MODULE [ARGUMENT...]`. The other end of the
descriptor is held by `up` alone: when it is closed, by purpose or because `up` was killed, this
process is told to end as by `kill`, and a little later it ends anyway.
"""

import os
import runpy
import select
import signal
import sys
import threading
import time
from typing import Final

from secondtake.backend.workers.wire import UP_VARIABLE

GRACE_S: Final = 3.5


def main() -> None:
    """Run the module in this process."""
    descriptor, module = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(descriptor, False)
    os.environ[UP_VARIABLE] = str(descriptor)  # for workers, which may outlive the server
    threading.Thread(target=_watch, args=(descriptor,), name="secondtake-up", daemon=True).start()
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(descriptor: int) -> None:
    select.select([descriptor], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
