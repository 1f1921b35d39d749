"""Turns a release into a model that writes better Elixir: QLoRA, evaluation, export."""
