"""Behaviours of modules: what `use` sets, followed through a package and its requirements."""
