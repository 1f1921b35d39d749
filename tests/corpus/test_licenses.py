from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.licenses import (
    BadList,
    LicenseEvidence,
    LicensePolicy,
    LicenseVerdict,
    copyright_lines,
    is_license_file,
    judge,
    judge_declaration,
    read_list,
)
from corpus.reasons import Reason

POLICY = LicensePolicy()
APACHE = Path(__file__).parents[2].joinpath("LICENSE").read_bytes()
ISC = b"""Copyright (c) 2024, Ada Lovelace <ada@engine.example>

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
"""
GPL = b"""This program is free software: you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by
the Free Software Foundation, either version 3 of the License, or
(at your option) any later version.

This program is distributed in the hope that it will be useful,
but WITHOUT ANY WARRANTY; without even the implied warranty of
MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
GNU General Public License for more details.
"""
MPL = b"""This Source Code Form is subject to the terms of the Mozilla Public
License, v. 2.0. If a copy of the MPL was not distributed with this
file, You can obtain one at http://mozilla.org/MPL/2.0/.
"""
OWN = b"You may use this on Tuesdays, after asking my aunt.\n"


@pytest.mark.parametrize(
    ("declared", "expression"),
    [
        (["MIT"], "MIT"),
        (["mit"], "MIT"),
        (["Apache 2"], "Apache-2.0"),
        (["apache 2.0"], "Apache-2.0"),
        ([" Apache License, Version 2.0 "], "Apache-2.0"),
        (["Apache License 2.0"], "Apache-2.0"),
        (["APL 2.0"], "Apache-2.0"),
        (["BSD 3-Clause"], "BSD-3-Clause"),
        (["New BSD"], "BSD-3-Clause"),
        (["MIT License"], "MIT"),
        (["MIT/Apache-2.0"], "MIT OR Apache-2.0"),
        (["Apache 2 / MIT"], "Apache-2.0 OR MIT"),
        (["MIT", "Apache 2"], "MIT AND Apache-2.0"),
        (["MIT", "The MIT License", ""], "MIT"),
        (["MIT OR GPL-3.0-only"], "MIT OR GPL-3.0-only"),
        (["ISC", "MIT OR GPL-3.0-only"], "ISC AND (MIT OR GPL-3.0-only)"),
        (["Apache-2.0 WITH LLVM-exception"], "Apache-2.0 WITH LLVM-exception"),
        (["CC0-1.0"], "CC0-1.0"),
        (["Unlicense"], "Unlicense"),
        (["0BSD"], "0BSD"),
    ],
)
def test_a_permitted_declaration_is_read_as_spdx(declared: list[str], expression: str) -> None:
    assert judge_declaration(declared, POLICY) == LicenseVerdict(
        expression, LicenseEvidence.DECLARED_ONLY, None, ""
    )


@pytest.mark.parametrize(
    "declared",
    [
        ["GPL-3.0"],
        ["MIT", "GPL-3.0-only"],
        ["MIT AND GPL-2.0+"],
        ["MPL-2.0"],
        ["AGPL-3.0-or-later"],
        ["GPL-2.0-only WITH Classpath-exception-2.0"],
        ["WTFPL"],
        ["Proprietary"],
        ["BUSL-1.1"],
        ["MIT", "LISENSE.md", "GPLv3"],
        ["AGPLv3"],
        ["GPLv2"],
        ["LGPL 2.1+"],
        ["GNU GPLv3"],
        ["MPL2"],
        ["EPLv2"],
    ],
)
def test_a_declaration_that_the_policy_does_not_permit_is_denied(declared: list[str]) -> None:
    verdict = judge_declaration(declared, POLICY)
    assert (verdict.reason, verdict.evidence) == (
        Reason.LICENSE_NOT_PERMITTED,
        LicenseEvidence.DECLARED_ONLY,
    )
    assert judge(declared, {}, POLICY).reason is Reason.LICENSE_NOT_PERMITTED


