"""GitHub on loopback: its GraphQL search, archives of commits, Apps, limits, and faults on request.

Queries are parsed, validated and executed by graphql-core against a schema, so a field that does
not exist fails as it does there. The limits are those that GitHub documents: 1,000 results of a
search, 100 nodes a page, points an hour for each token, and resource limits of a query. Archives
are on another origin than the API, as codeload.github.com is, and their bytes differ each time.
The peer keeps a log of every request. Nothing of it knows the crawler.
"""

import base64
import hashlib
import json
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from graphql import DocumentNode, GraphQLError, GraphQLSchema, build_schema, execute_sync, parse
from graphql import validate as validated

from demo.github_archive import Tree, packed
from tests.peers.hex_repository_server import RESET, Answer, Handler
from tests.peers.loopback import listening

OWN_SCHEMA = Path(__file__).with_name("github.graphql")
MOST_RESULTS, LARGEST_PAGE = 1_000, 100
QUALIFIER = re.compile(r"(\w+):(\S+)")
KNOWN = {"archived", "created", "fork", "is", "language", "mirror", "pushed", "stars"}
KNOWN |= {"template", "topic", "user"}
TOKEN = "ghp_OfThePeerAndNowhereElse000000000000"
SMALL = Tree(files={"lib/a.ex": b"defmodule A do\nend\n"})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Repository:
    """A repository of the peer; `answers` is the status of its archive."""

    id: int
    name: str
    language: str = "Elixir"
    created: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    pushed: datetime = datetime(2026, 10, 1, tzinfo=UTC)
    stars: int = 5
    topics: tuple[str, ...] = ()
    kilobytes: int = 10
    kinds: frozenset[str] = frozenset()
    """Of fork, archived, mirror, template, private and disabled."""
    license: str | None = None
    tree: Tree | None = SMALL
    tags: Mapping[str, Tree] = field(default_factory=dict)
    """Trees by the name of their tag, the newest first; every other tag is annotated."""
    kinds_of_tags: Mapping[str, str] = field(default_factory=dict)
    """What tags name that do not name a commit: Blob, Tree, or Tag for a tag of a tag."""
    salt: str = ""
    answers: int = 200
    message: str = ""

    @property
    def commit(self) -> str:
        """The commit of the default branch."""
        return self.commit_of(self.tree)

    def commit_of(self, tree: Tree | None) -> str:
        """Return the commit of a tree."""
        told = repr((self.id, tree, self.salt)).encode()
        return hashlib.sha1(told, usedforsecurity=False).hexdigest()

    def tree_at(self, commit: str) -> Tree | None:
        """Return the tree of a commit, if it is the head of a branch or has a tag."""
        trees = (self.tree, *self.tags.values())
        return next((each for each in trees if each and self.commit_of(each) == commit), None)


@dataclass(frozen=True, slots=True)
class Access:
    """One request; `is_over` tells that a limit was reached already when it came."""

    kind: str
    path: str
    status: int
    at: float
    authorization: str | None
    user_agent: str | None
    is_over: bool
    in_flight: int
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Budget:
    """What a token has of a resource until the reset."""

    used: int = 0
    reset: float = 0.0


@cache
def schema_at(path: Path) -> GraphQLSchema:
    """Return the schema in a file, built once."""
    return build_schema(path.read_text(encoding="utf-8"), assume_valid=True, no_location=True)


