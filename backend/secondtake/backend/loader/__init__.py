"""Loads the journal into the store: files, seals, bad lines; the SQL is in `store`."""

from secondtake.backend.loader.pending import LoadReport as LoadReport
from secondtake.backend.loader.pending import load_pending as load_pending
