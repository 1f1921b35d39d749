"""Queries to GitHub's GraphQL API, and its responses as validated types.

GitHub reports most errors with status 200 and `errors` beside `data`, which may be null. The
meaning of an error is in its `type`, in `extensions.code`, or only in its message
(docs.github.com/graphql, "Rate limits and query limits for the GraphQL API").
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeGuard

from corpus.untrusted import COMMIT, TIME, check_counts, check_matches, check_text, parse_json

FACTS = """
fragment Facts on Repository {
  databaseId nameWithOwner url description createdAt pushedAt stargazerCount diskUsage
  isFork isArchived isMirror isTemplate isDisabled isPrivate
  licenseInfo { spdxId }
  repositoryTopics(first: 20) { nodes { topic { name } } }
  defaultBranchRef { name target { oid ... on Commit { committedDate } } }
}
"""
SEARCH = (
    """
query Search($query: String!, $size: Int!, $after: String) {
  search(query: $query, type: REPOSITORY, first: $size, after: $after) {
    repositoryCount pageInfo { hasNextPage endCursor } nodes { ...Facts }
  }
  rateLimit { cost remaining }
}
"""
    + FACTS
)
COUNT = """
query Count($query: String!) {
  search(query: $query, type: REPOSITORY, first: 1) { repositoryCount }
  rateLimit { cost remaining }
}
"""
NAMED = (
    """
query Named($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { ...Facts }
  rateLimit { cost remaining }
}
"""
    + FACTS
)
TAGS = """
query Tags($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    refs(
      refPrefix: "refs/tags/", first: 100, after: $after
      orderBy: { field: TAG_COMMIT_DATE, direction: DESC }
    ) {
      pageInfo { hasNextPage endCursor }
      nodes {
        name
        target {
          oid
          ... on Commit { committedDate }
          ... on Tag {
            target {
              oid
              ... on Commit { committedDate }
              ... on Tag { target { oid ... on Commit { committedDate } } }
            }
          }
        }
      }
    }
  }
  rateLimit { cost remaining }
}
"""
"""The newest tags of a repository; an annotated one is an object that names its commit, or another
such object."""

LONGEST_TEXT = 10_000
"""Maximum length of a description or an error message that is kept."""
LONGEST_TAG = 250
"""Characters of the name of a tag; longer ones are no versions."""
TOPIC = re.compile("[a-z0-9][a-z0-9-]{0,49}")
LICENSE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")
SECONDARY = re.compile("secondary rate limit|abuse detection", re.IGNORECASE)
TIMED_OUT = re.compile("something went wrong while executing|timeout|timed out", re.IGNORECASE)


class MalformedAnswer(ValueError):
    """A response does not have the documented form."""


class Trouble(Enum):
    """Kinds of errors in a response, by their effect on a crawl."""

    EXHAUSTED = auto()
    """No points are left until the reset."""
    TOO_FAST = auto()
    """A secondary limit."""
    TOO_EXPENSIVE = auto()
    """The query exceeds a resource limit; a smaller one may not."""
    UNKNOWN_FIELD = auto()
    """The schema has changed."""
    NO_ACCESS = auto()
    """The token has no permission."""
    NOT_FOUND = auto()
    OTHER = auto()


BY_TYPE = {
    "RATE_LIMITED": Trouble.EXHAUSTED,
    "RATE_LIMIT": Trouble.EXHAUSTED,
    "RESOURCE_LIMITS_EXCEEDED": Trouble.TOO_EXPENSIVE,
    "MAX_NODE_LIMIT_EXCEEDED": Trouble.TOO_EXPENSIVE,
    "INSUFFICIENT_SCOPES": Trouble.NO_ACCESS,
    "FORBIDDEN": Trouble.NO_ACCESS,
    "NOT_FOUND": Trouble.NOT_FOUND,
}
UNKNOWN = frozenset({"undefinedField", "undefinedType", "argumentNotAccepted", "undefinedFragment"})
"""Values of `extensions.code` for queries that fail validation."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One of the errors of a response."""

    trouble: Trouble
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: `data` is None if there is none; `cost` and `remaining` are in points."""

    data: Mapping[str, object] | None
    problems: tuple[Problem, ...]
    cost: int | None = None
    remaining: int | None = None

    def problem(self, *troubles: Trouble) -> Problem | None:
        """Return the first error of one of these kinds."""
        return next((each for each in self.problems if each.trouble in troubles), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The facts about a repository; `commit` is None if it has no default branch yet."""

    id: int
    name: str
    """OWNER/NAME in the spelling of the host."""
    url: str
    commit: str | None
    branch: str | None
    description: str | None
    committed_at: str | None
    created_at: str
    pushed_at: str | None
    stars: int
    topics: tuple[str, ...]
    kilobytes: int | None
    is_fork: bool
    is_archived: bool
    is_mirror: bool
    is_template: bool
    is_disabled: bool
    is_private: bool
    license_hint: str | None
    tag: str | None = None
    """The tag that `commit` is fetched for; None for the head of the default branch."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a repository and its commit, None where it names something else."""

    name: str
    commit: str | None
    committed_at: str | None


