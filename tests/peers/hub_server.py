"""The Hub on loopback, as far as publishing and loading need it, with faults on request.

It speaks what huggingface_hub and datasets do: creating repositories; asking which files go as
large ones; the batch protocol of Git LFS, in one part or several, with verification; commits as
lines of JSON, with the check of their parent; pull requests, tags, references; listing, paths and
revisions; files by redirection and in ranges; the check of a card's metadata. Large files must have
arrived, with the digest that they claim, before a commit may name them. A commit is a whole tree of
files under a name that depends on all before it, as in Git; the names are not those of Git.

Large files are on another host, as the Hub's are, which must not be given the token: the same
server under the name localhost.

Large files come by Xet as well, as hf_xet sends them: xorbs, then a shard that tells the files,
which are put together and compared with their SHA-256. They are handed out as other files are.
Programs choose Git LFS by HF_HUB_DISABLE_XET.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler
from math import ceil
from threading import Lock
from time import time
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.peers.hub_cards import metadata_errors
from tests.peers.loopback import listening
from tests.peers.xet_format import chunks_of, files_in

TOKEN = "hf_peer"
OWNER = "ana"
READER = "hf_reader"
"""A token of the owner without permission to write."""
GUEST = "hf_guest"
"""A token of bob, who may write to repositories of his own."""
XET = "xet_peer"
"""The token with which files are sent by Xet, which is handed out for one of the Hub."""
TOKENS = {TOKEN: (OWNER, True), READER: (OWNER, False), GUEST: ("bob", True), XET: (None, False)}
LARGE = (".safetensors", ".gguf", ".parquet")
"""What the Hub's default .gitattributes sends as large files, as far as we publish such."""
ATTRIBUTES = b"".join(f"*{end} filter=lfs diff=lfs merge=lfs -text\n".encode() for end in LARGE)
"""The file that every new repository has."""
REGULAR_BYTES = 10_000_000
"""Larger files are large ones, whatever their name."""
PAGE = 1000
"""Entries of a listing in one answer."""

Tree = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Commit:
    """What a repository holds at a moment."""

    oid: str
    summary: str
    tree: Tree


@dataclass(slots=True)
class PullRequest:
    """A pull request; its branch is refs/pr/NUMBER."""

    number: int
    title: str
    author: str
    base: str
    status: str = "draft"


@dataclass(slots=True)
class Repository:
    """A repository: its commits by name, and what its references point to."""

    private: bool
    objects: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    history: list[Commit] = field(default_factory=list)
    """Everything that main ever was, the oldest first."""
    pull_requests: list[PullRequest] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        """The files on main, without the one that every repository has."""
        return without_attributes(self.history[-1].tree)

    @property
    def commits(self) -> list[tuple[str, dict[str, bytes]]]:
        """What was committed to main, each time with the files that it left."""
        return [(each.summary, without_attributes(each.tree)) for each in self.history[1:]]

    @property
    def head(self) -> str:
        """The newest commit on main."""
        return self.refs["refs/heads/main"]

    def resolve(self, revision: str) -> Commit:
        """Return what a branch, tag, reference or commit names. Raises Refusal."""
        for name in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if name in self.refs:
                return self.objects[self.refs[name]]
        if revision in self.objects:
            return self.objects[revision]
        raise Refusal(404, f"Invalid rev id: {revision}", code="RevisionNotFound")

    def commit(self, ref: str, summary: str, tree: Tree, oid: str | None = None) -> Commit:
        """Let a reference point to a new commit."""
        before = self.refs.get(ref, "")
        told = repr((before, summary, {path: blob_of(body) for path, body in tree.items()}))
        made = Commit(oid or sha1(told.encode()).hexdigest(), summary, dict(tree))
        self.objects[made.oid] = made
        self.refs[ref] = made.oid
        if ref == "refs/heads/main":
            self.history.append(made)
        return made


def without_attributes(tree: Tree) -> dict[str, bytes]:
    """Return what clients committed."""
    return {path: body for path, body in tree.items() if path != ".gitattributes"}


def blob_of(body: bytes) -> str:
    """Return Git's name for a file's content."""
    return sha1(b"blob %d\0" % len(body) + body).hexdigest()


def pointer_of(body: bytes) -> bytes:
    """Return what Git keeps in place of a large file."""
    oid = sha256(body).hexdigest()
    told = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(body)}\n"
    return told.encode()


