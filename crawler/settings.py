"""Settings of the Scrapy project: low request rates for hex.pm by default, and no open port.

The repository and the store are set in the environment or with `-s NAME=VALUE`, which has
precedence. `crawler.arguments.DEFAULTS` lists these settings, and docs/how-to/crawl.md explains
them.
"""

BOT_NAME = "elixir-corpus"
SPIDER_MODULES = ["crawler.spiders"]
NEWSPIDER_MODULE = "crawler.spiders"
COMMANDS_MODULE = "crawler.commands"

# A repository is crawled through the addresses that its specification gives to clients, as mix and
# rebar3 and every mirror do; robots.txt is for crawlers that follow links.
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

# How often and how long to wait: crawler/patience.py repeats requests and pauses hosts.
DOWNLOAD_TIMEOUT = 120
RETRY_ENABLED = False
RETRY_TIMES = 3
RETRY_WAIT = 1.0
RATE_LIMIT_TIMES = 8
RATE_LIMIT_FIRST_WAIT = 5.0
RATE_LIMIT_LONGEST_WAIT = 900.0
RATE_LIMIT_ADDRESSES = 5
GONE_AFTER_DAYS = 30.0

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

# No remote control: it opens no port, and its code is not loaded.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

ITEM_PIPELINES = {
    "crawler.pipelines.ChecksumPipeline": 100,
    "crawler.pipelines.LicensePipeline": 200,
    "crawler.pipelines.OptOutPipeline": 250,
    "crawler.pipelines.StorePipeline": 300,
    "crawler.pipelines.LedgerPipeline": 400,
}
EXTENSIONS = {
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.remote_control.RemoteControl": None,
    "scrapy.extensions.logstats.LogStats": None,
    "crawler.progress.CrawlProgress": 500,
}

PROGRESS_BAR = False
"""Whether a crawl may show a progress bar; `scrapy crawl` does. A script may run several crawls at
once, so each writes a line to the log every LOGSTATS_INTERVAL seconds.
"""
LOG_LEVEL = "INFO"
LOG_VERSIONS: list[str] = []
STATS_DUMP = False
