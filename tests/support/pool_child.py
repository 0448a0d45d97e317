"""A server's worker pool without the server, to be killed.

`pool_child.py WORKFLOW` has a workflow executed and writes the worker's process id and the run's
id to standard output as soon as it has begun; then it does nothing.
"""

import os
import sys
import time

from secondtake.backend.models.executions import RunRequest
from secondtake.backend.workers.pool import WorkerPool
from secondtake.runner.settings import load_settings

if __name__ == "__main__":
    pool = WorkerPool(load_settings())
    pool.start()
    run = pool.submit(RunRequest(workflow=sys.argv[1]))
    while pool.pid_of(run.run_id) is None:
        time.sleep(0.01)
    os.write(1, f"{pool.pid_of(run.run_id)} {run.run_id}\n".encode())
    time.sleep(600)
