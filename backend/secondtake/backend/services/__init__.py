"""What can be asked of the store: typed functions, request in, answer out."""
