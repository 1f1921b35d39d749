"""What becomes of a fetched tarball: checksum, licence, store, ledger."""
