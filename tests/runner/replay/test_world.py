"""What a replay reads of the world beside its calls: memory, the clock, chance."""

from collections.abc import Callable
from pathlib import Path

from tests.support.journal import all_bytes
from tests.support.replaying import assert_exact, ending_of, first_run, recording_of, replay

Steps = Callable[[str], str]

CODE = """
import random, time
from secondtake.runner import ambient, memory

def tell(item):
    time.sleep(random.random() / 100)
    seen = [
        str(ambient.now()), str(ambient.random()), str(ambient.uuid()), str(ambient.uuid()),
        str(ambient.choice(range(1000))), str(time.time_ns() - time.time_ns()),
    ]
    return item + " " + " ".join(seen[:5])

def count(step):
    count = memory.get("count", 0)
    memory.put("count", count + 1)
    return f"{step}: {count} {memory.get('count')} {memory.get('absent', 'nothing')}"
"""
AMBIENT = """\
name: ambient
inputs: {items: {type: "list[string]", default: [a, b, b, c]}}
state: {told: {type: "list[string]", reducer: append}}
nodes: {tell: {kind: python, function: "MODULE:tell", inputs: [item], output: told}}
edges: [{from: START, to: tell, each: items, as: item}, {from: tell, to: END}]
output: told
"""
MEMORY = """\
name: memory
inputs: {step: {type: string, default: first}}
state: {told: {type: "list[string]", reducer: append}}
nodes: {count: {kind: python, function: "MODULE:count", inputs: [step], output: told, max_visits: 2}}
edges:
  - {from: START, to: count}
  - {from: count, to: count, when: visits.count < 2}
  - {from: count, to: END, otherwise: true}
output: told
"""


def test_clock_chance_and_uuids_are_those_of_the_source_in_each_branch(
    home: Path, steps: Steps
) -> None:
    source = first_run(home, AMBIENT.replace("MODULE", steps(CODE)))
    told = ending_of(source).output
    assert len({line.split(" ", 1)[1] for line in told}) == 4
    for _ in range(10):
        again = replay(source)
        assert_exact(again, calls=0)
        assert again.result.output == told
    again = replay(source)
    new = recording_of(home, again.result.run_id)
    assert len(new.ambient_reads) == len(source.ambient_reads) == 4 * 5


def test_memory_is_read_as_it_was_and_never_written(home: Path, steps: Steps) -> None:
    text = MEMORY.replace("MODULE", steps(CODE))
    first = first_run(home, text)
    assert ending_of(first).output == ["first: 0 1 nothing", "first: 1 2 nothing"]
    second = first_run(home, text)
    assert ending_of(second).output == ["first: 2 3 nothing", "first: 3 4 nothing"]

    before = all_bytes(home / "memory")
    for source in (first, second, first):
        again = replay(source)
        assert_exact(again, calls=0)
        assert again.result.output == ending_of(source).output
    assert all_bytes(home / "memory") == before


def test_a_changed_replay_sees_what_it_wrote_itself(home: Path, steps: Steps) -> None:
    source = first_run(home, MEMORY.replace("MODULE", steps(CODE)))
    before = all_bytes(home / "memory")
    again = replay(source, "edges.1.when=visits.count < 1", "inputs.step=again")
    assert again.result.output == ["again: 0 1 nothing"]
    more = replay(source, "nodes.count.max_visits=4", "edges.1.when=visits.count < 4")
    assert more.result.output == [
        "first: 0 1 nothing", "first: 1 2 nothing", "first: 2 3 nothing", "first: 3 4 nothing",
    ]  # fmt: skip
    assert all_bytes(home / "memory") == before
