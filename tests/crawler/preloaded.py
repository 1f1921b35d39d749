# ruff: noqa: F401
"""What every crawl imports, except the settings, which read the environment."""

import scrapy.cmdline
import scrapy.core.downloader.handlers.http11
import scrapy.downloadermiddlewares.cookies
import scrapy.downloadermiddlewares.offsite
import scrapy.downloadermiddlewares.robotstxt
import scrapy.extensions.feedexport
import scrapy.extensions.throttle

import crawler.commands.crawl
import crawler.patience
import crawler.pipelines.checksum
import crawler.pipelines.ledger
import crawler.pipelines.license
import crawler.pipelines.store
import crawler.progress
import crawler.spiders.hex
