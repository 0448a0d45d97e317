"""The difference of two runs, as it is answered: the model of `secondtake.evals`."""

# ruff: noqa: PLC0414 - passed on, since the studio may not import the evals

from secondtake.evals.diffs.model import Change as Change
from secondtake.evals.diffs.model import DiffSide as DiffSide
from secondtake.evals.diffs.model import Field as Field
from secondtake.evals.diffs.model import Operation as Operation
from secondtake.evals.diffs.model import RunDiff as RunDiff
from secondtake.evals.diffs.model import Step as Step
from secondtake.evals.diffs.model import StepEdit as StepEdit
from secondtake.evals.diffs.model import StepKind as StepKind
from secondtake.evals.diffs.model import TextDiff as TextDiff
from secondtake.evals.diffs.model import WordPiece as WordPiece
