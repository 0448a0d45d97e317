"""General words of English that the simulated models know. Nothing here is about a sample."""

from typing import Final


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text that are parted by white space."""
    return frozenset(text.split())


STOPWORDS: Final = word_set("""
    a an and are as at be been being but by can could did do does doing done for from had has
    have having he her here hers him his how i if in into is it its itself just me more most my
    no nor not now of off on once only or other our out over own per please s same shall she
    should so some such t than that the their them then there these they this those through to
    too under until up upon us very was we were what when where which while who whom whose why
    will with within would you your yours about again all also am any both each few further let
    may might must need use using given following many much one
""")

IMPERATIVES: Final = word_set("""
    act add analyse analyze answer apply ask assign assess avoid base be begin break brief
    calculate call categorise categorize check choose cite classify collect combine compare
    complete compose compute consider convert count create critique decide define describe
    determine do don't draft edit ensure estimate evaluate examine explain extract fill find fix
    focus follow format gather generate give group identify ignore improve include inspect
    investigate judge keep label list look make mark mention name never note only order organise
    organize outline pick plan point prefer prepare produce propose provide put quote rank rate
    read refine reply report research respond return review revise rewrite say score search
    select send show sort start state stay stick suggest sum summarise summarize take tell think
    transform translate treat try turn use verify work write
""")
"""Verbs that open an instruction."""

NUMBER_WORDS: Final = {
    word: value
    for value, word in enumerate(
        (
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
}

MONTHS: Final = {
    name: number
    for number, name in enumerate(
        (
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ),
        start=1,
    )
}

NEGATIONS: Final = word_set(
    "not no never none without cannot can't isn't wasn't don't doesn't didn't won't nobody "
    "nothing neither nor false unable"
)

CONCEPTS: Final = tuple(
    word_set(group)
    for group in """
    positive good great excellent love happy pleased wonderful best amazing recommend
    perfect enjoy delighted fantastic impressed thank thanks; negative bad terrible awful
    hate angry disappointed worst poor broken useless horrible refuse waste never slow rude
    frustrated; neutral okay average ordinary fine; billing invoice charge charged refund
    payment pay paid price bill card subscription fee money cost; technical error bug crash
    crashes crashed broken login install update screen loading fails failed software app;
    shipping delivery deliver delivered package parcel courier arrive arrived tracking
    shipment late post; account password profile username email login sign access locked;
    urgent high critical immediately asap emergency outage down production blocked now; low
    minor whenever cosmetic eventually someday typo; sales buy purchase quote demo pricing
    order upgrade; complaint complain unacceptable disappointed angry unhappy dissatisfied;
    question ask wonder how what when where information; cancel cancellation cancelled
    terminate stop unsubscribe; return exchange refund send back replacement damaged; sports
    match team goal player league win score coach; politics election government minister
    parliament vote law president policy; science research study scientist laboratory
    experiment physics biology discovery; business market company profit shares revenue
    investor stock economy; health doctor patient hospital medicine disease treatment
    illness; technology software computer chip internet phone digital device; travel flight
    hotel trip airport booking holiday passenger; food restaurant recipe cook meal taste
    dish dinner; feature request wish would like add support suggestion idea; spam winner
    prize click free lottery claim; approve accept approved fine yes pass ready; reject deny
    declined refused fail unacceptable; risk danger threat problem concern uncertainty;
    animal dog cat bird fish mammal
    """.strip().split(";")
)
"""Words that tend to speak of the same thing; used to choose a label for a text."""

RELATED: Final = tuple(
    (word_set(asked), word_set(answers))
    for asked, answers in (
        ("cost costs price expensive", "euros euro dollars cents price"),
        ("benefit benefits advantage", "saves save cheaper lower lowered better reduces instead"),
        ("limit limits drawback risk risks problem", "falls loss mistake noise needs only least"),
        ("perform performance evidence well", "factor survey reached measured average percent"),
        ("compare alternative alternatives", "cheaper than instead beyond another lower higher"),
        ("develop future", "planned replaced expected forecast soon"),
        ("rule rules standard", "law required distance allowed permit"),
        ("know choosing choose", "first needs before worth mistakes decides"),
        ("work works", "moves makes uses turns instead"),
    )
)
"""What is asked, and the words that often stand in an answer to it."""

MEASURES: Final = {
    "height": "high tall", "length": "long", "width": "wide", "depth": "deep", "age": "old",
    "weight": "heavy weighs kg", "duration": "lasts long takes", "distance": "far away",
    "m": "metre metres meter meters", "km": "kilometre kilometres kilometer kilometers",
    "kg": "kilogram kilograms", "s": "second seconds", "min": "minute minutes",
    "h": "hour hours", "eur": "euro euros", "usd": "dollar dollars", "pct": "percent",
}  # fmt: skip
"""How a text says what the name of a number says."""

QUESTION_ASPECTS: Final = (
    "What {be} {topic} and how {do} {they} work?",
    "How much {do} {topic} cost, and what does that depend on?",
    "What are the main benefits and limits of {topic}?",
    "What evidence is there on how well {topic} perform{s} in practice?",
    "How {do} {topic} compare with the alternatives?",
    "What are the risks of {topic}, and how can they be reduced?",
    "What should somebody know before choosing {topic}?",
    "Who uses {topic} today, and what have they learned?",
    "How {be} {topic} likely to develop in the next years?",
    "Which rules and standards apply to {topic}?",
)
"""Questions that can be asked about any topic; `{s}` is the verb's ending."""
