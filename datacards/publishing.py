"""Publishing a release on the Hub: `main` has a complete release at every moment.

First the files of the release are compared with those in the repository, by digest (`plan`). A
release that fits into one commit is sent as one, which the Hub accepts only if `main` has not
changed since the comparison. A larger one is sent to the branch of a pull request, in several
commits; when the branch has exactly the files of the release, it is merged. At the end everything
is read back and compared again, and the version is tagged (`publish`).

There is no local state between runs. Each run compares again, so a run that was killed at any
moment is resumed by the same command.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from corpus.atomic import sha256_file
from corpus.errors import CorpusError
from corpus.hub import HUB_NAME, Refusal, refusal, token
from corpus.places import is_remote
from corpus.release import (
    ENVELOPE_NAME,
    MANIFEST_NAME,
    STATEMENT_NAME,
    DamagedRelease,
    Release,
    verify,
)
from corpus.untrusted import parse_object
from datacards.render import CARD_NAME
from pages.formats import plural

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

KIND = "dataset"
MAIN = "main"
BESIDE_MANIFEST = (STATEMENT_NAME, ENVELOPE_NAME)
"""Files of a release that its manifest cannot list: itself and its statement."""
OF_THE_HUB = ".gitattributes"
"""The file that the Hub creates in every repository. It selects the large files."""
LARGEST_MANIFEST = 256 << 20
"""Maximum size of a manifest that is read from the Hub; that of 20,000 packages has 7 MB."""


class BadRepository(CorpusError):
    """The name of a repository is invalid."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: the name of a repository on the Hub is OWNER/NAME.")


class NotPublishable(CorpusError):
    """The release has no passing verdict of the gate."""

    def __init__(self, release: Release) -> None:
        gate = release.manifest.gate
        said = f"the gate ended as {gate.outcome}" if gate else "no gate has judged it"
        super().__init__(
            f"{release.path}: {said}, so it is not published. Publish the folder that `python -m "
            "corpus build` printed as release; `python -m quality gate` says what one lacks."
        )


class NotOurs(CorpusError):
    """The repository has other content."""

    def __init__(self, repository: str, files: list[str]) -> None:
        super().__init__(
            f"{repository}: it holds files and no {MANIFEST_NAME} of a release ({_some(files)}). "
            "Nothing was changed. Publish to a repository that is new or holds a release."
        )


class Superseded(CorpusError):
    """The repository has a later version."""

    def __init__(self, repository: str, there: str, version: str) -> None:
        super().__init__(
            f"{repository}: main holds version {there}, which is later than {version}. Nothing was "
            "changed. Build a release with a later version, or take main back on the Hub."
        )


class IsPublic(CorpusError):
    """A private repository was requested, and this one is public."""

    def __init__(self, repository: str) -> None:
        super().__init__(
            f"{repository}: the repository exists and is public, and --private is for a new one. "
            "Nothing was changed. Make it private in its settings on the Hub, or leave the option "
            "out."
        )


class TagTaken(CorpusError):
    """The version is tagged with other content."""

    def __init__(self, repository: str, version: str, differing: list[str]) -> None:
        super().__init__(
            f"{repository}: the tag {version} names other content ({_some(differing)}). A version "
            "is published once. Nothing was changed. Build the release with a new version, or "
            "delete the tag on the Hub if nobody uses it."
        )


class Differs(CorpusError):
    """The files that were read back differ from the release."""

    def __init__(self, repository: str, revision: str, differing: list[str]) -> None:
        super().__init__(
            f"{repository}: {revision} differs from the release in {_some(differing)}. Somebody "
            "else changed it meanwhile, or the Hub stored something else. Run the command again: "
            "it compares anew and sends what differs."
        )


ADVICE = {
    401: "The token is unknown or has expired: make one with permission to write in the Hub's "
    "settings and set HF_TOKEN",
    403: "The token may not do this: use one with permission to write there, or propose the "
    "release with --create-pr",
    404: "The repository does not exist, or this token may not see it: check its name, and whose "
    "token it is",
    409: "Something else is under way there: wait until it has ended",
    412: "Somebody changed the repository meanwhile: what is there will be compared anew",
    413: "It is too large for the Hub, in one piece as well",
    429: "The Hub limits how often it is asked: wait",
}
"""Advice by status."""


