import re
import time
import tracemalloc
from pathlib import Path

import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.ingest.bundle import documents_table, rejects_table
from corpus.licenses import LicensePolicy, copyright_lines, judge_files
from corpus.licenses.reuse import Globs, toml_tokens
from corpus.licenses.statements import read_file
from corpus.parts import write_part
from corpus.reasons import RejectedFile
from tests.corpus.license_situations import (
    SITUATIONS,
    Situation,
    debian_situations,
    ex,
    found,
    opened,
    reuse,
    tag,
    wrongly_permitted,
)
from tests.stores import MIT

POLICY = LicensePolicy()
WORDS = (
    *("SPDX-License-Identifier:", "MIT", "OR", "AND", "WITH", "(", ")", "LicenseRef-", "GPL", "\n"),
    *("Licensed under the", "License", "either", "version", "2", "Copyright", "%", "#", '"""'),
    *("REUSE-IgnoreStart", "\x00", "\udc80", "CONFIDENTIAL", "without permission", "-->"),
)
LINES = (
    *("[[annotations]]\n", 'path = "lib/**"\n', "path = [", "]", "}", "{", "a.b = 1\n", '"', "\n"),
    *('SPDX-License-Identifier = "GPL-2.0"\n', 'precedence = "override"\n', "\\", "version = 1\n"),
    *("Files: lib/*\n", "License: GPL-3+\n", " a\n", "\n\n", "*", "?"),
)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_every_file_has_its_own_licence(situation: Situation, tmp_path: Path) -> None:
    assert found(situation, tmp_path) == situation.expected


@pytest.mark.parametrize(
    "situation", list(debian_situations()), ids=lambda situation: situation.name.split()[-1]
)
def test_whole_texts_of_this_machine_are_judged(situation: Situation, tmp_path: Path) -> None:
    assert found(situation, tmp_path) == situation.expected


def test_no_copyright_file_of_this_machine_with_a_part_under_the_gpl_is_permitted() -> None:
    _, permitted = wrongly_permitted()
    assert permitted == []


def test_there_are_many_situations() -> None:
    assert len(SITUATIONS) >= 40
    assert len({situation.name for situation in SITUATIONS}) == len(SITUATIONS)


def test_a_reject_says_which_licence_and_where(tmp_path: Path) -> None:
    situation = Situation("", {"lib/a.ex": ex(tag("GPL-3.0-only"))}, {})
    details = {
        f.path: f.reject.detail
        for f in opened(situation, tmp_path).files
        if isinstance(f, RejectedFile)
    }
    assert (
        details["lib/a.ex"] == "GPL-3.0-only: 'SPDX-License-Identifier: GPL-3.0-only' in lib/a.ex"
    )


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (
            "This Source Code Form is subject to the terms of the Mozilla Public\n"
            "License, v. 2.0. If a copy of the MPL was not distributed with this\n"
            "file, You can obtain one at https://mozilla.org/MPL/2.0/.",
            "MPL-2.0: 'Code Form is subject to the terms of the Mozilla Public License, v. 2.0. "
            "If a copy of the MPL was not distributed with' in lib/a.ex",
        ),
        (
            "Copyright Acme. No part of this \x1b[2Jfile may be copied.",
            "'No part of this \\x1b[2Jfile may be' in lib/a.ex",
        ),
        (
            "SPDX-License-Identifier: \x1b[31mAcme\u202e-1.0",
            "'SPDX-License-Identifier: \\x1b[31mAcme\\u202e-1.0' in lib/a.ex",
        ),
    ],
)
def test_a_detail_quotes_whole_words_and_no_controls(head: str, words: str, tmp_path: Path) -> None:
    item = opened(Situation("", {"lib/a.ex": ex(head)}, {}), tmp_path)
    assert item.licenses is not None
    assert item.licenses.of("lib/a.ex").detail == words


def test_a_policy_decides_about_files_too() -> None:
    files = {"LICENSE": MIT, "lib/a.ex": ex(tag("MPL-2.0")).encode()}
    verdict = judge_files(["MIT"], files, LicensePolicy(permitted_extra=frozenset({"MPL-2.0"})))
    assert (verdict.of("lib/a.ex").expression, verdict.of("lib/a.ex").reason) == ("MPL-2.0", None)
    assert verdict.package.expression == "MIT"


