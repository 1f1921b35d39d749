"""The training loop: steps of a stage, their distribution, and what survives a kill."""
