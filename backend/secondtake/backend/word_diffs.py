"""Two texts compared by word, for every place that shows them: command line, file and studio."""

from secondtake.backend.models.diffs import TextDiff


def diff_words(a: str, b: str) -> TextDiff:
    """Return how two texts differ; pieces by line where words would take too long.

    Args:
        a: the text of the baseline.
        b: the text of the candidate.
    """
    from secondtake.evals.diffs.texts import compare_texts

    return compare_texts(a, b)
