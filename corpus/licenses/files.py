"""The licence of every file of a package: from the nearest statement, or else of the package.

Nearest first: an overriding annotation, a `.license` file beside the file, SPDX tags in its
comments, an annotation, a notice in its head, the licence file of the nearest folder above, and
then the declaration of the package and the licence files at its root. Only a statement that grants
permissions ends the search. A statement that denies permissions, anywhere in a file, refuses the
file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from corpus.licenses.declarations import (
    family,
    ids_of,
    joined,
    parse,
    read_declaration,
    satisfied,
    taken,
    too_long,
)
from corpus.licenses.judgement import (
    Findings,
    LicenseEvidence,
    LicenseVerdict,
    judge,
    permits,
    read_texts,
    statements,
    verified,
)
from corpus.licenses.notices import Notice, Standing, read_notice
from corpus.licenses.policy import LicensePolicy
from corpus.licenses.reuse import Precedence, Project, read_annotations
from corpus.licenses.statements import SILENT, Said, decoded, read_file, read_text
from corpus.licenses.texts import (
    REUSE_FOLDER,
    is_license_file,
    is_license_name,
    is_license_text,
    is_named_after_license,
    recognize,
)
from corpus.reasons import Reason
from corpus.source import language_of
from corpus.untrusted import quoted

LONGEST_DETAIL = 300
SIDECAR = ".license"
POINTER = 400
"""A licence file of at most this many characters may be only a reference to another one."""

TEXT_FOLDERS = ("licenses", "licences")
"""Folders of licence texts that apply to the folder around them, unless it has a licence file."""
TEXT_SUFFIXES = ("", ".txt", ".md")
PROJECT = 65_536
"""Maximum number of bytes of a project file that are read."""
DECLARED = re.compile(r"(?:\blicenses:|\{\s*licen[cs]es\s*,)\s*\[(?P<names>[^\]]{0,400})\]")
QUOTED = re.compile(r'"([^"\n]*)"')

DENIED = {
    Standing.PROPRIETARY: Reason.FILE_LICENSE_PROPRIETARY,
    Standing.UNKNOWN: Reason.FILE_LICENSE_UNKNOWN,
    Standing.CONDITIONED: Reason.FILE_LICENSE_NOT_PERMITTED,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A notice, and its place."""

    notice: Notice
    place: str


@dataclass(frozen=True, slots=True)
class PackageLicenses:
    """The verdict on a package as a whole, and on files with their own statement.

    `texts` are the licence files that apply to a file of the package, by path; `copyright` are
    lines of annotations and `.license` files, because they are not in the files that they describe.
    """

    package: LicenseVerdict
    default: LicenseVerdict
    files: Mapping[str, LicenseVerdict]
    texts: Mapping[str, bytes]
    copyright: tuple[str, ...]

    def of(self, path: str) -> LicenseVerdict:
        """Return the verdict on one file.

        Its expression is the licence in effect: for an OR, the permitted branches.
        """
        return self.files.get(path, self.default)

    @property
    def reason(self) -> Reason | None:
        """The reason why no file of the package is permitted; None if some files are."""
        if any(verdict.reason is None for verdict in self.files.values()):
            return None
        return self.package.reason


