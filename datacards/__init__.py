"""Tell: the card of a release, rendered and published."""