class Refusal(Exception):
    """An answer other than 200, with the message that the Hub puts into its header."""

    def __init__(self, status: int, message: str, code: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.body = {"error": message, **more}


class Cut(Exception):
    """The connection ends without an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is not JSON, or has headers of its own."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: the path in its parts, each unquoted."""

    method: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes
    user: str | None
    may_write: bool
    range: str | None

    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.body)


Hook = Callable[[str, int], None]
"""Called with "before", "halfway" (through the body) and "after", and the request's number."""


class HubServer:
    """The peer. `answer` and `cut` make it fail, `hook` is told where it is."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.url = ""
        self.forget()

    def forget(self) -> None:
        """Be as new."""
        self.repositories: dict[str, Repository] = {}
        """By OWNER/NAME for models, datasets/OWNER/NAME for datasets."""
        self.objects: dict[str, bytes] = {}
        self.arrived: list[str] = []
        """The digest of every large file that was sent, each time that it was."""
        self.parts: dict[str, dict[int, bytes]] = {}
        self.xorbs: dict[str, list[bytes]] = {}
        """The chunks of what came by Xet."""
        self.faults: dict[str, list[Exception]] = {}
        self.odd: dict[str, bytes] = {}
        self.cuts_after: list[str] = []
        self.log: list[tuple[str, str]] = []
        self.watch: Callable[[], None] | None = None
        """Called after each request that was answered."""
        self.hook: Hook | None = None
        self.part_bytes: int | None = None
        """Files above this go in parts of this size."""
        self.most_operations = 25_000
        """The Hub's limit for large files in a commit, as huggingface_hub states it."""

    def answer(self, part: str, status: int, message: str, *, times: int = 1, **more: str) -> None:
        """Refuse the next `times` requests whose path contains `part`; `more` are headers."""
        refusal = Refusal(status, message)
        refusal.headers |= {name.replace("_", "-"): value for name, value in more.items()}
        self.faults.setdefault(part, []).extend([refusal] * times)

    def cut(self, part: str, *, after: bool = False, times: int = 1) -> None:
        """End the connection of the next such requests, before or after they have their effect."""
        if after:
            self.cuts_after.extend([part] * times)
        else:
            self.faults.setdefault(part, []).extend([Cut()] * times)

    def respond_with(self, part: str, body: bytes) -> None:
        """Answer such requests with other JSON than the Hub does."""
        self.odd[part] = body

    def asked(self, part: str) -> list[tuple[str, str]]:
        """Return method and path of every request whose path contains `part`."""
        return [(method, path) for method, path in self.log if part in path]

    @property
    def store(self) -> str:
        """Where large files are."""
        return self.url.replace("127.0.0.1", "localhost")

    def add(self, name: str, files: Tree, oid: str | None = None) -> Repository:
        """Put a public repository with files there."""
        made = self.repositories[name] = Repository(private=False)
        made.commit("refs/heads/main", "initial commit", files, oid)
        return made

    def respond(self, method: str, path: str, token: str | None, body: bytes, ranged: Any) -> Any:
        """Return the value to answer with. Raises Refusal or Cut."""
        with self.lock:
            for part, faults in self.faults.items():
                if part in path and faults:
                    raise faults.pop(0)
            for part, odd in self.odd.items():
                if part in path:
                    return Answer(odd, headers={"Content-Type": "application/json"})
            place, _, query = path.partition("?")
            if token and place.startswith("/objects/") and not place.endswith("/complete"):
                raise Refusal(400, "Only one auth mechanism is allowed")
            user, may_write = TOKENS.get((token or "").removeprefix("Bearer "), (None, False))
            if token and user is None and (token != f"Bearer {XET}" or "/cas/" not in place):
                raise Refusal(401, "Invalid credentials in Authorization header")
            parts = tuple(unquote(part) for part in place.strip("/").split("/"))
            told = {name: values[-1] for name, values in parse_qs(query).items()}
            request = Request(method, parts, told, body, user, may_write, ranged)
            try:
                answer = self.proper_answer(request)
            finally:
                if self.watch:
                    self.watch()
            for part in self.cuts_after:
                if part in path:
                    self.cuts_after.remove(part)
                    raise Cut
            return answer

    def proper_answer(self, request: Request) -> Any:
        """Answer as the Hub does. Raises Refusal."""
        match request.method, *request.parts:
            case "PUT", "objects", oid:
                return self.stored(oid, request)
            case "POST", "objects", oid, "complete":
                return self.completed(oid, request.json())
            case "GET" | "HEAD", "objects", oid:
                return ranged(self.objects[oid], request.range, {"ETag": f'"{oid}"'})
            case "POST", "cas", "v1", "xorbs", "default", name:
                self.xorbs[name] = chunks_of(request.body)
                return {"was_inserted": True}
            case "POST", "cas", "v1", "shards":
                return self.joined(request.body)
            case "POST", "api", "validate-yaml":
                return validated(request.json())
            case "POST", "api", "repos", "create":
                return self.created(request)
            case "POST", "verify":
                return self.verified(request.json())
            case "POST", *name, "info", "lfs", "objects", "batch" if name[-1].endswith(".git"):
                self.found("/".join(name).removesuffix(".git"), request)
                return self.batch(request.json())
            case _, "api", ("models" | "datasets") as kind, owner, name, *rest:
                key = f"{'' if kind == 'models' else 'datasets/'}{owner}/{name}"
                return self.told(key, self.found(key, request), rest, request)
            case "GET" | "HEAD", "datasets", owner, name, "resolve", revision, *path:
                repository = self.found(f"datasets/{owner}/{name}", request)
                return self.handed_out(repository, revision, "/".join(path), request.range)
        raise Refusal(404, "Sorry, we can't find the page you are looking for.")

    def found(self, key: str, request: Request) -> Repository:
        """Return a repository that the asking user may see."""
        found = self.repositories.get(key)
        if found is None or (found.private and request.user != key.split("/")[-2]):
            raise Refusal(404 if request.user else 401, "Repository not found", code="RepoNotFound")
        return found

    def told(self, key: str, repository: Repository, rest: list[str], request: Request) -> Any:
        """Answer what is asked about a repository."""
        match request.method, *rest:
            case "GET", "revision", revision:
                return about(key, repository, repository.resolve(revision))
            case ("GET",):
                return about(key, repository, repository.resolve("main"))
            case "GET", "tree", revision, *folder:
                return self.listed(key, repository, revision, "/".join(folder), request)
            case "POST", "paths-info", revision:
                wanted = parse_qs(request.body.decode())["paths"]
                tree = repository.resolve(revision).tree
                return [each for path in wanted for each in entries(tree, path, True)]
            case "GET", "refs":
                return references(repository)
            case "GET", "discussions":
                return discussed(key, repository, request.query)
            case "GET", "discussions", number:
                return details(key, repository, pull_request(repository, number))
            case "POST", "preupload", revision:
                tree = repository.resolve(revision).tree
                return {"files": [mode(each, tree) for each in request.json()["files"]]}
        if request.user is None:
            raise Refusal(401, "Invalid username or password.")
        if not request.may_write:
            raise Refusal(403, "Forbidden: you must use a write token to upload to a repository.")
        match request.method, *rest:
            case "GET", "xet-write-token", _:
                return xet_access(f"{self.url}/cas")
            case "POST", "discussions":
                return self.proposed(key, repository, request)
            case "POST", "discussions", number, "status":
                return changed_status(pull_request(repository, number), request.json()["status"])
            case "POST", "commit", revision:
                self.check_may_commit(key, repository, revision, request)
                return self.committed(key, repository, revision, request.body)
        if request.user != key.split("/")[-2]:
            raise Refusal(403, "You don't have the required permissions to perform this action.")
        match request.method, *rest:
            case "POST", "discussions", number, "merge":
                return merged(repository, pull_request(repository, number))
            case "POST", "tag", revision:
                return tagged(repository, revision, request.json()["tag"])
        raise Refusal(404, "Sorry, we can't find the page you are looking for.")

    def check_may_commit(
        self, key: str, repository: Repository, revision: str, request: Request
    ) -> None:
        """Raise Refusal unless the user owns the repository or the pull request."""
        owns = request.user == key.split("/")[-2]
        if revision.startswith("refs/pr/"):
            proposal = pull_request(repository, revision.removeprefix("refs/pr/"))
            owns |= request.user == proposal.author
            if proposal.status not in ("draft", "open"):
                raise Refusal(400, "This pull request is closed")
        if not owns:
            raise Refusal(403, "Forbidden: pass `create_pr=1` as a query parameter to create a PR")

    def created(self, request: Request) -> Any:
        """Create a repository of the token's owner."""
        told = request.json()
        kind = told.get("type") or "model"
        name = f"{told['organization']}/{told['name']}"
        if request.user is None:
            raise Refusal(401, "Invalid username or password.")
        if told["organization"] != request.user or not request.may_write:
            raise Refusal(403, f"You don't have the rights to create a {kind} under {name}")
        key = f"{'' if kind == 'model' else 'datasets/'}{name}"
        address = f"{self.url}/{key}"
        if key in self.repositories:
            raise Refusal(409, f"You already created this {kind} repo", url=address)
        self.add(key, {".gitattributes": ATTRIBUTES})
        self.repositories[key].private = told.get("visibility") == "private"
        return {"url": address, "name": name}

    def listed(
        self, key: str, repository: Repository, revision: str, folder: str, request: Request
    ) -> Any:
        """List a folder, a page at a time."""
        deep = request.query.get("recursive", "").lower() in ("true", "1")
        found = list(entries(repository.resolve(revision).tree, folder, False, deep=deep))
        if folder and not found:
            raise Refusal(404, f"{folder} does not exist on {revision}", code="EntryNotFound")
        first = int(request.query.get("cursor", 0))
        body = json.dumps(found[first : first + PAGE]).encode()
        if first + PAGE >= len(found):
            return Answer(body, headers={"Content-Type": "application/json"})
        path = "/".join(part.replace("/", "%2F") for part in request.parts)
        more = f"{self.url}/{path}?recursive={deep}&cursor={first + PAGE}"
        link = {"Link": f'<{more}>; rel="next"', "Content-Type": "application/json"}
        return Answer(body, headers=link)

    def batch(self, told: dict[str, Any]) -> Any:
        """Say where large files go; those that are here need not be sent."""
        assert told["operation"] == "upload"
        return {"transfer": "basic", "objects": [self.action(each) for each in told["objects"]]}

    def action(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Say where one large file goes, in one part or several."""
        oid, size = wanted["oid"], wanted["size"]
        known = {"oid": oid, "size": size}
        if oid in self.objects:
            return known
        upload: dict[str, Any] = {"href": f"{self.store}/objects/{oid}?signed=1"}
        if self.part_bytes and size > self.part_bytes:
            header = {
                f"{number + 1}": f"{self.store}/objects/{oid}?part={number + 1}"
                for number in range(ceil(size / self.part_bytes))
            }
            header["chunk_size"] = f"{self.part_bytes}"
            upload = {"href": f"{self.url}/objects/{oid}/complete", "header": header}
        return {**known, "actions": {"upload": upload, "verify": {"href": f"{self.url}/verify"}}}

    def stored(self, oid: str, request: Request) -> Any:
        """Keep a large file that is what it claims to be, or a part of one."""
        if part := request.query.get("part"):
            self.parts.setdefault(oid, {})[int(part)] = request.body
            return Answer(headers={"ETag": f'"{sha1(request.body).hexdigest()}"'})
        return self.kept(oid, request.body)

    def completed(self, oid: str, told: dict[str, Any]) -> Any:
        """Join the parts of a large file."""
        parts = self.parts.pop(oid)
        listed = [(each["partNumber"], each["etag"]) for each in told["parts"]]
        here = [(n, f'"{sha1(body).hexdigest()}"') for n, body in sorted(parts.items())]
        if listed != here:
            raise Refusal(400, "The parts are not those that arrived")
        return self.kept(oid, b"".join(body for _, body in sorted(parts.items())))

    def kept(self, oid: str, body: bytes) -> Any:
        """Keep a large file that is what it claims to be."""
        if sha256(body).hexdigest() != oid:
            raise Refusal(400, "The digest differs from the announced one")
        self.objects[oid] = body
        self.arrived.append(oid)
        return {}

    def joined(self, shard: bytes) -> Any:
        """Put the files of a shard together."""
        for oid, terms in files_in(shard):
            if any(xorb not in self.xorbs for xorb, _, _ in terms):
                raise Refusal(400, "The shard names a xorb that is not here")
            self.kept(oid, b"".join(b"".join(self.xorbs[xorb][a:b]) for xorb, a, b in terms))
        return {"result": 1}

    def verified(self, told: dict[str, Any]) -> Any:
        """Say whether a large file has arrived whole."""
        if len(self.objects.get(told["oid"], b"")) != told["size"]:
            raise Refusal(404, "Object does not exist")
        return {}

    def committed(self, key: str, repository: Repository, revision: str, body: bytes) -> Any:
        """Add a commit to a branch, if that is where its parent says."""
        lines = [json.loads(line) for line in body.splitlines()]
        (header,) = (line["value"] for line in lines if line["key"] == "header")
        before = repository.resolve(revision)
        if header.get("parentCommit", before.oid) != before.oid:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        if len(lines) - 1 > self.most_operations:
            raise Refusal(413, "Payload Too Large")
        files = dict(before.tree)
        for line in lines:
            self.operate(files, line["key"], line["value"])
        ref = revision if revision.startswith("refs/") else f"refs/heads/{revision}"
        made = repository.commit(ref, header["summary"], files)
        address = f"{self.url}/{key}/commit/{made.oid}"
        return {"success": True, "commitUrl": address, "commitOid": made.oid}

    def operate(self, files: dict[str, bytes], what: str, value: dict[str, Any]) -> None:
        """Change a tree as one line of a commit says."""
        if what == "file":
            content = base64.b64decode(value["content"])
            if mode({"path": value["path"], "size": len(content)}, {})["uploadMode"] == "lfs":
                raise Refusal(400, f"{value['path']}: large and binary files need Git LFS")
            files[value["path"]] = content
        elif what == "lfsFile":
            if value["oid"] not in self.objects:
                raise Refusal(400, f"LFS pointer pointed to a file that does not exist: {value}")
            files[value["path"]] = self.objects[value["oid"]]
        elif what == "deletedFile" and files.pop(value["path"], None) is None:
            message = "A file with this name doesn't exist"
            raise Refusal(404, message, code="EntryNotFound")

    def proposed(self, key: str, repository: Repository, request: Request) -> Any:
        """Open a pull request, as a draft: that is how the Hub opens those of programs."""
        told = request.json()
        assert told["pullRequest"] is True
        number = len(repository.pull_requests) + 1
        assert request.user
        made = PullRequest(number, told["title"], request.user, repository.head)
        repository.pull_requests.append(made)
        repository.refs[f"refs/pr/{number}"] = repository.head
        return {"num": number, "pullRequest": True, "url": f"{self.url}/{key}/discussions/{number}"}

    def handed_out(
        self, repository: Repository, revision: str, path: str, asked: str | None
    ) -> Answer:
        """Hand out a small file, or say where a large one is."""
        commit = repository.resolve(revision)
        if path not in commit.tree:
            raise Refusal(404, "Entry not found", code="EntryNotFound")
        body = commit.tree[path]
        if not is_large(path, len(body)):
            told = {"ETag": f'"{blob_of(body)}"', "X-Repo-Commit": commit.oid}
            return ranged(body, asked, told)
        oid = sha256(body).hexdigest()
        self.objects.setdefault(oid, body)
        told = {
            "Location": f"{self.store}/objects/{oid}",
            "X-Linked-Etag": f'"{oid}"',
            "X-Linked-Size": f"{len(body)}",
            "X-Repo-Commit": commit.oid,
        }
        return Answer(status=302, headers=told)


def xet_access(address: str) -> Answer:
    """Say where and with which token files are sent by Xet."""
    until = int(time()) + 3600
    told = {"casUrl": address, "exp": until, "accessToken": XET}
    headers = {
        "Content-Type": "application/json",
        "X-Xet-Cas-Url": address,
        "X-Xet-Access-Token": XET,
        "X-Xet-Token-Expiration": str(until),
    }
    return Answer(json.dumps(told).encode(), headers=headers)


def is_large(path: str, size: int) -> bool:
    """Say whether a file goes as a large one."""
    return path.endswith(LARGE) or size > REGULAR_BYTES


def about(key: str, repository: Repository, commit: Commit) -> Any:
    """Tell of a repository at a commit."""
    return {
        "_id": sha1(key.encode()).hexdigest()[:24],
        "id": key.removeprefix("datasets/"),
        "author": key.split("/")[-2],
        "sha": commit.oid,
        "private": repository.private,
        "disabled": False,
        "gated": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "lastModified": "2026-11-30T00:00:00.000Z",
        "createdAt": "2026-11-30T00:00:00.000Z",
        "siblings": [{"rfilename": path} for path in sorted(commit.tree)],
    }


def entry(path: str, body: bytes) -> dict[str, Any]:
    """Tell of a file; of a large one its digest too."""
    told = {"type": "file", "path": path, "size": len(body)}
    if not is_large(path, len(body)):
        return told | {"oid": blob_of(body)}
    pointer = pointer_of(body)
    lfs = {"oid": sha256(body).hexdigest(), "size": len(body), "pointerSize": len(pointer)}
    return told | {"oid": blob_of(pointer), "lfs": lfs}


def entries(tree: Tree, of: str, itself: bool, deep: bool = False) -> Iterator[dict[str, Any]]:
    """Yield what is in a folder, or tell of the file or folder itself."""
    if itself:
        if of in tree:
            yield entry(of, tree[of])
        elif any(path.startswith(f"{of}/") for path in tree):
            yield {"type": "directory", "path": of, "oid": sha1(of.encode()).hexdigest(), "size": 0}
        return
    start = f"{of}/" if of else ""
    folders: set[str] = set()
    for path in sorted(path for path in tree if path.startswith(start)):
        parts = path.removeprefix(start).split("/")
        for depth in range(1, len(parts) if deep else min(len(parts), 2)):
            folder = start + "/".join(parts[:depth])
            if folder not in folders:
                folders.add(folder)
                yield from entries(tree, folder, itself=True)
        if deep or len(parts) == 1:
            yield entry(path, tree[path])


def references(repository: Repository) -> Any:
    """List branches, tags and pull requests."""
    kinds: dict[str, list[Any]] = {"branches": [], "converts": [], "tags": [], "pullRequests": []}
    for ref, oid in repository.refs.items():
        kind = {"heads": "branches", "tags": "tags", "pr": "pullRequests"}[ref.split("/")[1]]
        name = ref if kind == "pullRequests" else ref.split("/", 2)[2]
        kinds[kind].append({"name": name, "ref": ref, "targetCommit": oid})
    return kinds


def pull_request(repository: Repository, number: str) -> PullRequest:
    """Return a pull request. Raises Refusal."""
    for each in repository.pull_requests:
        if f"{each.number}" == number:
            return each
    raise Refusal(404, "Discussion not found")


def discussion(key: str, of: PullRequest) -> dict[str, Any]:
    """Tell of a pull request."""
    kind = "dataset" if key.startswith("datasets/") else "model"
    return {
        "title": of.title,
        "num": of.number,
        "author": {"name": of.author},
        "createdAt": "2026-11-30T00:00:00.000Z",
        "status": of.status,
        "repo": {"name": key.removeprefix("datasets/"), "type": kind},
        "isPullRequest": True,
    }


def discussed(key: str, repository: Repository, query: Mapping[str, str]) -> Any:
    """List pull requests, two on a page; drafts are neither open nor closed."""
    wanted = [
        each
        for each in reversed(repository.pull_requests)
        if query.get("status") in (None, "all", each.status)
    ]
    start = 2 * int(query.get("p", 0))
    page = [discussion(key, each) for each in wanted[start : start + 2]]
    return {"count": len(wanted), "start": start, "discussions": page}


def details(key: str, repository: Repository, of: PullRequest) -> Any:
    """Tell all of a pull request."""
    more = {"events": [], "filesWithConflicts": [], "changes": {"base": "refs/heads/main"}}
    return discussion(key, of) | more


def changed_status(of: PullRequest, status: str) -> Any:
    """Open or close a pull request."""
    if of.status == "merged":
        raise Refusal(400, "This pull request is merged")
    of.status = status
    event = {
        "id": sha1(status.encode()).hexdigest()[:24],
        "type": "status-change",
        "createdAt": "2026-11-30T00:00:00.000Z",
        "author": {"name": of.author},
        "data": {"status": status},
    }
    return {"newStatus": event}


def merged(repository: Repository, of: PullRequest) -> Any:
    """Apply what a pull request changes to main, in one commit."""
    if of.status != "open":
        raise Refusal(400, f"A pull request that is {of.status} cannot be merged")
    base, main = repository.objects[of.base].tree, repository.resolve("main").tree
    theirs = repository.resolve(f"refs/pr/{of.number}").tree
    files = dict(main)
    for path in base.keys() | theirs.keys():
        if base.get(path) == theirs.get(path):
            continue
        if main.get(path) not in (base.get(path), theirs.get(path)):
            raise Refusal(409, f"Conflicts in {path}")
        files.pop(path, None)
        if path in theirs:
            files[path] = theirs[path]
    repository.commit("refs/heads/main", f"{of.title} (#{of.number})", files)
    of.status = "merged"
    return {"status": "merged"}


def tagged(repository: Repository, revision: str, tag: str) -> Any:
    """Name a commit."""
    if f"refs/tags/{tag}" in repository.refs:
        raise Refusal(409, f"Tag {tag} already exists")
    repository.refs[f"refs/tags/{tag}"] = repository.resolve(revision).oid
    return {}


def validated(told: dict[str, Any]) -> Any:
    """Check a card's metadata."""
    errors = metadata_errors(told["content"], told["repoType"])
    if errors:
        listed = [{"message": each} for each in errors]
        raise Refusal(400, "Invalid metadata", errors=listed, warnings=[])
    return {"errors": [], "warnings": []}


def mode(file: dict[str, Any], tree: Tree) -> dict[str, Any]:
    """Say how a file is to be sent, and what is there under its name."""
    large = is_large(file["path"], file["size"])
    known = tree.get(file["path"])
    answer = {
        "path": file["path"],
        "uploadMode": "lfs" if large else "regular",
        "shouldIgnore": False,
    }
    if known is None:
        return answer
    return answer | {"oid": sha256(known).hexdigest() if large else blob_of(known)}


def ranged(body: bytes, asked: str | None, headers: Mapping[str, str]) -> Answer:
    """Answer with a file or with the range of it that is asked for."""
    told = {**headers, "Accept-Ranges": "bytes"}
    if not asked:
        return Answer(body, headers=told)
    first, _, last = asked.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(0, len(body) - int(last))
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    if start > end:
        raise Refusal(416, "Range Not Satisfiable")
    told["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
    return Answer(body[start : end + 1], 206, told)


class Handler(BaseHTTPRequestHandler):
    """Sends the answers of the peer that is its server's."""

    protocol_version = "HTTP/1.1"
    peer: HubServer

    def do_GET(self) -> None:
        """Answer one request."""
        self.answer()

    def do_HEAD(self) -> None:
        """Answer one request without a body."""
        self.answer()

    def do_POST(self) -> None:
        """Answer one request with a body."""
        self.answer()

    def do_PUT(self) -> None:
        """Answer one request with a file."""
        self.answer()

    def body(self, halfway: Callable[[], None]) -> bytes:
        """Read what was sent, of known length or in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            size = int(self.headers.get("Content-Length") or 0)
            first = self.rfile.read(size // 2)
            halfway()
            return first + self.rfile.read(size - len(first))
        halfway()
        parts = []
        while length := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self) -> None:
        """Send what the peer says."""
        with self.peer.lock:
            self.peer.log.append((self.command, self.path))
            number = len(self.peer.log)
        hook: Hook = self.peer.hook or (lambda when, number: None)
        hook("before", number)
        body = self.body(lambda: hook("halfway", number))
        if len(body) < int(self.headers.get("Content-Length") or 0):
            self.close_connection = True
            return
        token, ranged = self.headers.get("Authorization"), self.headers.get("Range")
        headers: dict[str, str] = {"Content-Type": "application/json"}
        try:
            value = self.peer.respond(self.command, self.path, token, body, ranged)
        except Refusal as refusal:
            value = Answer(json.dumps(refusal.body).encode(), refusal.status, refusal.headers)
        except Cut:
            self.close_connection = True
            return
        hook("after", number)
        if not isinstance(value, Answer):
            value = Answer(json.dumps(value).encode())
        self.send_response(value.status)
        for name, told in (headers | dict(value.headers)).items():
            self.send_header(name, told)
        self.send_header("Content-Length", str(len(value.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(value.body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def serving(peer: HubServer) -> Iterator[HubServer]:
    """Serve a peer on a free port of loopback."""
    with listening(Handler, peer=peer) as peer.url:
        yield peer
