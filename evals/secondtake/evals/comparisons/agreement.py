"""How often models give the same answers, in counts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from secondtake.evals.comparisons.model import ComparedRun, Share


class CaseAnswers:
    """The answers of all models to the same inputs."""

    def __init__(self, runs: Iterable[ComparedRun], *, baseline: str) -> None:
        """Sort out the answers; runs without one do not count.

        Args:
            runs: of one case, in any order.
            baseline: the model that the others are compared with.
        """
        self.by_model: Mapping[str, list[str]] = defaultdict(list)
        for run in sorted(runs, key=lambda run: (run.repeat is None, run.repeat or 0)):
            if run.status == "ok" and run.answer_key is not None:
                self.by_model[run.model].append(run.answer_key)
        counts = Counter(key for keys in self.by_model.values() for key in keys)
        self.answer_count = counts.total()
        key, count = counts.most_common(1)[0] if counts else ("", 0)
        # One answer alone is no majority of anything.
        has_majority = self.answer_count > 1 and count * 2 > self.answer_count
        self.majority_key = key if has_majority else None
        self.majority = Share(count=count, of=self.answer_count) if has_majority else None
        self.baseline_key = self.usual(baseline)

    def usual(self, model: str) -> str | None:
        """Return a model's most frequent answer, the earliest of equally frequent ones."""
        keys = self.by_model.get(model)
        # `most_common` keeps the order of first appearance among equals.
        return Counter(keys).most_common(1)[0][0] if keys else None


def like_majority(cases: Iterable[CaseAnswers], model: str) -> Share | None:
    """Return how many of a model's answers are like that of the majority."""
    return _share(
        (case.by_model.get(model, ()), case.majority_key) for case in cases if case.majority_key
    )


def like_baseline(
    cases: Iterable[CaseAnswers], model: str, *, is_baseline: bool = False
) -> Share | None:
    """Return how many of a model's answers are like the baseline's."""
    if is_baseline:
        return like_itself(cases, model)
    return _share(
        (case.by_model.get(model, ()), case.baseline_key) for case in cases if case.baseline_key
    )


def like_itself(cases: Iterable[CaseAnswers], model: str) -> Share | None:
    """Return how many of a model's answers are like its usual one, where it gave several."""
    return _share(
        (keys, case.usual(model)) for case in cases if len(keys := case.by_model.get(model, ())) > 1
    )


def _share(pairs: Iterable[tuple[Sequence[str], str | None]]) -> Share | None:
    count = of = 0
    for keys, wanted in pairs:
        count += sum(key == wanted for key in keys)
        of += len(keys)
    return Share(count=count, of=of) if of else None
