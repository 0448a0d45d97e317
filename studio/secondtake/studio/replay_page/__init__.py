"""Parts of the page Replay: a recorded run on the left, what is to be different on the right."""
