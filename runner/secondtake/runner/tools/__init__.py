"""Tools that models may call: typed Python functions, and the ones that are built in."""
