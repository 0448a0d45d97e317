"""The tool `env_info`."""

import os
import platform
import sys
from typing import Any


def env_info() -> dict[str, Any]:
    """Say what this computer is: operating system, processors, version of Python.

    Names and values of environment variables, users and folders are not in it.
    """
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "byte_order": sys.byteorder,
    }
