"""Scrapy commands of this project; `crawl` replaces Scrapy's own of that name."""
