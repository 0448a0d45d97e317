"""Where prices come from, and the immutable snapshots that calls are priced from."""
