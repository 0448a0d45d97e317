"""Records and executes one run. Imports nothing of the other rooms."""