def test_who_wrote_an_annotated_file_is_credited(tmp_path: Path) -> None:
    item = opened(Situation("", {"REUSE.toml": reuse("**", "ISC"), "lib/a.ex": ex()}, {}), tmp_path)
    assert item.copyright == [*copyright_lines(MIT), "2020 Ada"]


def test_the_licence_file_of_a_folder_is_credited(tmp_path: Path) -> None:
    folder = b"Copyright 2021 Bob\n\n" + MIT
    item = opened(Situation("", {"lib/b/LICENSE": folder, "lib/b/c.ex": ex()}, {}), tmp_path)
    assert sorted(item.license_texts) == ["LICENSE", "lib/b/LICENSE"]
    assert item.copyright == [*copyright_lines(MIT), "Copyright 2021 Bob"]


def test_a_long_licence_does_not_stand_on_every_row(tmp_path: Path) -> None:
    ids = sorted(POLICY.permitted)[:100]
    declared = (" AND ".join(ids)[:990].rpartition(" AND ")[0],)
    files: dict[str, str | bytes] = {f"lib/a{n}.ex": ex(module=f"A{n}") for n in range(1_000)}
    item = opened(Situation("", files, {}, declared, None), tmp_path)
    table = documents_table([item])
    assert table.num_rows == 1_000
    (expression,) = table["license_expression"].unique().to_pylist()
    assert len(expression) > 900
    write_part(table.select(["license_expression"]), tmp_path / "part")
    assert (tmp_path / "part").stat().st_size < 20_000


def test_a_very_long_declaration_is_refused_in_little_memory(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"lib/a{n}.ex": ex() for n in range(1_000)}
    situation = Situation("", files, {}, ("aaaaa",) * 50_000)
    opened(situation, tmp_path / "warm")
    tracemalloc.start()
    item = opened(situation, tmp_path / "measured")
    table = rejects_table([item])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32_000_000
    assert table.nbytes < 1_000_000
    assert table.filter(pc.not_equal(table["path"], ""))["reason"].unique().to_pylist() == [
        "license_too_long"
    ]


HEADS = st.lists(
    st.sampled_from(WORDS),
    max_size=40,
)
BYTES = st.one_of(
    st.binary(max_size=300),
    HEADS.map(lambda words: " ".join(words).encode("utf-8", "surrogateescape")),
)


@given(BYTES, st.sampled_from(["lib/a.ex", "src/a.erl", "lib/a.heex", "priv/templates/a.ex"]))
def test_whatever_a_file_says_it_gets_a_verdict(data: bytes, path: str) -> None:
    for sign in (b"", b"# ", b"%% ", b"<%# "):
        verdict = judge_files(["MIT"], {"LICENSE": MIT, path: sign + data}, POLICY).of(path)
        assert (verdict.expression is not None) or verdict.reason is not None


TOML = st.lists(
    st.sampled_from(LINES),
    max_size=30,
).map(lambda parts: "".join(parts).encode())


@given(st.one_of(TOML, st.binary(max_size=200)), st.sampled_from(["REUSE.toml", ".reuse/dep5"]))
def test_whatever_an_annotation_says_every_file_gets_a_verdict(data: bytes, path: str) -> None:
    verdict = judge_files(["MIT"], {"LICENSE": MIT, path: data, "lib/a.ex": ex().encode()}, POLICY)
    assert (verdict.of("lib/a.ex").expression or verdict.of("lib/a.ex").reason) is not None


PATTERNS = st.text("ab/*?\\.", max_size=12)


@given(PATTERNS, st.text("ab/.", min_size=1, max_size=12))
def test_a_pattern_matches_as_its_regular_expression_does(pattern: str, path: str) -> None:
    stars = {"*": "[^/]*", "**": ".*"}
    tokens = toml_tokens(pattern)
    expression = "".join(stars.get(token) or re.escape(token[1:]) for token in tokens)
    matches = re.fullmatch(expression, path, re.DOTALL) is not None
    assert (Globs([tokens]).last_match(path) is not None) == matches


