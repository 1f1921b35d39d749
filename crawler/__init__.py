"""The crawler: from a Hex repository into the archive store."""