def judge_files(
    declared: Sequence[str],
    members: Mapping[str, bytes],
    policy: LicensePolicy,
    said: Mapping[str, Said] | None = None,
) -> PackageLicenses:
    """Judge a package and each of its source files; `members` are its files, path to content.

    `said` has the result of `statements_of` for each of them, if the caller has computed it; a file
    that is not in it has no statement.
    """
    if said is None:
        said = {path: statements_of(path, data) for path, data in members.items()}
    said = {path: each for path, each in said.items() if language_of(path)}
    beside = {
        path.removesuffix(SIDECAR): read_text(data)
        for path, data in members.items()
        if path.endswith(SIDECAR)
    }
    texts = of_package(members)
    project = read_annotations(members, filter(is_license_text, texts))
    stated = stated_families([*said.values(), *beside.values()], project)
    package = judge(declared, without_those_of_files(texts, stated, project, policy), policy)
    default = replace(package, expression=taken(package.expression, policy.permits))
    own = package
    if package.reason not in (None, Reason.LICENSE_UNKNOWN):
        own = judge(declared, without_those_of_files(texts, None, project, policy), policy)
        if own.reason not in (None, Reason.LICENSE_UNKNOWN) or not stated:
            return PackageLicenses(package, default, {}, texts, ())
    folders = Folders(members)
    stands = (
        None if own is package else replace(own, expression=taken(own.expression, policy.permits))
    )
    bench = Bench(own, stands, project, beside, folders, read_texts(texts), policy)
    verdicts = {path: bench.judge(path, each) for path, each in said.items()}
    files = {path: verdict for path, verdict in verdicts.items() if verdict is not None}
    lines = dict.fromkeys(line for path in said for line in bench.copyright(path))
    return PackageLicenses(package, default, files, texts | folders.used, tuple(lines))


def statements_of(path: str, data: bytes) -> Said:
    """Return the statements in a file about its licence; only source code is read."""
    language = language_of(path)
    return read_file(data, language) if language else SILENT


def stated_families(said: Sequence[Said], project: Project) -> frozenset[str]:
    """Return the families of all licences that tags and annotations give to files."""
    notices = [*(each.tags for each in said if each.tags), *project.notices()]
    return frozenset(map(family, ids_of({each.expression for each in notices})))