class GitHubServer:
    """The peer. `add`, `change` and `withdraw` change what it holds while it runs.

    `hour` is the length of its hour in seconds; `points` are what a token has in it, for GraphQL
    and for REST. `nodes` is the number of nodes of a query from which on it takes too much.
    """

    def __init__(self, schema: Path = OWN_SCHEMA) -> None:
        self.schema = schema_at(schema)
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, str] = {}
        self.tokens: set[str] = {TOKEN}
        self.app: tuple[str, RSAPublicKey, tuple[int, ...]] | None = None
        self.hour, self.points, self.nodes = 3600.0, 5_000, 10_000
        self.url = self.archives_url = ""
        self.budgets: dict[tuple[str, str], Budget] = {}
        self.faults: dict[str, list[Answer]] = {}
        self.lasting: dict[str, Answer] = {}
        self.errors: list[dict[str, Any]] = []
        """Errors of coming GraphQL answers, which have no data."""
        self.down_after: int | None = None
        self.slow_after: int | None = None
        """Archives after which each further one takes a minute."""
        self.log: list[Access] = []
        self.lock = Lock()
        self.in_flight = 0
        self.served = 0
        self.documents: dict[str, DocumentNode | list[GraphQLError]] = {}
        self.sorted: dict[str, tuple[list[datetime], list[Repository]]] = {}

    # What it holds

    def add(self, name: str, **facts: Any) -> Repository:
        """Add a repository."""
        repository = Repository(id=len(self.repositories) + 1, name=name, **facts)
        self.put(repository)
        return repository

    def put(self, *repositories: Repository) -> None:
        """Add repositories, or put others in their place."""
        with self.lock:
            self.repositories |= {each.name.lower(): each for each in repositories}
            self.sorted.clear()

    def change(self, name: str, **facts: Any) -> Repository:
        """Change a repository."""
        repository = replace(self.repositories[name.lower()], **facts)
        self.put(repository)
        return repository

    def rename(self, name: str, other: str) -> None:
        """Give a repository another name; the old one leads to it."""
        repository = replace(self.withdraw(name), name=other)
        self.put(repository)
        self.moved[name.lower()] = other

    def withdraw(self, name: str) -> Repository:
        """Remove a repository."""
        with self.lock:
            self.sorted.clear()
            return self.repositories.pop(name.lower())

    def populate(self, number: int, *, begun: datetime, step: timedelta) -> None:
        """Add so many repositories, made one `step` after another."""
        self.put(
            *(
                Repository(
                    id=place + 1,
                    name=f"owner{place % 97}/package_{place}",
                    language="Erlang" if place % 7 == 0 else "Elixir",
                    created=begun + place * step,
                    stars=place % 50,
                )
                for place in range(number)
            )
        )

    def named(self, name: str) -> Repository | None:
        """Return the repository that a name leads to."""
        return self.repositories.get(self.moved.get(name.lower(), name).lower())

    # Faults

    def answer(self, kind: str, status: int, *, times: int = 1, **fault: Any) -> None:
        """Answer the next requests of a kind like this: graphql, tarball, archive or app."""
        self.faults.setdefault(kind, []).extend([Answer(status=status, **fault)] * times)

    def fail(self, type: str, message: str = "", *, times: int = 1, **more: Any) -> None:
        """Give the next GraphQL answers an error and no data."""
        self.errors.extend([{"type": type, "message": message, **more}] * times)

    # What was asked

    def asked(self, kind: str) -> list[str]:
        """Return the paths of all requests of a kind, in order."""
        with self.lock:
            return [access.path for access in self.log if access.kind == kind]

    def forget(self) -> None:
        """Empty the log."""
        with self.lock:
            self.log.clear()

    # Answers

    def respond(
        self, kind: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Answer one request and note it."""
        variables: dict[str, Any] = {}
        with self.lock:
            self.in_flight += 1
            in_flight = self.in_flight
            is_down = self.down_after is not None and len(self.log) >= self.down_after
            faults = self.faults.get(kind)
            fault = faults.pop(0) if faults else self.lasting.get(kind)
        try:
            is_over = False
            if is_down:
                answer = RESET
            elif fault:
                answer = fault
            elif kind == "archive":
                answer = self.archive(path)
            elif kind == "app":
                answer = self.for_app(path, headers)
            elif (token := self.token_of(headers)) is None:
                answer = told(401, message="Bad credentials")
            else:
                variables = json.loads(body)["variables"] if kind == "graphql" else {}
                answer, is_over = self.within_limits(kind, token, path, body)
        finally:
            with self.lock:
                self.in_flight -= 1
        access = Access(
            kind,
            path,
            answer.status,
            time.monotonic(),
            headers.get("Authorization"),
            headers.get("User-Agent"),
            is_over,
            in_flight,
            variables,
        )
        with self.lock:
            self.log.append(access)
        return answer

    def token_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the token of a request, if it is one of the peer's."""
        token = (headers.get("Authorization") or "").removeprefix("Bearer ")
        return token if token in self.tokens else None

    def within_limits(self, kind: str, token: str, path: str, body: bytes) -> tuple[Answer, bool]:
        """Answer if the token has something left; say whether it had not."""
        resource = "graphql" if kind == "graphql" else "core"
        with self.lock:
            budget = self.budgets.setdefault((token, resource), Budget())
            now = time.time()
            if budget.reset <= now:
                budget.used, budget.reset = 0, now + self.hour
            is_over = budget.used >= self.points
            budget.used += not is_over
        headers = {
            "X-RateLimit-Limit": str(self.points),
            "X-RateLimit-Remaining": str(self.points - budget.used),
            # GitHub tells whole seconds; the peer's hours may be shorter than one.
            "X-RateLimit-Reset": f"{budget.reset:.3f}",
            "X-RateLimit-Resource": resource,
        }
        if is_over and kind == "graphql":
            error = {"type": "RATE_LIMITED", "message": "API rate limit exceeded"}
            return told(200, headers, errors=[error]), True
        if is_over:
            return told(403, headers, message="API rate limit exceeded"), True
        answer = self.graphql(body, budget) if kind == "graphql" else self.tarball(path)
        return replace(answer, headers={**answer.headers, **headers}), False

    # GraphQL

    def graphql(self, body: bytes, budget: Budget) -> Answer:
        """Execute a query."""
        with self.lock:
            error = self.errors.pop(0) if self.errors else None
        if error:
            return told(200, data=None, errors=[error])
        asked = json.loads(body)
        document = self.document(asked["query"])
        if isinstance(document, list):
            return told(200, errors=[unknown(error) for error in document])
        variables = asked["variables"]
        if variables.get("size", 1) * 21 > self.nodes:
            error = {
                "type": "RESOURCE_LIMITS_EXCEEDED",
                "message": "Resource limits for this query exceeded.",
            }
            return told(200, data={"search": None}, errors=[error])
        root = {
            "search": self.search,
            "repository": self.repository,
            "rateLimit": {
                "cost": 1,
                "limit": self.points,
                "remaining": self.points - budget.used,
                "resetAt": shown(datetime.fromtimestamp(budget.reset, UTC)),
            },
        }
        result = execute_sync(self.schema, document, root, variable_values=variables)
        answered: dict[str, Any] = {"data": result.data}
        if result.errors:
            answered["errors"] = [
                {"message": each.message, "path": each.path, **(each.extensions or {})}
                for each in result.errors
            ]
        return told(200, **answered)

    def document(self, query: str) -> DocumentNode | list[GraphQLError]:
        """Return a query that is valid, or what is wrong with it."""
        if query not in self.documents:
            document = parse(query)
            self.documents[query] = validated(self.schema, document) or document
        return self.documents[query]

    def repository(self, _: object, *, owner: str, name: str) -> dict[str, Any]:
        """Return a repository by its name, or by one that it had."""
        found = self.named(f"{owner}/{name}")
        if found is None:
            message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            raise GraphQLError(message, extensions={"type": "NOT_FOUND"})
        return node(found)

    def search(
        self, _: object, *, query: str, type: str, first: int = 0, after: str | None = None
    ) -> dict[str, Any]:
        """Return a page of results, of the first 1,000 only."""
        if not 1 <= first <= LARGEST_PAGE:
            raise GraphQLError(f"`first` is {first}")
        results = self.results(query)
        shown = results[:MOST_RESULTS]
        start = int(base64.b64decode(after).decode().removeprefix("cursor:")) if after else 0
        end = min(start + first, len(shown))
        cursor = base64.b64encode(f"cursor:{end}".encode()).decode() if end > start else None
        return {
            "repositoryCount": len(results),
            "pageInfo": {"hasNextPage": end < len(shown), "endCursor": cursor},
            "nodes": [node(each) for each in shown[start:end]],
        }

    def results(self, query: str) -> Sequence[Repository]:
        """Return what a search finds, in the order of creation."""
        qualifiers = QUALIFIER.findall(query)
        if QUALIFIER.sub("", query).split() or {name for name, _ in qualifiers} - KNOWN:
            raise GraphQLError(f"the peer does not know all of {query!r}")
        # Of several, the last counts: they do not intersect.
        ranges = [value for name, value in qualifiers if name == "created"]
        others = [(name, value) for name, value in qualifiers if name != "created"]
        with self.lock:
            if str(others) not in self.sorted:
                found = [each for each in self.repositories.values() if matches(each, others)]
                found.sort(key=lambda each: (each.created, each.id))
                self.sorted[str(others)] = [each.created for each in found], found
            times, found = self.sorted[str(others)]
        if not ranges:
            return found
        first, last = (datetime.fromisoformat(each) for each in ranges[-1].split(".."))
        end = last + timedelta(seconds=1) - timedelta.resolution
        return found[bisect_left(times, first) : bisect_right(times, end)]

    # Archives

    def tarball(self, path: str) -> Answer:
        """Answer the REST API's request for an archive: where it is."""
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)/tarball/(\w+)", path)
        by_id = re.fullmatch(r"/repositories/(\d+)/tarball/(\w+)", path)
        if found:
            repository, commit = self.named(found[1]), found[2]
        elif by_id:
            every = self.repositories.values()
            repository = next((each for each in every if each.id == int(by_id[1])), None)
            commit = by_id[2]
        else:
            repository = None
        if repository is None:
            return told(404, message="Not Found")
        if repository.answers != 200:
            return told(repository.answers, message=repository.message)
        if found and repository.name.lower() != found[1].lower():
            address = f"{self.url}/repositories/{repository.id}/tarball/{commit}"
            return replace(told(301, message="Moved"), headers={"Location": address})
        address = f"{self.archives_url}/{repository.name}/legacy.tar.gz/{commit}"
        return Answer(status=302, headers={"Location": address})

    def archive(self, path: str) -> Answer:
        """Pack a commit, in other bytes each time."""
        owner, name, _, commit = path.strip("/").split("/")
        repository = self.named(f"{owner}/{name}")
        tree = repository.tree_at(commit) if repository else None
        if tree is None:
            return Answer(status=404)
        with self.lock:
            self.served += 1
            number = self.served
        folder = f"{owner}-{name}-{commit[:7]}"
        body = packed(tree, commit, folder=folder, time=number, level=number % 9 + 1)
        is_slow = self.slow_after is not None and number > self.slow_after
        delay = 60.0 if is_slow else 0.0
        return Answer(body=body, headers={"Content-Type": "application/x-gzip"}, delay=delay)

    # Apps

    def for_app(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Answer an App, which is known by its web token."""
        if self.app is None or not is_signed(headers.get("Authorization") or "", *self.app[:2]):
            return told(401, message="A JSON web token could not be decoded")
        if path == "/app/installations":
            return Answer(body=json.dumps([{"id": each} for each in self.app[2]]).encode())
        token = f"ghs_installation{len(self.tokens)}"
        self.tokens.add(token)
        return told(201, token=token)


def matches(repository: Repository, qualifiers: Sequence[tuple[str, str]]) -> bool:
    """Return whether a repository has what a search asks for; forks are hidden by themselves."""
    if "fork" in repository.kinds and ("fork", "true") not in qualifiers:
        return False
    for name, value in qualifiers:
        match name:
            case "language":
                fits = repository.language == value
            case "stars":
                fits = repository.stars >= int(value.removeprefix(">="))
            case "pushed":
                since = datetime.fromisoformat(value.removeprefix(">=")).replace(tzinfo=UTC)
                fits = repository.pushed >= since
            case "topic":
                fits = value in repository.topics
            case "user":
                fits = repository.name.lower().startswith(f"{value.lower()}/")
            case "is":
                fits = ("private" in repository.kinds) == (value == "private")
            case "fork":
                fits = True
            case kind:
                fits = (kind in repository.kinds) == (value == "true")
        if not fits:
            return False
    return True


@lru_cache(maxsize=40_000)
def node(repository: Repository) -> dict[str, Any]:
    """Return a repository as the schema has it."""
    target = {
        "__typename": "Commit",
        "oid": repository.commit,
        "committedDate": shown(repository.pushed),
    }
    return {
        "__typename": "Repository",
        "databaseId": repository.id,
        "nameWithOwner": repository.name,
        "url": f"https://github.com/{repository.name}",
        "description": f"The repository {repository.name}",
        "createdAt": shown(repository.created),
        "pushedAt": shown(repository.pushed),
        "stargazerCount": repository.stars,
        "diskUsage": repository.kilobytes,
        "isFork": "fork" in repository.kinds,
        "isArchived": "archived" in repository.kinds,
        "isMirror": "mirror" in repository.kinds,
        "isTemplate": "template" in repository.kinds,
        "isDisabled": "disabled" in repository.kinds,
        "isPrivate": "private" in repository.kinds,
        "licenseInfo": {"spdxId": repository.license} if repository.license else None,
        "repositoryTopics": {"nodes": [{"topic": {"name": each}} for each in repository.topics]},
        "defaultBranchRef": {"name": "main", "target": target} if repository.tree else None,
        "refs": partial(refs, repository),
    }


def refs(
    repository: Repository,
    _: object,
    *,
    first: int,
    after: str | None,
    **_order: Any,
) -> dict[str, Any]:
    """Return a page of the tags of a repository."""
    tags = list(repository.tags.items())
    start = int(after or 0)
    nodes = []
    for number, (name, tree) in enumerate(tags[start : start + first], start):
        target: dict[str, Any] = {
            "__typename": "Commit",
            "oid": repository.commit_of(tree),
            "committedDate": shown(repository.created + timedelta(days=len(tags) - number)),
        }
        kind = repository.kinds_of_tags.get(name)
        if kind in ("Blob", "Tree"):
            target = {"__typename": kind, "oid": f"{number:040x}"}
        if kind == "Tag" or (kind is None and number % 2):
            target = {"__typename": "Tag", "oid": f"{number:040x}", "target": target}
        if kind == "Tag":
            target = {"__typename": "Tag", "oid": f"{number + 1_000_000:040x}", "target": target}
        nodes.append({"name": name, "target": target})
    end = start + len(nodes)
    info = {"hasNextPage": end < len(tags), "endCursor": str(end)}
    return {"pageInfo": info, "nodes": nodes}


def shown(moment: datetime) -> str:
    """Return a time as GitHub writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def told(status: int, headers: Mapping[str, str] | None = None, **body: object) -> Answer:
    """Return an answer in JSON."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(
        status=status, body=json.dumps(body).encode(), headers={**kind, **(headers or {})}
    )


def unknown(error: GraphQLError) -> dict[str, Any]:
    """Return an error of validation as GitHub tells it."""
    code = "undefinedField" if error.message.startswith("Cannot query field") else "invalid"
    return {"message": error.message, "extensions": {"code": code}}


def is_signed(authorization: str, app: str, key: RSAPublicKey) -> bool:
    """Return whether a JSON web token is an App's, and valid now."""
    try:
        signed, _, signature = authorization.removeprefix("Bearer ").rpartition(".")
        key.verify(decoded(signature), signed.encode(), PKCS1v15(), SHA256())
        claims = json.loads(decoded(signed.partition(".")[2]))
    except (ValueError, InvalidSignature):
        return False
    is_current = claims["iat"] <= time.time() < claims["exp"] <= claims["iat"] + 600
    return bool(claims["iss"] == app and is_current)


def decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class GitHubHandler(Handler):
    """Sends the answers of the peer; `is_for_archives` tells on which of its origins."""

    github: GitHubServer
    is_for_archives: bool

    def do_GET(self) -> None:  # noqa: N802
        """Answer a request for an archive, or for where it is."""
        kind = "app" if self.path.startswith("/app/") else "tarball"
        kind = "archive" if self.is_for_archives else kind
        self.send(self.github.respond(kind, self.path, self.headers))  # type: ignore[arg-type]

    def do_POST(self) -> None:  # noqa: N802
        """Answer a query, or an App that asks for a token."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        kind = "graphql" if self.path == "/graphql" else "app"
        self.send(self.github.respond(kind, self.path, self.headers, body))  # type: ignore[arg-type]


@contextmanager
def serving_github(peer: GitHubServer) -> Iterator[GitHubServer]:
    """Serve a peer on two free ports of loopback."""
    with (
        listening(GitHubHandler, github=peer, is_for_archives=False) as peer.url,
        listening(GitHubHandler, github=peer, is_for_archives=True) as peer.archives_url,
    ):
        yield peer