class HubRefused(CorpusError):
    """A request to the Hub failed."""

    def __init__(self, repository: str, doing: str, why: Refusal) -> None:
        self.status = why.status
        if why.status is None:
            advice = "See that the Hub can be reached, at HF_ENDPOINT if that is set"
        else:
            fault = "The Hub has a fault: wait" if why.status >= 500 else "See what it says"
            advice = ADVICE.get(why.status, fault)
        if why.retry_after:
            advice += f" ({why.retry_after} s, says the Hub)"
        status = f" (status {why.status})" if why.status else ""
        super().__init__(
            f"{repository}: {doing} failed{status}: {why.message} {advice}. Then run the command "
            "again: what arrived is not sent again, and main is whole meanwhile."
        )


class RefusedCard(CorpusError):
    """The Hub refuses the card's metadata."""

    def __init__(self, card: Path, why: str) -> None:
        super().__init__(
            f"{card}: the Hub refuses the metadata of the card: {why} Nothing was changed. Build "
            "the release again with this version, which writes the card that the Hub asks for."
        )


def _some(names: list[str]) -> str:
    """List a few of many."""
    return ", ".join(sorted(names)[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one commit. A release below them is one commit."""

    files: int = 99
    """Number of added or removed files. The Hub recommends fewer than 100 in a commit (its page
    "Storage limits") and refuses more than 25,000 (huggingface_hub, `create_commit`).
    """
    content: int = 100 << 20
    """Bytes of small files, which are part of the request. Where huggingface_hub splits commits
    itself, it keeps them below 100 MiB (`REGULAR_CONTENT_BYTES_BUDGET`); the Hub refuses 1 GB.
    """

    def halved(self) -> "Limits":
        """Return half of these limits."""
        return Limits(max(1, self.files // 2), max(1, self.content // 2))


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of the release, with the SHA-256 of the manifest, which was checked."""

    place: Path
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in the repository, with the SHA-256 of a large file or the Git id of a small one."""

    bytes: int
    git: str
    sha256: str | None


Tree = Mapping[str, RemoteFile]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The changes after which main has the release."""

    repository: str
    version: str
    identity: str
    card: Path
    files: Mapping[str, LocalFile]
    exists: bool
    """Whether the repository exists."""
    asked: bool
    """Whether the Hub was queried."""
    is_private: bool
    main: Tree = field(default_factory=dict)
    head: str | None = None
    """The commit of main that was compared."""
    listed: frozenset[str] = frozenset()
    """The paths in the manifest on main."""
    replaced: str | None = None
    """The version on main."""
    tagged: str | None = None
    """The commit of the version's tag, which has the release."""

    @cached_property
    def kept(self) -> Tree:
        """Files on main that belong to no release, such as those that the Hub created."""
        return {
            path: file
            for path, file in self.main.items()
            if path == OF_THE_HUB
            or (path not in self.files and path not in self.listed and not path.startswith("data/"))
        }

    @cached_property
    def missing(self) -> list[str]:
        """The files that main lacks or has with other content, the card first."""
        return self.missing_in(self.main)

    @cached_property
    def stale(self) -> list[str]:
        """The files on main to remove."""
        return self.stale_in(self.main)

    def missing_in(self, tree: Tree) -> list[str]:
        """Return the files of the release that a tree lacks or has with other content."""
        missing = [path for path, file in self.files.items() if not same(file, tree.get(path))]
        return sorted(missing, key=lambda path: (path != CARD_NAME, path))

    def stale_in(self, tree: Tree) -> list[str]:
        """Return the files of a tree that are to be removed."""
        return sorted(tree.keys() - self.files.keys() - self.kept.keys())

    def differing_in(self, tree: Tree) -> list[str]:
        """Return all paths in which a tree differs from the release."""
        changed = [path for path, file in self.kept.items() if tree.get(path) != file]
        return [*self.missing_in(tree), *self.stale_in(tree), *changed]

    @property
    def title(self) -> str:
        """The title of the pull request: the version, and the commit of main as its base."""
        return f"Publish {self.version} ({self.identity[:12]}) on {(self.head or '')[:12]}"


@dataclass(frozen=True, slots=True)
class Published:
    """The result of publishing."""

    address: str
    commit: str | None
    """None for a pull request that is not merged yet."""


def same(file: LocalFile, there: RemoteFile | None) -> bool:
    """Return whether a file in the repository has the same content."""
    if there is None or there.bytes != file.bytes:
        return False
    return there.sha256 == file.sha256 if there.sha256 else there.git == git_name(file.place)


def git_name(path: Path) -> str:
    """Return the Git blob id of a file in hexadecimal. Raises OSError."""
    data = path.read_bytes()  # small: the Hub stores files above 10 MB as large files
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def files_of(release: Release) -> dict[str, LocalFile]:
    """Check the files of a release and return them by path.

    Raises NotPublishable without a passing verdict, DamagedRelease.
    """
    manifest = release.manifest
    if manifest.gate is None or manifest.gate.outcome != "passed" or not manifest.artifacts:
        raise NotPublishable(release)
    if problems := verify(release):
        raise DamagedRelease(release, problems)
    listed = [(each.path, each.bytes, each.sha256) for each in manifest.shards]
    listed += [(each.path, each.bytes, each.sha256) for each in manifest.artifacts]
    size = (release.path / MANIFEST_NAME).stat().st_size
    listed.append((MANIFEST_NAME, size, release.identity))
    for name in BESIDE_MANIFEST:
        path = release.path / name
        if path.is_file():
            listed.append((name, path.stat().st_size, sha256_file(path)))
    return {path: LocalFile(release.path / path, size, digest) for path, size, digest in listed}


def plan(folder: Path, repository: str, *, private: bool = False, dry_run: bool = False) -> Plan:
    """Compare a release with a repository, without changing it.

    A dry run needs no token for a public repository, and sends no request if HF_HUB_OFFLINE is set.
    Raises what `files_of` and opening a release raise, NoToken, BadRepository, NotOurs, Superseded,
    IsPublic, TagTaken, RefusedCard and HubRefused.
    """
    from huggingface_hub import constants, get_token

    if not HUB_NAME.fullmatch(repository):
        raise BadRepository(repository)
    release = Release.open(folder)
    known = get_token() if dry_run else token()
    new = Plan(
        repository=repository,
        version=release.manifest.version,
        identity=release.identity,
        card=release.path / CARD_NAME,
        files=files_of(release),
        exists=False,
        asked=not (dry_run and constants.is_offline_mode()),
        is_private=private,
    )
    if not new.asked:
        return new
    hub = Hub(repository, known)
    hub.check_card(new.card)
    return compared(new, hub)


def compared(new: Plan, hub: "Hub") -> Plan:
    """Complete a plan with the content of the repository."""
    found = hub.look()
    if found is None:
        return new
    head, is_private = found
    if new.is_private and not is_private:
        raise IsPublic(new.repository)
    main = hub.tree(head)
    listed, there = frozenset[str](), None
    if MANIFEST_NAME in main:
        told = hub.read(MANIFEST_NAME, head, main[MANIFEST_NAME].bytes)
        listed, there = listed_by(told)
    elif foreign := [path for path in main if path != OF_THE_HUB]:
        raise NotOurs(new.repository, foreign)
    if there is None and MANIFEST_NAME in main:
        raise NotOurs(new.repository, [path for path in main if path != OF_THE_HUB])
    if there and _number(there) > _number(new.version):
        raise Superseded(new.repository, there, new.version)
    tagged = hub.tags().get(new.version)
    if tagged and (differing := new.missing_in(hub.tree(tagged))):
        raise TagTaken(new.repository, new.version, differing)
    return replace(
        new,
        exists=True,
        is_private=is_private,
        main=main,
        head=head,
        listed=listed | {MANIFEST_NAME, *BESIDE_MANIFEST},
        replaced=there,
        tagged=tagged,
    )


def listed_by(manifest: bytes) -> tuple[frozenset[str], str | None]:
    """Return the paths and the version of a manifest on the Hub, None if it is not a manifest.

    Another version of this project may have written it, so only these fields are read.
    """
    try:
        told = parse_object(manifest)
        paths = [str(each["path"]) for each in [*told["shards"], *told["artifacts"]]]
        version = str(told["version"])
        _number(version)
    except (ValueError, KeyError, TypeError):
        return frozenset(), None
    return frozenset(paths), version


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def publish(
    plan: Plan,
    *,
    create_pr: bool = False,
    limits: Limits | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Published:
    """Carry out a plan; `tell` is called with the name of each step.

    With `create_pr` the pull request is left for somebody else to merge. Raises NoToken,
    HubRefused, Differs and TagTaken.
    """
    hub = Hub(plan.repository, token())
    if not plan.exists:
        tell(f"create {plan.repository}")
        hub.create(private=plan.is_private)
        plan = compared(plan, hub)
        if not plan.exists:
            why = Refusal(404, "It was created, and cannot be seen.")
            raise HubRefused(plan.repository, "creating the repository", why)
    if plan.missing or plan.stale:
        bounds = limits or Limits()
        if create_pr:
            return proposed(plan, hub, bounds, tell)
        commit_all(plan, hub, bounds, tell)
    tell("read back")
    head = hub.head(MAIN)
    check(plan, hub, head)
    if plan.tagged is None:
        tell(f"tag {plan.version}")
        tag(plan, hub, head)
    return Published(hub.address, head)


def commit_all(plan: Plan, hub: "Hub", limits: Limits, tell: Callable[[str], None]) -> None:
    """Change main to the release, by one commit if possible."""
    paths = first_part(plan, plan.missing, plan.stale, limits)
    if paths == (plan.missing, plan.stale):
        try:
            tell(f"commit {plural(len(plan.missing), 'file')}, remove {len(plan.stale)}")
            hub.commit(plan, *paths, MAIN, plan.head)
            return
        except HubRefused as error:
            if error.status != 413:
                raise
            limits = limits.halved()
    merge(plan, hub, fill(plan, hub, limits, tell), tell)


def first_part(
    plan: Plan, missing: list[str], stale: list[str], limits: Limits
) -> tuple[list[str], list[str]]:
    """Return the missing files and the files to remove that fit into one commit."""
    held = 0

    def fits(path: str) -> bool:
        nonlocal held
        size = plan.files[path].bytes
        held += 0 if size > SMALL_BYTES or path.endswith(".parquet") else size
        return held <= limits.content

    added = list(takewhile(fits, missing[: limits.files])) or missing[:1]
    return added, stale[: limits.files - len(added)] if added == missing else []


SMALL_BYTES = 10_000_000
"""Size above which the Hub stores a file as a large one; Parquet files always are. They are sent
before the commit.
"""


def fill(plan: Plan, hub: "Hub", limits: Limits, tell: Callable[[str], None]) -> int:
    """Fill the branch of a pull request, or resume one of this release; return its number.

    A commit that the Hub refuses as too large is sent again in halves.
    """
    number = hub.pull_request(plan)
    branch = f"refs/pr/{number}"
    tell(f"fill pull request {number}")
    left = None
    while True:
        head = hub.head(branch)
        tree = hub.tree(head)
        missing, stale = plan.missing_in(tree), plan.stale_in(tree)
        before, left = left, len(missing) + len(stale)
        if left == 0:
            check(plan, hub, head)
            return number
        if before is not None and left >= before:
            raise Differs(plan.repository, branch, [*missing, *stale])
        added, removed = first_part(plan, missing, stale, limits)
        tell(f"commit {len(added)} of {plural(len(missing), 'file')}, remove {len(removed)}")
        try:
            hub.commit(plan, added, removed, branch, head)
        except HubRefused as error:
            if error.status != 413 or limits.files == 1:
                raise
            limits, left = limits.halved(), None


def merge(plan: Plan, hub: "Hub", number: int, tell: Callable[[str], None]) -> None:
    """Merge the pull request, if main has not changed since.

    The Hub has no atomic operation for both. A commit of somebody else between the check and the
    merge is detected when main is read back.
    """
    if hub.head(MAIN) != plan.head:
        raise HubRefused(plan.repository, "merging", Refusal(412, "main has another commit now."))
    tell(f"merge pull request {number}")
    hub.open(number)
    hub.merge(number)


def proposed(plan: Plan, hub: "Hub", limits: Limits, tell: Callable[[str], None]) -> Published:
    """Leave a complete pull request open."""
    number = fill(plan, hub, limits, tell)
    hub.open(number)
    return Published(f"{hub.address}/discussions/{number}", None)


def check(plan: Plan, hub: "Hub", commit: str) -> None:
    """Compare all files of a commit, small ones by their content. Raises Differs."""
    tree = hub.tree(commit)
    differing = plan.differing_in(tree)
    for path, file in plan.files.items():
        if path in differing or tree[path].sha256:
            continue
        if hashlib.sha256(hub.read(path, commit, file.bytes)).hexdigest() != file.sha256:
            differing.append(path)
    if differing:
        raise Differs(plan.repository, commit, differing)


def tag(plan: Plan, hub: "Hub", commit: str) -> None:
    """Tag a commit with the version; somebody else may have tagged it."""
    hub.tag(plan.version, commit, f"SHA-256 of {MANIFEST_NAME}: {plan.identity}")
    named = hub.tags()[plan.version]
    if named != commit and (differing := plan.missing_in(hub.tree(named))):
        raise TagTaken(plan.repository, plan.version, differing)


class Hub:
    """A repository on the Hub. Every method raises HubRefused."""

    def __init__(self, repository: str, known: str | None) -> None:
        from huggingface_hub import HfApi

        self.repository = repository
        self.api = HfApi(token=known or False)
        self.address = f"{self.api.endpoint}/datasets/{repository}"

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Convert exceptions of the client to HubRefused.

        ValueError, KeyError and TypeError mean a response of an unexpected form.
        """
        from httpx import HTTPError

        raised = (HTTPError, OSError, RuntimeError, ValueError, KeyError, TypeError)
        try:
            yield
        except raised as error:
            raise HubRefused(self.repository, what, refusal(error)) from error

    def check_card(self, card: Path) -> None:
        """Have the Hub check the card's metadata, as `create_commit` does. Raises RefusedCard."""
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        told = {"content": card.read_text(encoding="utf-8"), "repoType": KIND}
        headers = build_hf_headers(token=self.api.token)
        with self.doing("checking the card"):
            address = f"{self.api.endpoint}/api/validate-yaml"
            answer = get_session().post(address, json=told, headers=headers)
        if answer.status_code == 400:
            with self.doing("checking the card"):
                listed = [str(each["message"]) for each in answer.json().get("errors", [])]
            raise RefusedCard(card, f"{'; '.join(listed) or 'no reason given'}.")
        with self.doing("checking the card"):
            hf_raise_for_status(answer)

    def look(self) -> tuple[str, bool] | None:
        """Return the head of main and whether the repository is private, or None."""
        from huggingface_hub.errors import RepositoryNotFoundError

        with self.doing("looking for the repository"):
            try:
                found = self.api.dataset_info(self.repository, revision=MAIN)
            except RepositoryNotFoundError:
                return None
            return str(found.sha), bool(found.private)

    def create(self, *, private: bool) -> None:
        """Create the repository, unless it exists."""
        with self.doing("creating the repository"):
            self.api.create_repo(
                self.repository, repo_type=KIND, private=private or None, exist_ok=True
            )

    def head(self, revision: str) -> str:
        """Return the commit of a branch."""
        with self.doing(f"looking at {revision}"):
            return str(self.api.dataset_info(self.repository, revision=revision).sha)

    def tree(self, commit: str) -> dict[str, RemoteFile]:
        """Return the files of a commit."""
        from huggingface_hub.hf_api import RepoFile

        with self.doing("listing files"):
            listed = self.api.list_repo_tree(
                self.repository, recursive=True, revision=commit, repo_type=KIND
            )
            return {
                each.path: RemoteFile(
                    each.size, each.blob_id, each.lfs.sha256 if each.lfs else None
                )
                for each in listed
                if isinstance(each, RepoFile)
            }

    def read(self, path: str, commit: str, size: int) -> bytes:
        """Return a file, reading at most one byte more than the expected size."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import (
            build_hf_headers,
            hf_raise_for_status,
            http_stream_backoff,
        )

        with self.doing(f"reading {path}"):
            if size > LARGEST_MANIFEST:
                raise ValueError(f"it has {size} bytes")
            address = hf_hub_url(
                self.repository,
                path,
                repo_type=KIND,
                revision=commit,
                endpoint=self.api.endpoint,
            )
            headers = build_hf_headers(token=self.api.token)
            with http_stream_backoff(
                "GET", address, headers=headers, follow_redirects=True
            ) as answer:
                hf_raise_for_status(answer)
                data = bytearray()
                for part in answer.iter_bytes(1 << 16):
                    data += part
                    if len(data) > size:
                        break
            return bytes(data)

    def tags(self) -> dict[str, str]:
        """Return the commits of tags by name."""
        with self.doing("listing tags"):
            found = self.api.list_repo_refs(self.repository, repo_type=KIND)
            return {each.name: each.target_commit for each in found.tags}

    def tag(self, name: str, commit: str, message: str) -> None:
        """Tag a commit; an existing tag is not changed."""
        with self.doing(f"tagging {name}"):
            self.api.create_tag(
                self.repository,
                tag=name,
                tag_message=message,
                revision=commit,
                repo_type=KIND,
                exist_ok=True,
            )

    def commit(
        self, plan: Plan, added: list[str], removed: list[str], branch: str, parent: str | None
    ) -> None:
        """Send the large files that the Hub lacks, then commit, if the branch is at `parent`."""
        from huggingface_hub import CommitOperationDelete

        additions = [addition(path, plan.files[path]) for path in added]
        deletions = [CommitOperationDelete(path, is_folder=False) for path in removed]
        operations: list[CommitOperationAdd | CommitOperationDelete] = [*additions, *deletions]
        distinct = {each.upload_info.sha256: each for each in additions}  # each once
        with self.doing("sending files"):
            self.api.preupload_lfs_files(
                self.repository,
                distinct.values(),
                repo_type=KIND,
                revision=branch,
                free_memory=False,
            )
        with self.doing(f"committing to {branch}"):
            self.api.create_commit(
                self.repository,
                operations,
                commit_message=f"Publish {plan.version}",
                commit_description=f"SHA-256 of {MANIFEST_NAME}: {plan.identity}",
                repo_type=KIND,
                revision=branch,
                parent_commit=parent,
            )

    def pull_request(self, plan: Plan) -> int:
        """Return the pull request of this release on this main, or open one.

        An existing branch is used only if it changes no file outside the release; otherwise it is
        not touched.
        """
        with self.doing("listing pull requests"):
            found = [
                each.num
                for each in self.api.get_repo_discussions(
                    self.repository, discussion_type="pull_request", repo_type=KIND
                )
                if each.title == plan.title and each.status in ("draft", "open")
            ]
        for number in sorted(found):
            tree = self.tree(self.head(f"refs/pr/{number}"))
            if all(tree.get(path) == file for path, file in plan.kept.items()):
                return number
        with self.doing("opening a pull request"):
            description = (
                f"Version {plan.version}, SHA-256 of {MANIFEST_NAME} {plan.identity}. Filled by "
                "several commits; to be merged when the branch holds the whole release."
            )
            made = self.api.create_pull_request(
                self.repository, title=plan.title, description=description, repo_type=KIND
            )
            return int(made.num)

    def open(self, number: int) -> None:
        """Mark a draft as ready to merge."""
        with self.doing(f"opening pull request {number}"):
            found = self.api.get_discussion_details(self.repository, number, repo_type=KIND)
            if found.status == "draft":
                self.api.change_discussion_status(self.repository, number, "open", repo_type=KIND)

    def merge(self, number: int) -> None:
        """Merge a pull request."""
        with self.doing(f"merging pull request {number}"):
            self.api.merge_pull_request(self.repository, number, repo_type=KIND)


def addition(path: str, file: LocalFile) -> "CommitOperationAdd":
    """Return a file in the form of the client, with its known digest, so that it is hashed once.

    A file at a URL is read in blocks when it is sent.
    """
    from huggingface_hub import CommitOperationAdd

    content: Path | io.BufferedReader = file.place
    if is_remote(file.place):
        content = io.BufferedReader(cast(io.RawIOBase, file.place.open("rb")))
    made = CommitOperationAdd(path, content)
    made.upload_info.sha256 = bytes.fromhex(file.sha256)
    return made