def of_package(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the licence files of the package as a whole.

    Beside a LICENSE, a text like GPL.txt is one that the LICENSE refers to.
    """
    paths = list(filter(is_license_file, members))
    others = [path for path in paths if not is_named_after_license(path)]
    if any(map(is_license_text, others)):
        paths = others
    return {path: members[path] for path in paths}


def without_those_of_files(
    texts: Mapping[str, bytes],
    stated: frozenset[str] | None,
    project: Project,
    policy: LicensePolicy,
) -> dict[str, bytes]:
    """Return the licence files without those that belong to certain files.

    In REUSE's folder these are the licences in `stated`, and all if it is None. A licence file
    that annotates belongs to certain files too. A permitted text is kept, because it confirms the
    declaration.
    """
    annotating = {each.path for each in project.by_folder.values()}

    def is_of_files(path: str) -> bool:
        if path in annotating:
            stated_there = map(parse, statements(texts[path]))
            return not all(satisfied(each, policy.permits) for each in stated_there)
        if not path.startswith(f"{REUSE_FOLDER}/"):
            return False
        ids = recognize(texts[path]).ids or {PurePosixPath(path).stem}
        families = frozenset(map(family, ids))
        named = stated is None or families <= stated
        return named and not all(permits(policy, each) for each in families)

    return {path: data for path, data in texts.items() if not is_of_files(path)}


@dataclass(frozen=True, slots=True)
class Bench:
    """The data by which files are judged.

    `stands` is the verdict on files whose statement is the licence of the package. It is None if
    they need no verdict of their own, because files without a statement have the same one. They
    need one if REUSE's folder contains a text that is not permitted and that no statement refers
    to, because it may apply to them.
    """

    package: LicenseVerdict
    stands: LicenseVerdict | None
    project: Project
    beside: Mapping[str, Said]
    folders: "Folders"
    found: Findings
    policy: LicensePolicy

    def judge(self, path: str, said: Said) -> LicenseVerdict | None:
        """Return the verdict on one file; None if it has no statement besides the package's."""
        grants, others = self._statements(path, said)
        folder, of_folder = self.folders.above(path)
        if not grants and of_folder is not None:
            grants = [of_folder]
            self.folders.use(folder)
        parts = [Statement(notice, path) for notice in said.parts]
        if not grants and not parts and not others:
            return None
        allowed = ids_of(each.notice.expression for each in grants) if others else frozenset()
        for each in (*grants, *others, *parts):
            if (reason := DENIED.get(each.notice.standing)) is not None:
                return self._denied(reason, each)
        for each in others:
            if not self._permits(each.notice) and not ids_of([each.notice.expression]) <= allowed:
                return self._denied(Reason.FILE_LICENSE_NOT_PERMITTED, each)
        for each in (*grants, *parts):
            if not self._permits(each.notice):
                return self._denied(Reason.FILE_LICENSE_NOT_PERMITTED, each)
        return self._permitted(folder if grants == [of_folder] else "", grants, parts)

    def copyright(self, path: str) -> Iterator[str]:
        """Yield the copyright lines of annotations of a file."""
        for _, annotation in self.project.of(path):
            yield from annotation.copyright

    def _statements(self, path: str, said: Said) -> tuple[list[Statement], list[Statement]]:
        """Return the statements that decide a file's licence, and the others about it."""
        annotated = dict[Precedence, list[Statement]]()
        for where, annotation in self.project.of(path):
            if annotation.notice:
                statement = Statement(annotation.notice, where)
                annotated.setdefault(annotation.precedence, []).append(statement)
        if Precedence.OVERRIDE in annotated:
            return annotated[Precedence.OVERRIDE][:1], []
        place = path
        if path in self.beside and (self.beside[path].tags or self.beside[path].notices):
            place, said = path + SIDECAR, self.beside[path]
        notices = [Statement(notice, place) for notice in said.notices]
        aggregate = annotated.get(Precedence.AGGREGATE, [])
        closest = annotated.get(Precedence.CLOSEST, [])[-1:]
        if said.tags:
            return [Statement(said.tags, place), *aggregate], notices
        if closest or aggregate:
            return [*closest, *aggregate], notices
        return notices, []

    def _permits(self, notice: Notice) -> bool:
        expression = parse(str(notice.expression))
        if notice.in_full:
            return satisfied(expression, lambda each: permits(self.policy, family(each)))
        return satisfied(expression, self.policy.permits)

    def _denied(self, reason: Reason, by: Statement) -> LicenseVerdict:
        notice = by.notice
        detail = f"'{notice.words}' in {by.place}"
        if notice.expression:
            detail = f"{quoted(notice.expression, LONGEST_DETAIL // 2)}: {detail}"
        evidence = LicenseEvidence.TEXT_ONLY if notice.in_full else LicenseEvidence.DECLARED_ONLY
        return LicenseVerdict(notice.expression, evidence, reason, quoted(detail, LONGEST_DETAIL))

    def _permitted(
        self, folder: str, grants: Sequence[Statement], parts: Sequence[Statement]
    ) -> LicenseVerdict | None:
        """Return the verdict on a file whose statements are all permitted."""
        said = [str(each.notice.expression) for each in (*grants, *parts)]
        if not grants:
            if self.package.expression is None or self.stands is not None:
                return None
            said.insert(0, self.package.expression)
        expression = joined(said)
        if str(expression) == self.package.expression:
            return self.stands
        families = self.found.families | self.found.appended | self.folders.families(folder)
        found = replace(self.found, families=families)
        if verified(expression, found, self.policy) and not folder:
            evidence = LicenseEvidence.VERIFIED
        elif all(each.notice.in_full for each in grants) and grants:
            evidence = LicenseEvidence.TEXT_ONLY
        else:
            evidence = LicenseEvidence.DECLARED_ONLY
        places = dict.fromkeys(each.place for each in (*grants, *parts))
        detail = quoted(f"by {', '.join(places)}", LONGEST_DETAIL)
        return LicenseVerdict(taken(str(expression), self.policy.permits), evidence, None, detail)


@dataclass(slots=True)
class Folders:
    """Statements about folders below the root.

    These are licence files, and project files of applications that declare licences.
    """

    members: Mapping[str, bytes]
    texts: dict[str, list[str]] = field(default_factory=dict)
    projects: dict[str, str] = field(default_factory=dict)
    said: dict[str, Statement | None] = field(default_factory=dict)
    used: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find the licence files."""
        besides: dict[str, list[str]] = {}
        for path in sorted(self.members):
            folder, _, name = path.rpartition("/")
            above, _, last = folder.rpartition("/")
            if last == REUSE_FOLDER and above:
                self.texts.setdefault(above, []).append(path)
            elif above and last in TEXT_FOLDERS and is_text(name):
                besides.setdefault(above, []).append(path)
            elif folder and folder != REUSE_FOLDER and is_license_name(name):
                self.texts.setdefault(folder, []).append(path)
            elif name == "mix.exs" and folder:
                self.projects[folder] = path
            elif name.endswith(".app.src") and (place := folder.removesuffix("/src")) != "src":
                self.projects.setdefault(place, path)
        self.texts = besides | self.texts

    def above(self, path: str) -> tuple[str, Statement | None]:
        """Return the nearest folder above a file with a statement, and the statement."""
        folder = path.rpartition("/")[0]
        while folder:
            if folder not in self.said and (folder in self.texts or folder in self.projects):
                declared = self._declared(folder)
                self.said[folder] = self._read(self.texts.get(folder, []), declared) or declared
            if folder in self.texts or self.said.get(folder):
                return folder, self.said[folder]
            folder = folder.rpartition("/")[0]
        return "", None

    def use(self, folder: str) -> None:
        """Record that the licence files of a folder apply to a file."""
        self.used |= {path: self.members[path] for path in self.texts.get(folder, [])}

    def families(self, folder: str) -> frozenset[str]:
        """Return the families of the texts of a folder."""
        paths = self.texts.get(folder, [])
        return frozenset(family(one) for p in paths for one in recognize(self.members[p]).ids)

    def _declared(self, folder: str) -> Statement | None:
        """Return the declared licences in the project file of a folder, if it can be read."""
        path = self.projects.get(folder)
        found = DECLARED.search(decoded(self.members[path][:PROJECT])) if path else None
        if path is None or found is None:
            return None
        names = QUOTED.findall(found["names"])
        declared = None if too_long(names) else read_declaration(names)
        if declared is None or not declared.complete:
            return None
        words = " ".join(found.group().split())
        return Statement(Notice(Standing.LICENSED, declared.text, words), path)

    def _read(self, paths: Sequence[str], declared: Statement | None) -> Statement | None:
        """Return the statement of the licence files of a folder, with the declared licences."""
        ids: set[str] = set()
        for path in paths:
            data = self.members[path]
            found = recognize(data)
            ids |= {family(one) for one in found.ids}
            if found.rider:
                return Statement(Notice(Standing.CONDITIONED, None, found.rider), path)
            if not found.ids and (notice := own_words(decoded(data), found.terms)):
                sure = not is_named_after_license(path.rpartition("/")[2])
                sure = sure and path.rpartition("/")[0].rpartition("/")[2] not in TEXT_FOLDERS
                if notice.standing is Standing.UNKNOWN and not sure and not found.terms:
                    continue
                if notice.standing is not Standing.LICENSED:
                    return Statement(notice, path)
                ids |= ids_of([notice.expression])
        if not ids:
            return None
        words = " AND ".join(sorted(ids))
        said = declared.notice.expression if declared else None
        if said and not frozenset(map(family, ids_of([said]))) <= ids:
            words = str(joined([words, said]))
        return Statement(Notice(Standing.LICENSED, words, words, True), paths[0])


def is_text(name: str) -> bool:
    """Return whether a file in a folder of licences is a licence text and not the LICENSE of that
    folder.
    """
    of_folder = is_license_name(name) and not is_named_after_license(name)
    return not of_folder and PurePosixPath(name).suffix in TEXT_SUFFIXES


def own_words(text: str, terms: frozenset[str]) -> Notice | None:
    """Return the notice in an unrecognised licence file; None if it only refers to another file."""
    notice = read_notice(text[:16_384])
    if notice is not None:
        return notice
    if terms:
        return Notice(Standing.UNKNOWN, None, ", ".join(sorted(terms)))
    pointer = len(text) < POINTER and any(word in text.lower() for word in ("see ", "../", "root"))
    if pointer or not text.strip():
        return None
    return Notice(Standing.UNKNOWN, None, quoted(text.lstrip()[:LONGEST_DETAIL], 80))