@pytest.mark.parametrize(
    ("declared", "detail"),
    [
        ([], "no licence is declared"),
        (["", " "], "no licence is declared"),
        (["LISENSE.md"], "not a licence name: 'LISENSE.md'"),
        (["Apache", "BSD"], "not a licence name: 'Apache', 'BSD'"),
        (["None"], "not a licence name: 'None'"),
        (["BSD/MIT"], "not a licence name: 'BSD/MIT'"),
        (["MIT AND ("], "not a licence name: 'MIT AND ('"),
    ],
)
def test_an_unreadable_declaration_is_left_to_the_texts(declared: list[str], detail: str) -> None:
    assert judge_declaration(declared, POLICY) == LicenseVerdict(
        None, LicenseEvidence.UNKNOWN, None, detail
    )
    assert judge(declared, {}, POLICY) == LicenseVerdict(
        None, LicenseEvidence.UNKNOWN, Reason.LICENSE_UNKNOWN, f"{detail}; texts recognised: none"
    )
    assert judge(declared, {"LICENSE": ISC}, POLICY) == LicenseVerdict(
        "ISC", LicenseEvidence.TEXT_ONLY, None, detail
    )
    assert judge(declared, {"LICENSE": GPL}, POLICY).reason is Reason.LICENSE_NOT_PERMITTED
    assert judge(declared, {"LICENSE": OWN}, POLICY).reason is Reason.LICENSE_UNKNOWN


@pytest.mark.parametrize(
    "declared",
    [["LicenseRef-ours"], ["MIT", "LicenseRef-ours"], ["MIT AND LicenseRef-ours"]],
)
def test_terms_of_the_authors_own_are_unknown_unless_the_policy_names_them(
    declared: list[str],
) -> None:
    detail = "terms of the author's own, which the policy does not name: LicenseRef-ours"
    for texts in ({}, {"LICENSE": ISC}, {"LICENSE": OWN}):
        verdict = judge(declared, texts, POLICY)
        assert (verdict.reason, verdict.detail) == (Reason.LICENSE_UNKNOWN, detail)
    assert judge_declaration(declared, POLICY).detail == detail
    named = LicensePolicy(permitted_extra=frozenset({"LicenseRef-ours"}))
    assert judge(declared, {}, named).reason is None
    assert judge(["GPL-3.0-only AND LicenseRef-ours"], {}, POLICY).reason is (
        Reason.LICENSE_NOT_PERMITTED
    )
    assert judge(["ISC OR LicenseRef-ours"], {"LICENSE": ISC}, POLICY).reason is None


@pytest.mark.parametrize("declared", ["( AND MIT", "()", "MIT AND ()", "(OR MIT)", "()+"])
def test_a_broken_expression_is_unreadable(declared: str) -> None:
    assert judge([declared], {}, POLICY).reason is Reason.LICENSE_UNKNOWN
    assert judge_declaration([declared], POLICY).reason in (None, Reason.LICENSE_UNKNOWN)


@pytest.mark.parametrize("other", ["CC-BY-NC-4.0", "Parity-7.0.0", "JSON", "Sleepycat"])
def test_a_slash_is_a_choice_between_permissive_licences_only(other: str) -> None:
    assert judge(["MIT/Apache-2.0"], {}, POLICY).expression == "MIT OR Apache-2.0"
    assert judge([f"MIT/{other}"], {}, POLICY).reason is Reason.LICENSE_UNKNOWN


def test_a_text_settles_only_as_much_as_it_says() -> None:
    half = judge(["ISC", "My own"], {"LICENSE": ISC}, POLICY)
    assert (half.evidence, half.reason) == (LicenseEvidence.UNKNOWN, Reason.LICENSE_UNKNOWN)
    both = judge(["ISC", "Apache"], {"LICENSE": ISC, "LICENSE-APACHE": APACHE}, POLICY)
    assert both == LicenseVerdict(
        "ISC AND Apache-2.0", LicenseEvidence.TEXT_ONLY, None, "not a licence name: 'Apache'"
    )


