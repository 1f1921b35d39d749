"""Decontamination: documents that hold a problem of a benchmark are left out of a release."""
