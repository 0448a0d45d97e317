"""Judges and compares runs. Pure: no database, no server."""
