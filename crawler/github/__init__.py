"""GitHub: what to search for, how its API is asked, and how a search is read completely."""
