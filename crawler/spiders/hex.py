"""Fetches the packages that the signed registry of a Hex repository lists.

    scrapy crawl hex                                         all of hex.pm, latest versions
    scrapy crawl hex -a packages=plug,ecto -a versions=3
    scrapy crawl hex -a limit=100 -a versions=all -a retired=yes

`/versions` lists every package with its versions, and `/names` the time of its last change.
Packages that an earlier crawl settled in that state are skipped. For the others `/packages/NAME`
gives the checksums, and wanted releases that are not in the store are fetched, also if a version
was published again with other bytes. docs/how-to/crawl.md has the details.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from corpus.errors import CorpusError
from corpus.optout.removals import origin, reject_by
from corpus.reasons import Reason, Reject, Stage
from corpus.store import Archive, ArchiveStore
from crawler.archive_spider import ArchiveSpider
from crawler.arguments import DEFAULTS, read_order, read_repository
from crawler.closing import UNWRITABLE, Closing, advice
from crawler.failures import NOT_MODIFIED, explain, what_now
from crawler.items import NO_DETAILS, SOURCE, PackageDetails, Refusal, Tarball, Wanted, refuse
from crawler.ledger import Ledger, terms
from crawler.license_lookup import LicenseLookup
from crawler.memory import RegistryCopy, Settlements, dedicate
from crawler.outcome import Losses
from crawler.patience import Patience, amount, read_limits, request_of
from crawler.plan import PackagePlan, Planner, is_named_well, refuse_unusable
from crawler.registry import (
    BadSignature,
    PackageReleases,
    PackageVersions,
    RegistryError,
    WrongRepository,
    read_names,
    read_package,
    read_versions,
)
from crawler.resources import RegistryResources, access_meta

FIRST = 10
"""Priority of tarballs: a package is finished before the next one is started."""

Output = Iterator[Request | Refusal | Tarball]
Value = TypeVar("Value")


class HexSpider(ArchiveSpider):
    """Crawls one Hex repository; see the module docstring.

    Stats: `packages/listed`, `packages/settled`, `packages/opened`, `packages/unavailable`,
    `archives/wanted`, `archives/kept`, `archives/updated`, and those of the pipelines.
    """

    name = "hex"
    defaults = DEFAULTS
    things = "package", "packages"
    reads = read_order, read_repository

    def open(self, crawler: Crawler) -> None:
        """Set up the state of the crawl; nothing is written yet."""
        self.order = read_order(self.arguments)
        repository = read_repository(crawler.settings)
        memory = repository.store / "registry" / repository.name
        selection = self.order.selection
        self.repository = repository
        self.policy = repository.policy
        self.store = ArchiveStore(repository.store)
        self.resources = RegistryResources(repository, RegistryCopy(memory, repository.address))
        self.planner = Planner(url=repository.address, store=self.store, selection=selection)
        self.ledger = Ledger(
            Settlements(memory / "settled"),
            terms(selection, self.policy),
            self.planner.is_complete,
            gone_after_days=amount("GONE_AFTER_DAYS", crawler.settings),
        )
        self.known: dict[str, Archive] = {}
        """An archive of each package in the store, if owners or repositories have opted out."""
        self.patience = Patience(crawler, read_limits(crawler.settings))
        self.closing = Closing(crawler)
        self.losses = Losses()
        self.details: dict[str, PackageDetails] = {}
        self.stored: dict[str, list[Wanted]] = {}
        """Accounts of packages whose API data may still arrive."""

    async def start(self) -> AsyncIterator[Request]:
        """Claim the store and request the index of versions."""
        self.claim_store(self.repository.address)
        try:
            dedicate(self.repository.store, self.repository.name)
            if self.repository.removals.asks_for_origins:
                self.known = {each.name: each for each in self.store.archives()}
        except CorpusError as error:
            self.end("store_unusable", str(error))
        except OSError as error:
            self.end(UNWRITABLE, advice(error))
        yield self.resources.request(
            "versions", self.read_index, self.patience.or_else(self.index_failed)
        )

    def unfinished(self) -> Iterator[str]:
        """Yield "NAME VERSION" for each release that the crawl began and did not finish."""
        return self.ledger.unfinished()

    # The indexes of versions and of names

    def read_index(self, response: Response) -> Output:
        """Choose the packages to check from the index of versions."""
        decode = partial(read_versions, key=self.repository.key, repository=self.repository.name)
        try:
            listed = self.read("versions", response, decode)
        except RegistryError as error:
            setting = "HEX_MIRROR" if self.repository.mirror else "HEX_REPO_URL"
            self.end(error.reason, f"{response.url}: {error}. {untrusted(error, setting)}")
        yield from self.ask_names(self.choose(listed), response.url, len(listed))

    def ask_names(
        self, chosen: Sequence[PackageVersions], listed_at: str, listed: int
    ) -> Iterator[Request]:
        """Request the index of names, with the times of the packages' last changes."""
        follow = partial(self.look_at, chosen=chosen, listed_at=listed_at, listed=listed)
        yield self.resources.request(
            "names",
            partial(self.read_names, follow=follow),
            self.patience.or_else(partial(self.names_failed, follow=follow)),
        )

    def read_names(self, response: Response, follow: Callable[[], Output]) -> Output:
        """Read the times of the packages' last changes from the index of names."""
        decode = partial(read_names, key=self.repository.key, repository=self.repository.name)
        try:
            self.ledger.changes = self.read("names", response, decode)
        except RegistryError as error:
            self.logger.warning("%s: %s. Every package is asked for.", response.url, error)
        yield from follow()

    def names_failed(self, failure: Failure, follow: Callable[[], Output]) -> Output:
        """Continue without the index of names, which is optional."""
        said = explain(failure).detail
        self.logger.info("%s: %s. Every package is asked for.", request_of(failure).url, said)
        return follow()

    def look_at(self, chosen: Sequence[PackageVersions], listed_at: str, listed: int) -> Output:
        """Check the packages that changed since an earlier crawl."""
        unusable = list(refuse_unusable(chosen, self.order.selection, listed_at))
        named_well = list(filter(is_named_well, chosen))
        removed = {each.name: self.opted_out(each.name, NO_DETAILS) for each in named_well}
        usable = [package for package in named_well if removed[package.name] is None]
        unsettled, doubtful = [], []
        for package in usable:
            if not self.ledger.is_settled(package):
                unsettled.append(package)
            elif self.may_be_published_again(package):
                doubtful.append(package)
        self.count("packages/listed", len(chosen))
        self.count("packages/settled", len(usable) - len(unsettled) - len(doubtful))
        self.count("packages/unusable", len(chosen) - len(named_well))
        self.count("archives/wanted", len(unusable))
        yield from unusable
        for package in named_well:
            why = removed[package.name]
            if why is not None and not self.ledger.is_settled(package):
                yield from self.refuse(package, why)
        yield from (self.package_request(package, is_settled=True) for package in doubtful)
        yield from self.look_up(unsettled, listed)

    def may_be_published_again(self, package: PackageVersions) -> bool:
        """Return whether a settled package may have other bytes under an old version."""
        if self.ledger.is_unchanged(package.name):
            return False
        return bool(self.ledger.refused(package.name)) or self.planner.is_of_interest(package)

    def index_failed(self, failure: Failure) -> Output:
        """End the crawl: it cannot continue without the index.

        It is a generator, because Scrapy prints a traceback if an errback raises, and none if the
        returned generator does.
        """
        yield from ()
        self.end("registry_unavailable", what_now(failure))

    def choose(self, listed: Sequence[PackageVersions]) -> list[PackageVersions]:
        """Choose the packages that the user asked for, in the order of the registry."""
        names = self.order.packages
        unknown = sorted(set(names or ()) - {package.name for package in listed})
        if unknown:
            self.end(
                "unknown_packages",
                f"Not in the registry: {', '.join(unknown)}. Check the spelling, including "
                "capital letters, or look for the package on the repository's page.",
            )
        chosen = [package for package in listed if names is None or package.name in names]
        return chosen[: self.order.limit]

    def look_up(self, packages: Sequence[PackageVersions], listed: int) -> Output:
        """Request the licences of packages if that can avoid downloads, else the releases.

        The API knows the licence of a package's latest release only.
        """
        if self.repository.api_url is None:
            yield from map(self.package_request, packages)
            return
        takes_newest = self.order.selection.takes_newest
        newest = [each for each in packages if takes_newest(each.versions, each.retired)]
        lookup = LicenseLookup(
            api_url=self.repository.api_url,
            policy=self.policy,
            proceed=self.package_request,
            refuse=self.refuse,
            describe=self.describe,
            later=self.patience.later,
            opted_out=self.opted_out,
            token=self.repository.api_token,
        )
        yield from lookup.ask(newest, listed)
        named = {package.name for package in newest}
        yield from map(self.package_request, (each for each in packages if each.name not in named))

    def opted_out(self, name: str, details: PackageDetails) -> Reject | None:
        """Return why a package is not fetched whose author opted out, as far as that is known.

        Owners and links are those of the API, or of an archive that is in the store already.
        """
        known = self.known.get(name)
        owners = details.owners or (known.owners if known else None)
        links = details.links or (known.links if known else ())
        entries = self.repository.removals.of_archive(origin(SOURCE, name, owners, links))
        return reject_by(entries) if entries else None

    # One package

    def package_request(self, package: PackageVersions, *, is_settled: bool = False) -> Request:
        """Request the releases of a package."""
        return self.resources.request(
            f"packages/{package.name}",
            self.read_package,
            self.patience.or_else(self.package_failed),
            listed=package,
            is_settled=is_settled,
        )

    def describe(self, name: str, details: PackageDetails) -> None:
        """Keep the API data of a package, and update the rows of stored archives."""
        self.details[name] = details
        try:
            for wanted in self.stored.pop(name, []):
                self.planner.update(wanted, details)
        except OSError as error:
            self.end(UNWRITABLE, advice(error))

    def read_package(self, response: Response, listed: PackageVersions, is_settled: bool) -> Output:
        """Fetch the wanted releases of a package that are not stored yet."""
        decode = partial(
            read_package,
            key=self.repository.key,
            repository=self.repository.name,
            name=listed.name,
        )
        try:
            package = self.read(f"packages/{listed.name}", response, decode)
        except RegistryError as error:
            why = Reject(Stage.CRAWL, error.reason, f"{response.url}: {error}")
            yield from self.package_unavailable(listed, why, is_settled)
            return
        plan = self.planner.plan(package, self.ledger.refused(listed.name))
        # A killed crawl may have stored the entry without the releases that it lists.
        if is_settled and response.status == NOT_MODIFIED and self.planner.is_dealt_with(plan):
            self.unchanged(listed.name, plan)
            return
        plan.refuse.extend(self.planner.lacking(listed, package))
        self.begin(listed, package, plan)
        yield from plan.refuse
        yield from map(self.tarball_request, plan.fetch)

    def unchanged(self, name: str, plan: PackagePlan) -> None:
        """Record that a settled package is unchanged."""
        details = self.details.get(name, NO_DETAILS)
        try:
            updated = sum(self.planner.update(each, details) for each in plan.stored)
            self.count("archives/updated", updated)
            self.ledger.renew(name)
        except OSError as error:
            self.end(UNWRITABLE, advice(error))
        self.count("packages/settled")

    def begin(self, listed: PackageVersions, package: PackageReleases, plan: PackagePlan) -> None:
        """Enter a package in the ledger and update the rows of stored archives.

        If the package's entry lacks a version of the index, a cache served an old copy, and the
        next crawl checks again.
        """
        pending: dict[str, str | None] = {each.version: None for each in plan.refuse}
        pending |= {each.version: each.release.outer_checksum for each in plan.fetch}
        is_sound = {each.version for each in package.releases} >= set(listed.versions)
        details = self.details.get(listed.name, NO_DETAILS)
        if self.repository.api_url and listed.name not in self.details:
            self.stored[listed.name] = plan.stored + plan.fetch
        try:
            updated = sum(self.planner.update(each, details) for each in plan.stored)
            self.count("archives/updated", updated)
            self.ledger.open(listed, pending, plan.still_refused, is_sound=is_sound)
        except OSError as error:
            self.end(UNWRITABLE, advice(error))
        self.count("packages/opened")
        self.count("archives/wanted", len(pending))
        self.count("archives/kept", len(plan.stored) + len(plan.still_refused))

    def package_failed(self, failure: Failure) -> Output:
        """Refuse the wanted releases of a package whose registry entry cannot be read."""
        self.heed(failure)
        said = explain(failure)
        why = replace(said, detail=f"{request_of(failure).url}: {said.detail}")
        known = request_of(failure).cb_kwargs
        yield from self.package_unavailable(known["listed"], why, known["is_settled"])

    def package_unavailable(
        self, listed: PackageVersions, reject: Reject, is_settled: bool
    ) -> Iterator[Refusal]:
        """Refuse the wanted releases of a package that are not stored.

        Releases settled by an earlier crawl stay settled, and the next crawl checks again.
        """
        if reject.reason is not Reason.GONE:
            self.count("packages/unavailable")
        if is_settled or not self.planner.missing(listed):
            self.losses.unread.append(listed.name)
            self.logger.info("%s: %s: %s", listed.name, reject.reason, reject.detail)
        if not is_settled:
            yield from self.refuse(listed, reject)

    def refuse(self, listed: PackageVersions, reject: Reject) -> Iterator[Refusal]:
        """Refuse the wanted releases of a package, as listed in the index of versions.

        Without the package's entry no refusal is permanent, unless it has been missing for long.
        """
        missing = self.planner.missing(listed)
        try:
            is_sound = reject.stage is not Stage.CRAWL or reject.reason is Reason.GONE
            self.ledger.open(listed, dict.fromkeys(missing), is_sound=is_sound)
        except OSError as error:
            self.end(UNWRITABLE, advice(error))
        self.count("packages/opened")
        self.count("archives/wanted", len(missing))
        for version in missing:
            yield Refusal(
                name=listed.name,
                version=version,
                url=self.planner.tarball_url(listed.name, version),
                reject=reject,
            )

    # One tarball

    def tarball_request(self, wanted: Wanted) -> Request:
        """Request a tarball."""
        return Request(
            wanted.url,
            callback=self.read_tarball,
            errback=self.patience.or_else(self.tarball_failed),
            headers=self.repository.headers,
            cb_kwargs={"wanted": wanted},
            meta=access_meta(self.repository),
            dont_filter=True,
            priority=FIRST,
        )

    def read_tarball(self, response: Response, wanted: Wanted) -> Output:
        """Pass a tarball to the pipelines."""
        assert response.request
        yield Tarball(wanted=wanted, body=response.body, request=response.request)

    def tarball_failed(self, failure: Failure) -> Output:
        """Refuse a release whose tarball cannot be fetched."""
        self.heed(failure)
        yield refuse(request_of(failure).cb_kwargs["wanted"], explain(failure))

    # The crawl

    def read(self, path: str, response: Response, decode: Callable[[bytes], Value]) -> Value:
        """Read a resource of the registry. Raises RegistryError."""
        try:
            return self.resources.read(path, response, decode)
        except OSError as error:
            self.end(UNWRITABLE, advice(error))


def untrusted(error: RegistryError, setting: str) -> str:
    """Return what to check if an index cannot be used; `setting` has its address."""
    match error:
        case BadSignature():
            return f"Check {setting}, and HEX_PUBLIC_KEY if the repository is not hex.pm's."
        case WrongRepository():
            return f"Check HEX_REPOSITORY_NAME and {setting}."
        case _:
            return f"Check {setting}; behind a proxy or a sign-in page, check the network."
