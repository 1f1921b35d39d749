"""Gate and report: the checks of a release, and the page that describes it."""