HOSTILE: dict[str, dict[str, str]] = {
    "stars": {"REUSE.toml": '[[annotations]]\npath = "' + "*a" * 4_000 + '"\n'},
    "brackets": {"REUSE.toml": "a = " + "[" * 60_000},
    "a dotted key": {"REUSE.toml": "a." * 30_000 + "b = 1\n"},
    "words": {"REUSE.toml": "a" * 65_000},
    "stars of Debian": {".reuse/dep5": "Files: " + "*a" * 4_000 + "\nLicense: MIT\n"},
    "tags": {"lib/b.ex": "# SPDX-License-Identifier: (MIT OR\n" * 20_000},
    "brackets in a tag": {"lib/b.ex": "# SPDX-License-Identifier: " + "(" * 500_000},
    "grants": {"lib/b.ex": "# licensed under the " * 400},
    "names": {"lib/b.ex": "# licensed under the " + "GPL MIT or " * 700},
    "points": {"lib/b.ex": "# copyright " + "." * 8_000},
    "blanks": {"lib/b.ex": "# copyright " + " " * 8_000 + "x\n"},
    "marks": {"lib/b.ex": "# copyright\n" + "#\n" * 4_000},
    "dashes": {"lib/b.ex": "# copyright " + "-" * 8_000 + "\n"},
    "permission": {"lib/b.ex": "# permission is hereby granted, free of charge, to " * 150},
    "capitals in one word": {"lib/b.ex": "# licensed under the " + "A" * 8_000 + "!"},
    "dashes behind a word": {"lib/b.ex": "# copyright " + "proprietary " + "-" * 7_000 + "x\n"},
    "words behind a word": {"lib/b.ex": "# copyright " + "proprietary " * 650},
    "no training": {"lib/b.ex": "# MIT " + "not ai " * 500 + "!" * 4_000},
    "a text of signs": {"LICENSES/LicenseRef-A.txt": "!\n" * 120_000},
    "project files": {f"a{n}/mix.exs": "licenses: [" * 5_000 for n in range(20)},
    "capitals": {"lib/b.ex": "# licensed under the " + "A " * 3_900},
    "no newline": {"lib/b.ex": '"""\n' + "copyright " * 800},
    "quotes": {"lib/b.ex": "# copyright\n" + '"""\n' * 2_000},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_statements_take_little_time(name: str) -> None:
    files = {path: text.encode() for path, text in HOSTILE[name].items()}
    judge_files(["MIT"], {"LICENSE": MIT, "lib/a.ex": ex().encode()}, POLICY)
    start = time.process_time()
    judge_files(["MIT"], {**files, "LICENSE": MIT, "lib/a.ex": ex().encode()}, POLICY)
    assert time.process_time() - start < 1


def judged(head: str) -> str:
    """Return the reason of a file with a head in an MIT package, or its expression."""
    files = {"LICENSE": MIT, "lib/a.ex": ex(head).encode()}
    verdict = judge_files(["MIT"], files, POLICY).of("lib/a.ex")
    return str(verdict.reason or verdict.expression)


GRANTS = (
    "A linked list library released under the GPL v2.",
    "A linked list library, released under the GPL v2.",
    "Full-text search for Foo, licensed under the GPL v2.",
    "Drop-in replacement for foo, licensed under the GPL v2.",
    "An API-compatible rewrite of foo, licensed under the GPL v2.",
    "List utilities, distributed under GPL v2",
    "Checks spelling. Released under the GPL v2.",
    "This example is free software; you can redistribute it under the terms of the GPL v2.",
    "These packages are licensed under the GPL v2.",
    "Unless otherwise noted, this file is licensed under the GPL v2.",
    "If not stated otherwise, this is licensed under the GPL v2.",
    "Every file in this directory is licensed under the GPL v2.",
    "Some code in this file is licensed under the GPL v2.",
    "Parts of this file are under the MIT license and other parts under the GPL v2.",
    "This code was released under the GPL v2 by Bob.",
    "Foo is GPLv2 licensed.",
    "Foo is free software licensed GPLv2.",
    "foo - a tool (GPLv2)",
    "GNU GENERAL PUBLIC LICENSE Version 2, June 1991",
    "License: MIT/GPL-2.0",
    "Licensed under the Lesser GPL v2.",
    "Licensed under the Affero GPL v3.",
    "Licensed under the wxWindows Library Licence, Version 3.1.",
    "Licensed under the Artistic License 1.0.",
    "Distributed under the Perl Artistic License.",
    "Code from the forum, licensed CC BY-SA 3.0",
    "This work is licensed under http://creativecommons.org/licenses/by-nc/4.0/",
    "License-Identifier: GPL-3.0-only",
    '"SPDX-License-Identifier": "GPL-2.0-only"',
    "MIT License\n\nContains code from libfoo, Copyright 2010 Bob, GPL v2.",
    "Not to be used for commercial purposes.",
    "Copyright 2020 Ada. Licensed under the RSALv2.",
)
TALK = (
    "Finds packages licensed under the GPL v2.",
    "Rejects dependencies under the GPL v2.",
    "Warns if a dependency is licensed under the GPL v2.",
    "Packages licensed under the GPL v2 are refused.",
    "A file licensed under the GPL v2 is refused.",
    "Returns the packages that are under the GPL v2.",
    "For example, a file licensed under the GPL v2 is refused.",
    "License: the licence of a package, such as GPL-3.0",
    "License: a key of the customer",
    "Released to work with all GPL-compatible licences.",
    "OAuth2 confidential clients are supported.",
    "Speaks the proprietary protocol of Acme printers.",
    "Proprietary extensions of Acme are decoded.",
    "Encrypts confidential data.",
    "Unauthorized access to endpoints is forbidden and gives 403.",
)
DENIALS = (
    "DO NOT REDISTRIBUTE",
    "Not for distribution.",
    "Acme Inc. internal use only.",
    "This is proprietary source code of Acme.",
    "Proprietary software of Acme.",
    "This software is proprietary.",
    "The information herein is confidential to Acme.",
    "This file contains confidential data of Acme.",
    "Unauthorised access to this file is prohibited.",
    "You may not use, copy or distribute this file.",
    "Only licensed customers may use this file.",
    "Use is restricted to Acme employees.",
    "This file may only be used with a valid Acme subscription.",
    "Unpublished. Restricted rights.",
    "Licensed Materials - Property of Acme",
    "Vertraulich",
    "Die Weitergabe und Vervielf\u00e4ltigung ist ohne Genehmigung nicht gestattet.",
    "Unbefugtes Kopieren ist verboten.",
    "Confidentiel - ne pas diffuser",
    "Toute reproduction sans autorisation est interdite.",
    "Confidencial. Prohibida su reproducci\u00f3n sin autorizaci\u00f3n.",
)
STRANGE = (
    "You may use this under the same terms as Erlang/OTP itself.",
    "Released under the same license as Perl.",
    "Fair Source License, version 0.9",
    "Licensed under the iMatix Standard Function Library license.",
    "Licensed under the n8n Sustainable Use License.",
    "Licensed under the Llama 2 Community License.",
)


@pytest.mark.parametrize("head", GRANTS)
def test_a_grant_is_known_in_many_sentences(head: str) -> None:
    assert judged(f"Copyright 2020 Ada\n{head}") == "file_license_not_permitted"


@pytest.mark.parametrize("head", TALK)
def test_talk_of_licences_and_secrets_is_no_statement(head: str) -> None:
    assert judged(f"Copyright 2020 Ada\n{head}") == "MIT"


@pytest.mark.parametrize("head", DENIALS)
def test_a_denial_is_known_in_many_words(head: str) -> None:
    assert judged(f"Copyright 2020 Acme\n{head}") == "file_license_proprietary"


@pytest.mark.parametrize("head", STRANGE)
def test_terms_that_nobody_knows_are_refused(head: str) -> None:
    assert judged(f"Copyright 2020 Ada\n{head}") == "file_license_unknown"


@pytest.mark.parametrize(
    ("head", "expression"),
    [
        ("Released under the same license as Elixir.", "Apache-2.0"),
        ("Licensed under the Apache Software License, Version 1.0.", "Apache-1.0"),
        ("License: https://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("License: MIT/Apache-2.0", "MIT OR Apache-2.0"),
    ],
)
def test_a_permitted_licence_is_told_exactly(head: str, expression: str) -> None:
    assert judged(head) == expression


@pytest.mark.parametrize("head", ["Not for AI training.", "May not be used to train models."])
def test_a_ban_on_training_is_a_condition(head: str) -> None:
    assert judged(f"MIT License. {head}") == "file_license_not_permitted"


def test_a_hundred_thousand_tags_are_read_in_linear_time() -> None:
    tags = b"# SPDX-License-Identifier: MIT\n" * 120_000
    began = time.process_time()
    assert str(read_file(tags, "elixir").tags) == str(read_file(tags[:31], "elixir").tags)
    assert time.process_time() - began < 3