@pytest.mark.parametrize(
    ("declared", "texts", "evidence"),
    [
        (["ISC"], {"LICENSE": ISC}, LicenseEvidence.VERIFIED),
        (
            ["ISC", "Apache-2.0"],
            {"LICENSE-ISC": ISC, "LICENSE-APACHE": APACHE},
            LicenseEvidence.VERIFIED,
        ),
        (["ISC", "Apache-2.0"], {"LICENSE": ISC + APACHE}, LicenseEvidence.VERIFIED),
        (["ISC", "Apache-2.0"], {"LICENSE": ISC}, LicenseEvidence.DECLARED_ONLY),
        (["ISC OR Apache-2.0"], {"LICENSE": ISC}, LicenseEvidence.VERIFIED),
        (["ISC OR GPL-3.0-only"], {"LICENSE": GPL}, LicenseEvidence.DECLARED_ONLY),
        (["ISC OR GPL-3.0-only"], {"LICENSE": GPL, "COPYING": ISC}, LicenseEvidence.VERIFIED),
        (["Apache-2.0"], {"LICENSES/Apache-2.0.txt": APACHE}, LicenseEvidence.VERIFIED),
        (["Apache-2.0"], {"LICENSE": APACHE, "LICENSE-of-a-part": ISC}, LicenseEvidence.VERIFIED),
        (["ISC"], {"LICENSE": ISC, "deps/gpl/LICENSE": GPL}, LicenseEvidence.VERIFIED),
        (["ISC"], {"LICENSE": ISC, "NOTICE": GPL}, LicenseEvidence.VERIFIED),
        (["ISC"], {}, LicenseEvidence.DECLARED_ONLY),
        (["ISC"], {"LICENSE": OWN}, LicenseEvidence.DECLARED_ONLY),
        (["ISC"], {"LICENSE": b""}, LicenseEvidence.DECLARED_ONLY),
        (["ISC"], {"LICENSE": OWN, "LICENSE-of-a-part": APACHE}, LicenseEvidence.DECLARED_ONLY),
    ],
)
def test_texts_are_weighed_as_evidence(
    declared: list[str], texts: dict[str, bytes], evidence: LicenseEvidence
) -> None:
    verdict = judge(declared, texts, POLICY)
    assert (verdict.evidence, verdict.reason) == (evidence, None)
    assert verdict.expression == judge_declaration(declared, POLICY).expression


def test_a_text_that_is_not_recognised_is_named() -> None:
    assert judge(["ISC"], {"LICENSE": OWN}, POLICY).detail == "not recognised: LICENSE"


@pytest.mark.parametrize(
    ("texts", "detail"),
    [
        ({"LICENSE": APACHE}, "declared is ISC, the texts are Apache-2.0"),
        ({"LICENSE": ISC, "COPYING": GPL}, "declared is ISC, the texts are GPL-3.0, ISC"),
        ({"LICENSE": ISC + b"\n" + GPL}, "declared is ISC, the texts are GPL-3.0, ISC"),
        ({"LICENSE": ISC, "LICENSES/MPL.txt": MPL}, "declared is ISC, the texts are ISC, MPL-2.0"),
    ],
)
def test_a_text_that_says_something_else_contradicts(texts: dict[str, bytes], detail: str) -> None:
    assert judge(["ISC"], texts, POLICY) == LicenseVerdict(
        "ISC", LicenseEvidence.CONTRADICTED, Reason.LICENSE_CONTRADICTED, detail
    )


@pytest.mark.parametrize(
    "declared",
    [
        "AGPL",
        "LGPL",
        "GNU General Public License",
        "GPL/ISC",
        "ISC, GPL",
        "EPL",
        "Mozilla",
        "SSPL",
        "Business Source License",
        "CC BY-SA",
        "Commercial",
        "UNLICENSED",
        "Private",
        "Closed source",
        "Company internal",
        "Copyright 2020 Acme, all rights reserved",
        "Free for non-commercial use",
        "Proprietary software",
        "Freeware",
    ],
)
def test_restrictive_words_contradict_a_permissive_text(declared: str) -> None:
    assert judge([declared], {"LICENSE": ISC}, POLICY) == LicenseVerdict(
        "ISC",
        LicenseEvidence.CONTRADICTED,
        Reason.LICENSE_CONTRADICTED,
        f"declared is {declared!r}, the texts are ISC",
    )
    assert (
        judge(["ISC", declared], {"LICENSE": ISC}, POLICY).evidence is LicenseEvidence.CONTRADICTED
    )
    assert judge([declared], {}, POLICY).reason is Reason.LICENSE_UNKNOWN
    assert judge_declaration([declared], POLICY).reason is None


