"""The crawler: fetches packages of a Hex repository into the archive store."""
