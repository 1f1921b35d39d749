"""The gate and the report of a release."""
