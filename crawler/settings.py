"""Settings of the Scrapy project: polite to hex.pm by default, and nothing listens on a port.

The HEX_ settings, ARCHIVE_STORE, PERMITTED_LICENSES and CRAWLER_CONTACT may come from the
environment; what is given with `-s NAME=VALUE` goes before it.
"""

from os import environ
from pathlib import Path

from crawler.contact import user_agent

BOT_NAME = "elixir-corpus"
SPIDER_MODULES = ["crawler.spiders"]
NEWSPIDER_MODULE = "crawler.spiders"
COMMANDS_MODULE = "crawler.commands"

# What is crawled, and where it goes.
HEX_REPO_URL = environ.get("HEX_REPO_URL", "https://repo.hex.pm")
HEX_API_URL = environ.get("HEX_API_URL")
"""The JSON API that is asked for licences before anything is fetched; "" asks none. Left out, it
is hex.pm's own for hex.pm's repository and none for any other."""
HEX_PUBLIC_KEY = environ.get(
    "HEX_PUBLIC_KEY", str(Path(__file__).with_name("hex_pm_public_key.pem"))
)
HEX_REPOSITORY_NAME = environ.get("HEX_REPOSITORY_NAME", "hexpm")
ARCHIVE_STORE = environ.get("ARCHIVE_STORE", "archives")
PERMITTED_LICENSES = environ.get("PERMITTED_LICENSES", "")
"""SPDX ids to fetch besides the permissive ones, with commas between them. A build judges again,
by its own configuration."""

# Who we are. A repository is crawled through the addresses that its specification gives to
# clients, as mix and rebar3 and every mirror do; robots.txt speaks to those who follow links.
CRAWLER_CONTACT = environ.get("CRAWLER_CONTACT", "")
USER_AGENT = user_agent(CRAWLER_CONTACT)
"""Of other commands than crawl; the spider makes its own, of the contact given with -s too."""
ROBOTSTXT_OBEY = False

# How fast. repo.hex.pm is a CDN, so a few requests at a time do no harm. The API admits a hundred
# requests a minute from one address, hence one at a time and 0.7 s apart. The delay must not be 0:
# without one, Scrapy 2.19 starts all that is queued for a host before it counts.
CONCURRENT_REQUESTS = 8
CONCURRENT_REQUESTS_PER_DOMAIN = 4
DOWNLOAD_DELAY = 0.1
DOWNLOAD_SLOTS = {"hex-api": {"concurrency": 1, "delay": 0.7, "jitter": 0}}
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 0.5
AUTOTHROTTLE_TARGET_CONCURRENCY = 2.0

# How patient. Statuses 429 and 503 belong to RateLimitMiddleware, which knows how long to wait.
DOWNLOAD_TIMEOUT = 120
RETRY_TIMES = 3
RETRY_HTTP_CODES = [500, 502, 504, 522, 524, 408]
RETRY_GIVE_UP_LOG_LEVEL = "INFO"
RATE_LIMIT_TIMES = 8
RATE_LIMIT_FIRST_WAIT = 5.0
RATE_LIMIT_LONGEST_WAIT = 900.0

# How much. 16 MiB is the reference's limit for a tarball.
DOWNLOAD_MAXSIZE = 16 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0

# Certificates are checked (Scrapy's default is not to). A digest is over the bytes as sent, so
# nothing decodes or redirects by content.
DOWNLOAD_VERIFY_CERTIFICATES = True
COMPRESSION_ENABLED = False
METAREFRESH_ENABLED = False
COOKIES_ENABLED = False
REFERRER_POLICY = "no-referrer"

# No doors: neither opened nor loaded.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# The archive store is the cache, and registry resources are asked for conditionally. For those
# who try things, HTTPCACHE_ENABLED=1 keeps tarballs as HTTP allows; one that fails its checksum
# is evicted.
HTTPCACHE_ENABLED = False
HTTPCACHE_POLICY = "scrapy.extensions.httpcache.RFC2616Policy"
HTTPCACHE_STORAGE = "crawler.http_cache.EvictingCacheStorage"

DOWNLOADER_MIDDLEWARES = {"crawler.rate_limits.RateLimitMiddleware": 950}
ITEM_PIPELINES = {
    "crawler.pipelines.checksum.ChecksumPipeline": 100,
    "crawler.pipelines.license.LicensePipeline": 200,
    "crawler.pipelines.store.StorePipeline": 300,
    "crawler.pipelines.ledger.LedgerPipeline": 400,
}
EXTENSIONS = {
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.remote_control.RemoteControl": None,
    "scrapy.extensions.logstats.LogStats": None,
    "crawler.progress.CrawlProgress": 500,
}

LOG_LEVEL = "INFO"
LOG_VERSIONS: list[str] = []
STATS_DUMP = False
