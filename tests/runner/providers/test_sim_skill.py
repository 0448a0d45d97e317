"""The three models differ in skill: shown on small tasks whose answers can be checked."""

import json
from collections.abc import Callable
from typing import Any

from secondtake.runner.providers.sim.brain import answer
from secondtake.runner.tools.calculator import calculator

CALCULATOR = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Compute an expression.",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
    },
}
PLACES = (
    ("Arna", 412, 1871, "copper", "Ilse Brandt"),
    ("Borek", 3950, 1642, "salt", "Tomas Vidal"),
    ("Calden", 128, 1903, "timber", "Ada Moreau"),
    ("Dusk Bay", 7714, 1580, "herring", "Niko Salo"),
    ("Elmstead", 2261, 1799, "wool", "Rosa Lindt"),
    ("Fjellby", 655, 1726, "slate", "Per Haugen"),
    ("Garrow", 9080, 1455, "wine", "Lena Ortiz"),
    ("Hulm", 1347, 1838, "coal", "Jan Kowal"),
)
GAZETTEER = "\n".join(
    f"- The town of {name} has {people} inhabitants. {name} was founded in {year}. The trade of "
    f"{name} is {trade}. The mayor of {name} is {mayor}."
    for name, people, year, trade, mayor in PLACES
)
TICKETS = (
    ("The app crashes with an error whenever I open the login screen.", "technical"),
    ("I was charged twice, please refund the second payment on my card.", "billing"),
    ("My parcel has not arrived and the courier lost the package.", "shipping"),
    ("After the update the software fails with a bug on every screen.", "technical"),
    ("The invoice shows a fee that I never agreed to pay.", "billing"),
    ("The delivery is late and the tracking page shows nothing.", "shipping"),
)
SUMS = (("17% of 4,350", 739.5), ("384 * 27", 10368), ("9801 / 99", 99), ("1250 plus 19 percent", 1487.5),
        ("(48 + 77) * 36", 4500), ("the sum of 118, 264 and 951", 1333))  # fmt: skip
ROWS = (("15, 4, 92, 38, 61", "4, 15, 38, 61, 92"), ("pear, fig, apple, kiwi", "apple, fig, kiwi, pear"),
        ("2024-03-01, 2021-12-24, 2023-07-08", "2021-12-24, 2023-07-08, 2024-03-01"),
        ("7.5, 7.05, 0.75, 75", "0.75, 7.05, 7.5, 75"))  # fmt: skip
INVOICE = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "description": "Number of the invoice."},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
    },
    "required": ["number", "date", "total"],
}


def plain(model: str, prompt: str, **parameters: Any) -> str:
    messages = [{"role": "user", "content": prompt}]
    given_answer = answer(model=model, messages=messages, parameters=parameters)
    return given_answer.choices[0].text or ""


def with_calculator(model: str, prompt: str) -> str:
    """Ask with a calculator at hand; it is a right one."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    for _ in range(5):
        choice = answer(model=model, messages=messages, tools=[CALCULATOR]).choices[0]
        if not choice.calls:
            return choice.text or ""
        for call in choice.calls:
            function = {"name": call.name, "arguments": call.arguments}
            wire = {"id": call.id, "type": "function", "function": function}
            result = calculator(**json.loads(call.arguments))
            messages.append({"role": "assistant", "content": None, "tool_calls": [wire]})
            messages.append({"role": "tool", "tool_call_id": call.id, "content": str(result)})
    raise AssertionError("the loop does not end")


Task = tuple[str, Callable[[str], bool]]
"""What is to be done, and whether a model does it."""


def sum_task(text: str, value: float) -> Task:
    def solves(model: str) -> bool:
        return with_calculator(model, f"What is {text}?").endswith(f"= {value:g}.")

    return f"sum: {text}", solves


def lookup_task(question: str, wanted: str) -> Task:
    prompt = f"Notes:\n{GAZETTEER}\n\nQuestion: {question}"
    return question, lambda model: wanted in plain(model, prompt)


def label_task(text: str, label: str) -> Task:
    asked = "Classify the ticket as billing, technical or shipping. Label only."
    prompt = f"{asked}\n\nTicket: {text}"
    return f"label: {text}", lambda model: plain(model, prompt).split()[0] == label


def order_task(items: str, wanted: str) -> Task:
    prompt = f"Sort these in ascending order: {items}"
    return f"order: {items}", lambda model: plain(model, prompt) == wanted


def extraction_task(number: int) -> Task:
    wanted = {
        "number": f"{2000 + number}-{71 + number}",
        "date": f"2025-0{number + 1}-14",
        "total": number * 100 + 40.25,
    }
    text = f"Invoice {wanted['number']}. Date: {wanted['date']}. Total: {wanted['total']} EUR"
    return text, lambda model: extracted(model, text) == wanted


def tasks() -> list[Task]:
    made = [sum_task(text, value) for text, value in SUMS]
    for name, people, year, trade, mayor in PLACES:
        made.append(lookup_task(f"How many inhabitants does {name} have?", str(people)))
        made.append(lookup_task(f"When was {name} founded?", str(year)))
        made.append(lookup_task(f"Who is the mayor of {name}?", mayor))
        made.append(lookup_task(f"What is the trade of {name}?", trade))
    made += [label_task(text, label) for text, label in TICKETS]
    made += [order_task(items, wanted) for items, wanted in ROWS]
    made += [extraction_task(number) for number in range(4)]
    return made


def extracted(model: str, text: str) -> Any:
    form = {"type": "json_schema", "json_schema": {"name": "invoice", "schema": INVOICE}}
    try:
        return json.loads(plain(model, f"Extract the fields.\n\n{text}", response_format=form))
    except ValueError:
        return None


def test_strong_solves_more_tasks_than_fast_and_fast_more_than_weak(
    record_property: Callable[[str, object], None],
) -> None:
    made = tasks()
    failed = {
        model: [name for name, solves in made if not solves(model)]
        for model in ("strong", "fast", "weak")
    }
    solved = {model: len(made) - len(names) for model, names in failed.items()}
    for model, count in solved.items():
        record_property(f"solved_by_{model}", f"{count}/{len(made)}")
    assert len(made) >= 30
    assert solved["strong"] >= 0.95 * len(made), failed["strong"]
    assert solved["fast"] <= solved["strong"] - 3, solved
    assert solved["weak"] <= solved["fast"] - 3, solved
    assert solved["weak"] >= 0.3 * len(made), failed["weak"]


def test_repeats_with_other_seeds_sometimes_succeed_where_others_fail() -> None:
    """At a temperature above 0 a repeat is a sample, as pass@k needs it."""
    prompt = f"Notes:\n{GAZETTEER}\n\nQuestion: When was Borek founded?"
    right = {"1642" in plain("weak", prompt, temperature=0.7, seed=seed) for seed in range(12)}
    assert right == {True, False}
