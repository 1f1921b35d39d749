"""GitHub on loopback, as far as `scrapy crawl github` asks it: a search, and archives of commits.

Queries are not executed: an answer has all that is known of a repository, whichever fields were
asked for. tests/peers has a peer that executes queries against GitHub's schema and keeps its
limits; a test compares the answers of both.
"""

import base64
import hashlib
import json
import re
import socket
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit

from demo.github_archive import Tree, packed
from demo.hex_repository import listening

TOKEN = "of-the-demo"
"""The token that the host takes; it is none of GitHub's."""
QUALIFIER = re.compile(r"(\w+):(\S+)")
TARBALL = re.compile(r"/repos/([^/]+/[^/]+)/tarball/([0-9a-f]{40})")
ARCHIVE = re.compile(r"/([^/]+/[^/]+)/legacy\.tar\.gz/([0-9a-f]{40})")

Json = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A public repository with one commit; times are in ISO 8601."""

    id: int
    name: str
    """OWNER/NAME."""
    description: str
    language: str
    stars: int
    topics: tuple[str, ...]
    created_at: str
    pushed_at: str
    tree: Tree = field(repr=False)
    """The files of the default branch."""

    @property
    def commit(self) -> str:
        """The id of the commit: a digest of its files."""
        files = sorted((path, data.hex()) for path, data in self.tree.files.items())
        told = [self.name, files, sorted(self.tree.links.items()), sorted(self.tree.submodules)]
        return hashlib.sha1(json.dumps(told).encode(), usedforsecurity=False).hexdigest()

    def node(self) -> Json:
        """Return the repository in the form of GitHub's GraphQL schema."""
        target = {"oid": self.commit, "committedDate": self.pushed_at}
        return {
            "databaseId": self.id,
            "nameWithOwner": self.name,
            "url": f"https://github.com/{self.name}",
            "description": self.description,
            "createdAt": self.created_at,
            "pushedAt": self.pushed_at,
            "stargazerCount": self.stars,
            "diskUsage": sum(map(len, self.tree.files.values())) // 1024 + 1,
            "isFork": False,
            "isArchived": False,
            "isMirror": False,
            "isTemplate": False,
            "isDisabled": False,
            "isPrivate": False,
            "licenseInfo": None,
            "repositoryTopics": {"nodes": [{"topic": {"name": each}} for each in self.topics]},
            "defaultBranchRef": {"name": "main", "target": target},
        }


@contextmanager
def serve_github(repositories: Sequence[Repository], port: int = 0) -> Iterator[str]:
    """Serve repositories on loopback and yield the address of the API.

    Archives have an address of their own, as at GitHub. Without `port`, or if it is taken, the API
    has any free one.
    """
    by_name = {each.name: each for each in repositories}
    with listening(type("Archives", (Archives,), {"repositories": by_name})) as archives:
        api = type("Api", (Api,), {"repositories": by_name, "archives_url": archives})
        with listening(api, port if is_free(port) else 0) as url:
            yield url


def is_free(port: int) -> bool:
    """Return whether nothing listens on a port of loopback."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) != 0


def port_for(folder: Path) -> int:
    """Return the same port for the same folder, below those that systems give to clients.

    The store records the address of what a crawl refused. With another address the next build
    would have other inputs.
    """
    return 20_000 + zlib.crc32(bytes(folder)) % 10_000


class Host(BaseHTTPRequestHandler):
    """What both addresses have in common."""

    protocol_version = "HTTP/1.1"
    repositories: Mapping[str, Repository]

    def find(self, pattern: re.Pattern[str]) -> Repository | None:
        """Return the repository that a path asks for, at the commit that it has."""
        found = pattern.fullmatch(unquote(urlsplit(self.path).path))
        repository = self.repositories.get(found[1]) if found else None
        return repository if repository and found and repository.commit == found[2] else None

    def answer(self, status: HTTPStatus, body: bytes, **headers: str) -> None:
        """Send one response."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tell(self, status: HTTPStatus, told: Json, **headers: str) -> None:
        """Send one response in JSON."""
        self.answer(status, json.dumps(told).encode(), **headers)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the crawler reports what it fetched."""


class Archives(Host):
    """Answers with archives of commits."""

    def do_GET(self) -> None:
        """Answer one request."""
        repository = self.find(ARCHIVE)
        if repository is None:
            return self.answer(HTTPStatus.NOT_FOUND, b"")
        folder = f"{repository.name.replace('/', '-')}-{repository.commit[:7]}"
        self.answer(HTTPStatus.OK, packed(repository.tree, repository.commit, folder=folder))


class Api(Host):
    """Answers queries, and requests for the address of an archive."""

    archives_url: str

    def do_GET(self) -> None:
        """Answer one request for the address of an archive."""
        repository = self.find(TARBALL)
        if not self.is_admitted() or repository is None:
            return self.tell(HTTPStatus.NOT_FOUND, {"message": "Not Found"})
        location = f"{self.archives_url}/{repository.name}/legacy.tar.gz/{repository.commit}"
        self.answer(HTTPStatus.FOUND, b"", Location=location)

    def do_POST(self) -> None:
        """Answer one query."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if not self.is_admitted():
            return self.tell(HTTPStatus.UNAUTHORIZED, {"message": "Bad credentials"})
        if self.path != "/graphql":
            return self.tell(HTTPStatus.NOT_FOUND, {"message": "Not Found"})
        variables = json.loads(body)["variables"]
        self.tell(HTTPStatus.OK, answered(list(self.repositories.values()), variables))

    def is_admitted(self) -> bool:
        """Return whether a request has the token."""
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"


def answered(repositories: Sequence[Repository], variables: Json) -> Json:
    """Return the answer to a query with these variables: a search, or one repository."""
    rate = {"cost": 1, "remaining": 5_000}
    if "owner" in variables:
        name = f"{variables['owner']}/{variables['name']}"
        nodes = [each.node() for each in repositories if each.name == name]
        if nodes:
            return {"data": {"repository": nodes[0], "rateLimit": rate}}
        message = f"Could not resolve to a Repository with the name '{name}'."
        error = {"type": "NOT_FOUND", "path": ["repository"], "message": message}
        return {"data": {"repository": None, "rateLimit": rate}, "errors": [error]}
    found = [each for each in repositories if is_found(each, str(variables["query"]))]
    found.sort(key=lambda each: (each.created_at, each.id))
    after, size = variables.get("after"), variables.get("size")
    first = int(base64.b64decode(str(after))) if after else 0
    page = found[first : first + (size if isinstance(size, int) else 1)]
    end = first + len(page)
    cursor = base64.b64encode(str(end).encode()).decode() if page else None
    search = {
        "repositoryCount": len(found),
        "pageInfo": {"hasNextPage": end < len(found), "endCursor": cursor},
        "nodes": [each.node() for each in page],
    }
    return {"data": {"search": search, "rateLimit": rate}}


def is_found(repository: Repository, query: str) -> bool:
    """Return whether a search finds a repository; all are public, and none is a fork or archived.

    The qualifiers `language`, `user` and `created` are considered.
    """
    asked: dict[str, str] = dict(QUALIFIER.findall(query))
    owner = repository.name.partition("/")[0]
    first, _, last = asked.get("created", "0000..9999").partition("..")
    return (
        asked.get("language", repository.language) == repository.language
        and asked.get("user", owner).lower() == owner.lower()
        and first <= repository.created_at <= last
    )
