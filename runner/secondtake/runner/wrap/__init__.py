"""`secondtake wrap`: an unmodified program, in whatever language, recorded at the wire."""
