"""Pretraining contexts: the files of a package in order, with the interfaces that they build on."""
