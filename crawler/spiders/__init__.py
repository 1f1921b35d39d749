"""One spider per source of archives."""
