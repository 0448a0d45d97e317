"""A run that is told to stop by another process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from tests.runner.workflows.conftest import parse
from tests.support.journal import recorded

from secondtake.runner.hashing import new_run_id
from secondtake.runner.mailbox import LOOK_EVERY_S, Mailbox, is_listening, send_answer, send_cancel
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_prompt, run_workflow

CANCEL_FROM_OUTSIDE = """
import sys, time
from pathlib import Path
from uuid import UUID
from secondtake.runner.mailbox import is_listening, send_cancel

home, run_id, sign = Path(sys.argv[1]), UUID(sys.argv[2]), Path(sys.argv[3])
until_s = time.monotonic() + 20
while time.monotonic() < until_s and not (sign.exists() and is_listening(home, run_id)):
    time.sleep(0.01)
print(send_cancel(home, run_id, reason="Ada pressed cancel"))
"""

BLOCKING = """
name: blocking
nodes:
  wait: {{kind: python, function: "{module}:wait"}}
edges: [{{from: START, to: wait}}, {{from: wait, to: END}}]
"""


def test_another_process_cancels_a_run_inside_a_blocking_function(
    home: Path, tmp_path: Path, steps: Callable[[str], str]
) -> None:
    sign, run_id = tmp_path / "blocking", new_run_id()
    code = f"""
        import pathlib, time
        def wait():
            pathlib.Path({str(sign)!r}).touch()
            time.sleep(30)
    """
    module = steps(code)
    settings = load_settings()
    workflow = parse(BLOCKING.format(module=module), settings)
    arguments = [sys.executable, "-c", CANCEL_FROM_OUTSIDE, str(home), str(run_id), str(sign)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as sender:
        result = run_workflow(workflow, {}, settings=settings, run_id=run_id)
        assert sender.communicate()[0] == "True\n"

    assert result.run_id == run_id
    assert (result.status, result.error_message) == ("cancelled", "Ada pressed cancel")
    assert result.duration_ms < 20_000, "the function would have taken 30 s"
    assert recorded(home, "node_finished")[0]["error_type"] == "RunCancelled"
    assert not is_listening(home, run_id)


def test_a_run_listens_under_the_id_that_was_fixed_beforehand(home: Path) -> None:
    run_id, heard = uuid4(), list[bool]()
    result = run_prompt(
        "Say hello.",
        settings=load_settings(),
        model="sim/fast",
        run_id=run_id,
        on_start=lambda run: heard.append(is_listening(home, run.run_id)),
    )
    assert (result.run_id, result.status, heard) == (run_id, "ok", [True])
    assert recorded(home, "run_started")[0]["run_id"] == str(run_id)
    assert not is_listening(home, run_id)
    assert not send_cancel(home, run_id, reason="too late")


def test_a_home_that_cannot_hold_a_mailbox_does_not_stop_a_run(home: Path) -> None:
    home.mkdir()
    (home / "control").write_text("a file where the folder should be")
    result = run_prompt("Say hello.", settings=load_settings(), model="sim/fast")
    assert result.status == "ok"


def test_a_mailbox_gives_each_answer_once_and_drops_the_rest_at_its_end(home: Path) -> None:
    run_id = uuid4()
    mailbox = Mailbox(home, run_id)
    assert not send_answer(home, run_id, "ab12", answer="yes", by=None), "nobody listens yet"
    mailbox.open()
    assert os.stat(home / "control" / str(run_id)).st_mode & 0o077 == 0
    assert send_answer(home, run_id, "ab12", answer="yes", by="Ada")
    assert mailbox.take_answer("cd34") is None
    assert mailbox.take_answer("ab12") == {"answer": "yes", "by": "Ada"}
    assert mailbox.take_answer("ab12") is None
    mailbox.close()
    assert mailbox.cancel_reason() is None


def test_a_run_asks_the_disk_rarely_however_often_it_is_asked(home: Path) -> None:
    run_id = uuid4()
    mailbox = Mailbox(home, run_id)
    mailbox.open()
    assert mailbox.look_for_cancel() is None
    send_cancel(home, run_id, reason="enough")
    until_s = time.monotonic() + 10 * LOOK_EVERY_S + 10
    looks = [mailbox.look_for_cancel()]
    while looks[-1] is None and time.monotonic() < until_s:
        looks.append(mailbox.look_for_cancel())
    assert looks[-1] == "enough"
    assert len(looks) > 10, "most looks did not touch the disk"
