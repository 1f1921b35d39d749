"""A small Hex repository that ships with the project, and the main job run on it."""