@pytest.mark.parametrize(
    "text",
    [
        b"Licensor: Acme\n\nBusiness Source\nLicense 1.1\n\nTerms: production use is not granted.",
        b"This is licensed under the Elastic License 2.0, see our site.",
        b"Copyright 2024 Acme. Proprietary and Confidential.",
        b"Unauthorized copying of this file, via any medium, is strictly prohibited.",
        b"You may use this under the GNU Affero General Public License only.",
    ],
)
def test_restrictive_terms_in_a_text_of_its_own_contradict_a_permissive_declaration(
    text: bytes,
) -> None:
    verdict = judge(["Apache-2.0"], {"LICENSE": text}, POLICY)
    assert verdict.reason is Reason.LICENSE_CONTRADICTED
    assert "not recognised: LICENSE; which names '" in verdict.detail
    assert judge(["ISC"], {"COPYING": ISC, "LICENSE": text}, POLICY).reason is verdict.reason
    assert judge([], {"COPYING": ISC, "LICENSE": text}, POLICY).reason is verdict.reason


def test_a_text_that_names_a_declared_choice_does_not_contradict() -> None:
    text = b"Choose the GNU Lesser General Public License or the ISC license."
    verdict = judge(["ISC OR LGPL-3.0-only"], {"LICENSE": text}, POLICY)
    assert (verdict.evidence, verdict.reason) == (LicenseEvidence.DECLARED_ONLY, None)


def test_a_text_of_the_restrictive_licence_that_is_named_bears_it_out() -> None:
    policy = LicensePolicy(permitted_extra=frozenset({"MPL-2.0"}))
    verdict = judge(["Mozilla"], {"LICENSE": MPL}, policy)
    assert verdict == LicenseVerdict(
        "MPL-2.0", LicenseEvidence.TEXT_ONLY, None, "not a licence name: 'Mozilla'"
    )
    assert judge(["Mozilla"], {"LICENSE": ISC}, policy).reason is Reason.LICENSE_CONTRADICTED
    assert judge(["Mozilla"], {"LICENSE": MPL}, POLICY).reason is Reason.LICENSE_NOT_PERMITTED


@pytest.mark.parametrize("declared", ["A simple licence", "Custom", "Other", "see LICENSE"])
def test_words_that_name_no_terms_leave_it_to_the_text(declared: str) -> None:
    assert judge([declared], {"LICENSE": ISC}, POLICY).evidence is LicenseEvidence.TEXT_ONLY


@pytest.mark.parametrize(
    "condition",
    [
        b'"Commons Clause" License Condition v1.0\n\nThe Software is provided subject to it.',
        b"The Software must not be used for training machine learning models.",
        b"Free for non-commercial use.",
    ],
)
def test_a_condition_added_to_a_permitted_licence_denies_it(condition: bytes) -> None:
    for texts in ({"LICENSE": condition + b"\n\n" + APACHE}, {"LICENSE": APACHE + condition}):
        verdict = judge(["Apache-2.0"], texts, POLICY)
        assert verdict.reason is Reason.LICENSE_NOT_PERMITTED
        assert verdict.detail.startswith("a condition is added to the licence: ")


def test_a_policy_can_be_extended() -> None:
    policy = LicensePolicy(permitted_extra=frozenset({"MPL-2.0"}))
    assert judge_declaration(["MPL 2.0"], policy).reason is None
    assert judge(["MPL-2.0"], {"LICENSE": MPL}, policy).evidence is LicenseEvidence.VERIFIED
    assert judge(["ISC"], {"LICENSE": ISC, "LICENSE-MPL": MPL}, policy).reason is None
    assert judge(["MPL-2.0", "GPL-3.0"], {}, policy).reason is Reason.LICENSE_NOT_PERMITTED


@pytest.mark.parametrize(
    ("declared", "detail"),
    [
        (["aaaaa"] * 50_000, "50,000 licences of 250,000 characters are declared"),
        (["MIT"] * 33, "33 licences of 99 characters are declared"),
        (["MIT " * 251], "1 licences of 1,004 characters are declared"),
    ],
)
def test_a_declaration_that_is_too_long_is_refused_unread(declared: list[str], detail: str) -> None:
    for verdict in (judge_declaration(declared, POLICY), judge(declared, {"LICENSE": ISC}, POLICY)):
        assert verdict.reason is Reason.LICENSE_TOO_LONG
        assert verdict.detail == f"{detail}, at most 32 of 1,000 are read"
        assert verdict.expression is None


