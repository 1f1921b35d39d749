"""One spider a source of archives."""
