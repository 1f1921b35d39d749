"""Judge: the suites, the gate and the report of a release."""