def test_a_policy_can_be_narrowed() -> None:
    policy = LicensePolicy(permitted=frozenset({"MIT"}))
    assert judge_declaration(["ISC"], policy).reason is Reason.LICENSE_NOT_PERMITTED


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("NOPE-1", "OPL-1.0"),
        ("MPLL", "MTLL"),
        ("MPL-2", "MPL-2.0"),
        ("mit", "MIT"),
        ("Apache2.0", "Apache-2.0"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("", "[A-Za-z0-9.-]+"),
        ("LLVM-exception", "[A-Za-z0-9.-]+"),
    ],
)
def test_a_policy_names_licences_that_there_are(text: str, meant: str) -> None:
    for name in ("permitted", "permitted_extra"):
        with pytest.raises(ValueError, match=rf"^'{text}' is no SPDX id \(did you mean {meant}\)$"):
            LicensePolicy(**{name: frozenset({"MIT", text})})


def test_a_policy_may_name_what_declarations_are_read_as_beside_spdx() -> None:
    policy = LicensePolicy(permitted_extra=frozenset({"LicenseRef-public-domain"}))
    assert judge_declaration(["Public Domain"], policy).reason is None


@pytest.mark.parametrize(
    "text",
    [
        "# ours\nMIT\n\nMPL-2.0  # since 2026\nLicenseRef-public-domain\n",
        "\ufeffMIT\r\nMPL-2.0\r\nLicenseRef-public-domain\r\n",
        '["MIT", "MPL-2.0", "LicenseRef-public-domain"]',
        '{"about": "ours", "ids": ["MIT", "MPL-2.0", "LicenseRef-public-domain"]}',
    ],
    ids=["lines", "lines of Windows", "array", "object"],
)
def test_a_list_of_licences_is_a_file_with_ids(tmp_path: Path, text: str) -> None:
    (tmp_path / "ours").write_text(text, encoding="utf-8", newline="")
    expected = {"MIT", "MPL-2.0", "LicenseRef-public-domain"}
    assert read_list(str(tmp_path / "ours")) == expected
    assert read_list("ours", tmp_path) == expected


@pytest.mark.parametrize("name", ["blueoak", "blueoak-silver", "file-copyleft"])
def test_a_list_with_a_name_is_a_policy(name: str) -> None:
    policy = LicensePolicy(permitted=read_list(name))
    assert judge_declaration(["MIT"], policy).reason is None
    assert judge_declaration(["GPL-3.0"], policy).reason is Reason.LICENSE_NOT_PERMITTED


def test_lists_have_names() -> None:
    assert read_list("blueoak") == POLICY.permitted
    assert read_list("blueoak-silver") < POLICY.permitted
    assert {"MIT", "Apache-2.0", "ISC"} <= read_list("blueoak-silver")
    assert "BSD-3-Clause" not in read_list("blueoak-silver")
    assert read_list("file-copyleft") - POLICY.permitted >= {"MPL-2.0", "CDDL-1.1", "ErlPL-1.1"}
    assert not {"GPL-2.0-only", "LGPL-3.0-only", "EPL-2.0"} & read_list("file-copyleft")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"MIT\nApache 2.0\n", r"line 2: 'Apache 2.0' is no SPDX id \(did you mean Apache-2.0\)"),
        (b'["MIT", "mit"]', r"element 1: 'mit' is no SPDX id \(did you mean MIT\)"),
        (b"# nothing yet\n", "names no licence, so nothing would be permitted"),
        (b'{"ids": [], "ids": []}', r"not JSON \(an object has a key twice\)"),
        (b'["MIT"', "not JSON"),
        (b'{"permitted": ["MIT"]}', "its JSON is no array of texts"),
        (b"[1]", "its JSON is no array of texts"),
        (b"\xff\xfeM\x00", "not UTF-8"),
        (b"M" * 5_000, "line 1: a text of 5000 characters is no SPDX id"),
        (b"MIT\n" * 300_000, "more than 1048576 bytes"),
    ],
    ids=["name", "spelling", "empty", "twice", "cut", "key", "number", "UTF-16", "long", "large"],
)
def test_a_list_that_cannot_be_used_says_what_to_do(
    tmp_path: Path, data: bytes, message: str
) -> None:
    (tmp_path / "ours").write_bytes(data)
    with pytest.raises(BadList, match=message) as told:
        read_list(str(tmp_path / "ours"))
    assert str(told.value).endswith("one SPDX id a line, or is a JSON array of them.")
    assert str(tmp_path / "ours") in str(told.value)