def read_answer(body: bytes) -> Answer:
    """Read the body of a response. Raises MalformedAnswer."""
    try:
        told = parse_json(body)
    except ValueError as error:
        raise MalformedAnswer(f"no JSON: {error}") from error
    if not isinstance(told, dict) or not told.keys() & {"data", "errors"}:
        raise MalformedAnswer("neither data nor errors")
    data, errors = told.get("data"), told.get("errors")
    problems = tuple(map(problem, errors)) if isinstance(errors, list) else ()
    data = data if isinstance(data, dict) else None
    rate = data.get("rateLimit") if data else None
    cost, remaining = (
        (rate.get(key) if isinstance(rate, dict) else None) for key in ("cost", "remaining")
    )
    return Answer(
        data,
        problems,
        cost if isinstance(cost, int) else None,
        remaining if isinstance(remaining, int) else None,
    )


def problem(error: object) -> Problem:
    """Classify an error."""
    told = error if isinstance(error, dict) else {}
    message = str(told.get("message"))[:LONGEST_TEXT]
    extensions = told.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    trouble = BY_TYPE.get(str(told.get("type")), Trouble.OTHER)
    if SECONDARY.search(message):
        trouble = Trouble.TOO_FAST
    elif code in UNKNOWN:
        trouble = Trouble.UNKNOWN_FIELD
    elif trouble is Trouble.OTHER and TIMED_OUT.search(message):
        trouble = Trouble.TOO_EXPENSIVE
    return Problem(trouble, message)


def read_search(answer: Answer) -> tuple[int, Sequence[Found | None], str | None]:
    """Return count, results and cursor of the next page; a result that is not shown is None.

    Raises MalformedAnswer.
    """
    search = part(answer.data or {}, "search")
    count = number(search, "repositoryCount")
    if "nodes" not in search:
        return count, (), None
    nodes, info = search["nodes"], part(search, "pageInfo")
    if not isinstance(nodes, list):
        raise MalformedAnswer("nodes is no list")
    after = info.get("endCursor") if info.get("hasNextPage") is True else None
    if after is not None and not isinstance(after, str):
        raise MalformedAnswer("endCursor is no text")
    return count, [read_repository(node) if node else None for node in nodes], after


def read_repository(node: object) -> Found:
    """Read the facts of a repository. Raises MalformedAnswer."""
    told = node if isinstance(node, dict) else {}
    try:
        ref = told.get("defaultBranchRef")
        branch = part(told, "defaultBranchRef") if ref is not None else {}
        target = part(branch, "target") if branch.get("target") is not None else {}
        commit, name = target.get("oid"), branch.get("name")
        if commit is not None:
            check_matches(COMMIT, "commit", commit)
        created, pushed = told.get("createdAt"), told.get("pushedAt")
        committed = target.get("committedDate")
        check_matches(TIME, "time", created, *(() if pushed is None else (pushed,)))
        stars, size = told.get("stargazerCount"), told.get("diskUsage")
        check_counts(told.get("databaseId"), stars, *(() if size is None else (size,)))
        check_text(told.get("nameWithOwner"), told.get("url"))
        return Found(
            id=number(told, "databaseId"),
            name=text(told, "nameWithOwner"),
            url=text(told, "url"),
            commit=commit if isinstance(commit, str) else None,
            branch=shortened(name),
            description=shortened(told.get("description")),
            # The time is from the author's clock, so it may have any value.
            committed_at=committed if is_time(committed) else None,
            created_at=text(told, "createdAt"),
            pushed_at=pushed if isinstance(pushed, str) else None,
            stars=number(told, "stargazerCount"),
            topics=topics(told.get("repositoryTopics")),
            kilobytes=size if isinstance(size, int) else None,
            is_fork=truth(told, "isFork"),
            is_archived=truth(told, "isArchived"),
            is_mirror=truth(told, "isMirror"),
            is_template=truth(told, "isTemplate"),
            is_disabled=truth(told, "isDisabled"),
            is_private=truth(told, "isPrivate"),
            license_hint=hint(told.get("licenseInfo")),
        )
    except ValueError as error:
        raise MalformedAnswer(f"a repository: {error}") from error


