"""Second: does the tarball declare a licence under which we may keep it?"""

from typing import Self

from scrapy.crawler import Crawler

from corpus.licenses import LicensePolicy, judge_declaration
from corpus.reasons import Reason, Reject, Stage
from corpus.sources import ArchiveError, HexMetadata, open_hex_tarball
from crawler.arguments import read_policy
from crawler.failures import licensing
from crawler.items import Described, Item, Tarball, Wanted, refuse


class LicensePipeline:
    """Reads a tarball's own metadata and lets pass what its declaration does not rule out.

    A declaration that is absent or cannot be read passes: the licence texts may settle it later.
    """

    def __init__(self, policy: LicensePolicy | None = None) -> None:
        self.policy = policy or LicensePolicy()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Take the policy from the settings."""
        return cls(read_policy(crawler.settings))

    def process_item(self, item: Item) -> Item:
        """Return the tarball with its metadata, or a refusal."""
        if not isinstance(item, Tarball):
            return item
        wanted = item.wanted
        try:
            metadata = open_hex_tarball(item.body).metadata
        except ArchiveError as error:
            return refuse(wanted, error.reject)
        if contradiction := mislabelled(wanted, metadata):
            why = Reject(Stage.UNPACK, Reason.MALFORMED_METADATA, contradiction)
            return refuse(wanted, why)
        verdict = judge_declaration(metadata.licenses, self.policy)
        if verdict.reason:
            return refuse(wanted, Reject(Stage.LICENSE, verdict.reason, licensing(verdict)))
        return Described(wanted=wanted, body=item.body, metadata=metadata)


def mislabelled(wanted: Wanted, metadata: HexMetadata) -> str | None:
    """Say how a tarball contradicts the registry about what it is, if it does."""
    if (metadata.name, metadata.version) == (wanted.name, wanted.version):
        return None
    return f"the tarball calls itself {metadata.name} {metadata.version}"
