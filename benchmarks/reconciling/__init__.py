"""A shop of any size through the engine: the first sync, the nightly one, and those of few changes."""
