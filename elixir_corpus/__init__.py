"""The main job as a function for notebooks, and every command of the project under one name."""

from elixir_corpus.pipeline import Built, build_release

__all__ = ["Built", "build_release"]
