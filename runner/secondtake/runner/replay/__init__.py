"""Executing a run again from its recording: what is unchanged is answered, the rest is asked."""
