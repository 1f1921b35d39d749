"""Crawling of GitHub: arguments, API queries, complete search, archives of commits."""
