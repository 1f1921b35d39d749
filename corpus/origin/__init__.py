"""Where code comes from: the index of a release, and answers from it."""