def read_tags(answer: Answer) -> tuple[list[Tag], str | None]:
    """Return a page of tags and the cursor of the next page. Tags without a name are left out.

    A tag of a file, of a folder, or of tags three deep has no commit. Raises MalformedAnswer.
    """
    refs = part(part(answer.data or {}, "repository"), "refs")
    nodes, info = refs.get("nodes"), part(refs, "pageInfo")
    if not isinstance(nodes, list):
        raise MalformedAnswer("nodes is no list")
    after = info.get("endCursor") if info.get("hasNextPage") is True else None
    if after is not None and not isinstance(after, str):
        raise MalformedAnswer("endCursor is no text")
    found = []
    for node in nodes:
        name = node.get("name") if isinstance(node, dict) else None
        target = node.get("target") if isinstance(node, dict) else None
        while isinstance(target, dict) and isinstance(target.get("target"), dict):
            target = target["target"]
        commit = target.get("oid") if isinstance(target, dict) else None
        committed = target.get("committedDate") if isinstance(target, dict) else None
        is_commit = isinstance(commit, str) and COMMIT.fullmatch(commit) and committed is not None
        if isinstance(name, str) and 0 < len(name) <= LONGEST_TAG:
            time = committed if is_time(committed) else None
            found.append(Tag(name, commit if is_commit else None, time))
    return found, after


def is_time(told: object) -> TypeGuard[str]:
    """Return whether a value is a time in ISO 8601."""
    return isinstance(told, str) and TIME.fullmatch(told) is not None


def part(told: Mapping[str, object], key: str) -> Mapping[str, object]:
    """Return an object. Raises MalformedAnswer."""
    value = told.get(key)
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{key} is no object")
    return value


def number(told: Mapping[str, object], key: str) -> int:
    """Return a whole number. Raises MalformedAnswer."""
    value = told.get(key)
    if type(value) is not int or value < 0:
        raise MalformedAnswer(f"{key} is no number")
    return value


def text(told: Mapping[str, object], key: str) -> str:
    """Return a text. Raises MalformedAnswer."""
    value = told.get(key)
    if not isinstance(value, str):
        raise MalformedAnswer(f"{key} is no text")
    return value


def truth(told: Mapping[str, object], key: str) -> bool:
    """Return a boolean. Raises MalformedAnswer."""
    value = told.get(key)
    if not isinstance(value, bool):
        raise MalformedAnswer(f"{key} is neither true nor false")
    return value


def topics(connection: object) -> tuple[str, ...]:
    """Return the names of topics; invalid ones are left out."""
    nodes = connection.get("nodes") if isinstance(connection, dict) else None
    found = []
    for node in nodes if isinstance(nodes, list) else ():
        topic = node.get("topic") if isinstance(node, dict) else None
        name = topic.get("name") if isinstance(topic, dict) else None
        if isinstance(name, str) and TOPIC.fullmatch(name):
            found.append(name)
    return tuple(found)


def hint(license: object) -> str | None:
    """Return the licence that GitHub detected; NOASSERTION gives None."""
    spdx = license.get("spdxId") if isinstance(license, dict) else None
    is_one = isinstance(spdx, str) and LICENSE.fullmatch(spdx) and spdx != "NOASSERTION"
    return spdx if is_one else None


def shortened(told: object) -> str | None:
    """Return an owner's text without control characters, None for an empty one."""
    if not isinstance(told, str):
        return None
    return "".join(filter(str.isprintable, told))[:LONGEST_TEXT] or None


def payload(document: str, **variables: object) -> bytes:
    """Return the body of a request."""
    return json.dumps({"query": document, "variables": variables}).encode()
