"""The program of the sandbox's child: gives up what it could do, then executes what it is sent.

It reads one task from standard input, JSON with `code`, `cpu_s` and `memory_bytes`. What it prints
is what the code prints; what kept it from starting it says on a line of standard error that begins
with `REFUSED`, and ends with exit code 3. It imports the standard library only.

Given up, in this order: time, memory and writing (`setrlimit`), the network (a namespace of its
own where the kernel allows it), files but those of the Python installation (Landlock, see
`landlock(7)`), and the system calls that make sockets, processes, links between processes and
changes of files' rights (`seccomp(2)`). Whether a path exists can still be found out.
"""

import ast
import ctypes
import json
import os
import platform
import resource
import struct
import sys
import sysconfig
from pathlib import Path
from typing import Any

REFUSED = 3
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_CREATE_VERSION, LANDLOCK_RULE_PATH = 1, 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
FILE_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights on files that a version of Landlock knows."""
NET_RIGHTS_FROM_ABI, NET_RIGHTS = 4, 0b11

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
DENIED = {
    # socket connect accept sendto bind listen socketpair accept4, shmget msgget semget; clone fork
    # vfork execve execveat clone3; kill tkill pidfd_open pidfd_send_signal ptrace process_vm_*;
    # mount umount2 chroot pivot_root setns unshare open_by_handle_at; chmod chown utime xattr in
    # all their forms; bpf perf_event_open keys userfaultfd io_uring prlimit64.
    "x86_64": (41, 42, 43, 44, 49, 50, 53, 288, 29, 68, 64, 56, 57, 58, 59, 322, 435, 62, 200, 434,
               424, 101, 310, 311, 165, 166, 161, 155, 308, 272, 304, 90, 91, 92, 93, 94, 132, 235,
               280, 261, 268, 452, 260, 188, 189, 190, 197, 198, 199, 463, 466, 321, 298, 248, 249,
               250, 323, 425, 426, 427, 302),
    "aarch64": (198, 203, 202, 206, 200, 201, 199, 242, 194, 186, 190, 220, 221, 281, 435, 129,
                130, 434, 424, 117, 270, 271, 40, 39, 51, 41, 268, 97, 265, 52, 53, 54, 55, 88,
                452, 5, 6, 7, 14, 15, 16, 463, 466, 280, 241, 217, 218, 219, 282, 425, 426, 427,
                261),
}  # fmt: skip
"""System calls by their numbers, as `asm/unistd.h` has them."""

_libc = ctypes.CDLL(None, use_errno=True)


class Impossible(Exception):
    """This system cannot keep what is promised."""


def limit_resources(cpu_s: int, memory_bytes: int) -> None:
    """Bound processor time and memory; let no byte be written to a file."""
    for name, value in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (value, value))


def leave_the_network() -> None:
    """Enter a network without any interface, where that is allowed; the filter holds anyway."""
    _libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def limit_files(readable: list[str]) -> None:
    """Leave reading below these folders as the only thing that can be done with files."""
    abi = _libc.syscall(LANDLOCK_CREATE, None, 0, LANDLOCK_CREATE_VERSION)
    if abi < 1:
        raise Impossible("the kernel has no Landlock (Linux 5.13 or newer has it)")
    rights = FILE_RIGHTS_BY_ABI[max(known for known in FILE_RIGHTS_BY_ABI if known <= abi)]
    net = NET_RIGHTS if abi >= NET_RIGHTS_FROM_ABI else 0
    told = struct.pack("QQ", rights, net) if net else struct.pack("Q", rights)
    ruleset = _libc.syscall(LANDLOCK_CREATE, told, len(told), 0)
    if ruleset < 0:
        raise Impossible("Landlock is switched off")
    for folder in readable:
        if not os.path.exists(folder):
            continue
        opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        allowed = READ_FILE | READ_DIR if os.path.isdir(folder) else READ_FILE
        rule = struct.pack("=Qi", allowed, opened)
        if _libc.syscall(LANDLOCK_ADD, ruleset, LANDLOCK_RULE_PATH, rule, 0) != 0:
            raise Impossible("Landlock refuses a rule")
        os.close(opened)
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise Impossible("the kernel keeps privileges")
    if _libc.syscall(LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise Impossible("Landlock cannot be switched on")
    os.close(ruleset)


def limit_system_calls() -> None:
    """Let the denied system calls fail with EPERM, for good."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise Impossible(f"there is no list of system calls for {machine}")
    denied = DENIED[machine]
    load, jump_equal, jump_above, give = 0x20, 0x15, 0x35, 0x06
    kill, allow, fail = 0x80000000, 0x7FFF0000, 0x00050000 | 1
    program = [
        (load, 0, 0, 4),
        (jump_equal, 1, 0, ARCHITECTURES[machine]),
        (give, 0, 0, kill),
        (load, 0, 0, 0),
        (jump_above, len(denied) + 1, 0, 0x40000000),  # x32 has other numbers for the same calls
        *((jump_equal, len(denied) - place, 0, number) for place, number in enumerate(denied)),
        (give, 0, 0, allow),
        (give, 0, 0, fail),
    ]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    pointer = struct.pack("HxxxxxxP", len(program), ctypes.addressof(filters))
    if _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, pointer, 0, 0) != 0:
        raise Impossible("the kernel filters no system calls (seccomp)")


def readable_folders() -> list[str]:
    """Return where Python and what it is linked with lie."""
    paths = {*sysconfig.get_paths().values(), *sys.path, "/usr/share/zoneinfo", "/etc/localtime"}
    own = str(Path(__file__).parent)
    found = {os.path.realpath(path) for path in paths if path and os.path.isabs(path)}
    return sorted(found - {own} | {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/dev/urandom"})


def execute(code: str) -> None:
    """Execute the code; a last expression is shown as an interactive Python shows it."""
    tree = ast.parse(code, "<code>")
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(tree, "<code>", "exec"), names)  # noqa: S102 - what a sandbox is for
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "<code>", "eval"), names)
        if value is not None:
            sys.stdout.write(f"{value!r}\n")


def _main() -> None:
    task = json.load(sys.stdin)
    try:
        limit_resources(task["cpu_s"], task["memory_bytes"])
        leave_the_network()
        limit_files(readable_folders())
        limit_system_calls()
    except (Impossible, OSError, ValueError) as error:
        sys.stderr.write(f"REFUSED {error}\n")
        sys.exit(REFUSED)
    execute(task["code"])


if __name__ == "__main__":
    _main()
