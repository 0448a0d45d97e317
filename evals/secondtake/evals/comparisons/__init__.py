"""Several models on the same inputs: how often they agree, what they cost, how long they take."""
