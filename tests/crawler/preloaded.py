# ruff: noqa: F401
"""What every crawl imports, except the settings, which read the environment.

Scrapy imports its components as the crawl begins, which took three fifths of a small crawl's time.
"""

import sys

import scrapy.cmdline
from scrapy.settings import default_settings
from scrapy.utils.misc import load_object, walk_modules_iter

import crawler.commands.crawl
import crawler.patience
import crawler.pipelines
import crawler.progress
import crawler.spiders.github
import crawler.spiders.hex
from corpus.licenses import LicensePolicy, judge_declaration

for name, value in vars(default_settings).items():
    if name.endswith("_BASE") and isinstance(value, dict):
        for component in (*value.keys(), *value.values()):
            if isinstance(component, str) and component.startswith("scrapy."):
                load_object(component)
    elif isinstance(value, str) and value.startswith("scrapy."):
        load_object(value)

list(walk_modules_iter("scrapy.commands"))
judge_declaration(("MIT",), LicensePolicy())  # reads the lists of licences

assert "twisted.internet.reactor" not in sys.modules  # a crawl installs its own
