"""The resources of the registry: how they are requested and decoded."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from scrapy import Request
from scrapy.http import Response

from crawler.arguments import Repository
from crawler.memory import RegistryCopy, validators
from crawler.patience import ADDRESS_SETTING, KEY_SETTING, Errback

REGISTRY_LIMIT = 64 * 1024 * 1024
"""Maximum size of a compressed registry resource in bytes; the versions of all of hex.pm take a few
megabytes.
"""

Value = TypeVar("Value")


def access_meta(repository: Repository) -> dict[str, str]:
    """Set in a request's meta the settings for its address and its key.

    A key is never sent to a mirror.
    """
    if repository.mirror:
        return {ADDRESS_SETTING: "HEX_MIRROR"}
    return {ADDRESS_SETTING: "HEX_REPO_URL", KEY_SETTING: "HEX_REPOS_KEY"}


class RegistryResources:
    """The resources under one address, with the stored copy of an earlier crawl."""

    def __init__(self, repository: Repository, copy: RegistryCopy) -> None:
        self.repository = repository
        self.copy = copy

    def request(
        self,
        path: str,
        callback: Callable[..., Iterator[object]],
        errback: Errback,
        **arguments: object,
    ) -> Request:
        """Request a resource, or 304 if the stored copy is current.

        Without a stored copy, 304 is an error.
        """
        conditions = self.copy.conditions(path)
        return Request(
            f"{self.repository.address}/{path}",
            callback=callback,
            errback=errback,
            headers={**conditions, **self.repository.headers},
            cb_kwargs=arguments,
            meta={
                **access_meta(self.repository),
                "download_maxsize": REGISTRY_LIMIT,
                "handle_httpstatus_list": [304] if conditions else [],
            },
            dont_filter=True,
        )

    def read(self, path: str, response: Response, decode: Callable[[bytes], Value]) -> Value:
        """Decode a resource, or the stored copy; store a new, genuine resource.

        Raises what `decode` raises, and OSError.
        """
        if response.status == 304:
            return decode(self.copy.recall(path))
        value = decode(response.body)
        self.copy.keep(path, response.body, validators(response.headers))
        return value