@pytest.mark.parametrize("text", ["blue-oak", "", ".", "a\0b"])
def test_a_list_that_does_not_exist_names_those_that_do(text: str) -> None:
    with pytest.raises(BadList, match=r"\(blueoak, blueoak-silver, file-copyleft\)"):
        read_list(text)


def test_the_default_policy_is_blue_oak_bronze_or_better() -> None:
    assert len(POLICY.permitted) == 152
    assert {"MIT", "Apache-2.0", "BSD-3-Clause", "BlueOak-1.0.0"} <= POLICY.permitted
    assert not {"MPL-2.0", "WTFPL", "LGPL-3.0-only", "GPL-2.0"} & POLICY.permitted


@pytest.mark.parametrize(
    "path",
    [
        "LICENSE",
        "LICENCE",
        "license.md",
        "License.txt",
        "LICENSES",
        "LICENSE-MIT",
        "LICENSE.APACHE2",
        "LICENSE_of_a_part.md",
        "MIT-LICENSE",
        "MIT-LICENSE.txt",
        "COPYING",
        "COPYING.LESSER",
        "COPYRIGHT",
        "UNLICENSE",
        "LISENSE.md",
        "NOTICE",
        "NOTICE.txt",
        "LICENSES/MIT.txt",
        "LICENSES/LicenseRef-Ours.txt",
    ],
)
def test_licence_files_speak_for_the_package(path: str) -> None:
    assert is_license_file(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "mix.exs",
        "license.ex",
        "licenses.json",
        "license_check.exs",
        "lib/LICENSE",
        "deps/jason/LICENSE",
        "apps/one/LICENSE",
        "assets/vendor/LICENSES/MIT.txt",
        "LICENSES/other/MIT.txt",
        "noticeable.md",
        "copyingmachine.txt",
        "relicensed",
        "",
    ],
)
def test_other_files_do_not(path: str) -> None:
    assert not is_license_file(path)


def test_copyright_lines_name_whose_work_it_is() -> None:
    text = """\
        MIT License
        Copyright (c) 2013-2024 José Valim <jose@mail.example>
        Copyright © Plataformatec
        %% Copyright 2020 Ericsson AB. All Rights Reserved.
         * (c) 2019 Some Body */
        # Copyright Chris McCord and others
        Copyright (c) 2013-2024 José Valim <jose@mail.example>
        © 2001 Old Work
        """
    assert copyright_lines(text.encode()) == [
        "Copyright (c) 2013-2024 José Valim <jose@mail.example>",
        "Copyright © Plataformatec",
        "Copyright 2020 Ericsson AB. All Rights Reserved.",
        "(c) 2019 Some Body",
        "Copyright Chris McCord and others",
        "© 2001 Old Work",
    ]


def test_what_a_licence_says_of_copyright_is_not_a_copyright_line() -> None:
    text = b"""\
        copyright notice and this permission notice appear in all copies.
        COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM
        COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE
        Copyright License. Subject to the terms
        (c) You must retain, in the Source form of any Derivative Works
        Copyright [yyyy] [name of copyright owner]
        Copyright (c) <year> <owner>
        The above copyright notice of 2020
        copyrighted by nobody
        """
    assert copyright_lines(text) == []
    assert copyright_lines(APACHE) == []
    assert copyright_lines(ISC) == ["Copyright (c) 2024, Ada Lovelace <ada@engine.example>"]


@given(st.lists(st.text(max_size=30), max_size=3), st.binary(max_size=200))
def test_whatever_is_declared_or_shipped_gets_a_verdict(declared: list[str], text: bytes) -> None:
    verdict = judge(declared, {"LICENSE": text}, POLICY)
    assert verdict.expression is not None or verdict.reason is Reason.LICENSE_UNKNOWN
    assert isinstance(copyright_lines(text), list)
