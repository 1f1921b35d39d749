"""Situations in which a file stands under another licence than its package, and what is right.

    python -m tests.corpus.license_situations

prints for each what is expected and what is found, by opening an archive as the build does.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from corpus.ingest.opened import OpenedArchive, ReadConfig, open_archive
from corpus.ingest.source_file import Parsed
from corpus.licenses import LicensePolicy, judge
from corpus.sources import snapshot
from corpus.store import Archive, ArchiveStore
from demo.github_archive import Tree, packed
from tests.stores import MIT, add, at_commit

COMMIT = "c0ffee" + "0" * 34
APACHE = Path(__file__).parents[2].joinpath("LICENSE").read_bytes()
GPL_NOTICE = """This program is free software: you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by
the Free Software Foundation, either version 3 of the License, or
(at your option) any later version.

This program is distributed in the hope that it will be useful,
but WITHOUT ANY WARRANTY; without even the implied warranty of
MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
GNU General Public License for more details."""
LGPL_NOTICE = """This library is free software; you can redistribute it and/or
modify it under the terms of the GNU Lesser General Public
License as published by the Free Software Foundation; either
version 2.1 of the License, or (at your option) any later version."""
APACHE_NOTICE = """Copyright 2010 Ericsson AB. All Rights Reserved.

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License."""
BSD_NOTICE = """Copyright (c) 2009, Ada. All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

 * Redistributions of source code must retain the above copyright notice,
   this list of conditions and the following disclaimer.
 * Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.
 * Neither the name of the authors nor the names of its contributors may be
   used to endorse or promote products derived from this software without
   specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE
ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS BE
LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR
CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF
SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS
INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN
CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE)
ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE
POSSIBILITY OF SUCH DAMAGE."""
ISC_NOTICE = """Based on another module.

Copyright (c) 2011, Ada <ada@engine.example>

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE."""
MPL_NOTICE = """This Source Code Form is subject to the terms of the Mozilla Public
License, v. 2.0. If a copy of the MPL was not distributed with this
file, You can obtain one at https://mozilla.org/MPL/2.0/."""
EX = "lib/a.ex"
ERL = "src/a.erl"
KEPT_MIT = "MIT verified"
NOT_PERMITTED, PROPRIETARY, UNKNOWN = (
    "file_license_not_permitted",
    "file_license_proprietary",
    "file_license_unknown",
)


def ex(head: str = "", module: str = "A") -> str:
    """Return an Elixir module below a head that is written as comments."""
    return commented(head, "#") + f"defmodule {module} do\n  def next(n), do: n + 1\nend\n"


def erl(head: str = "") -> str:
    """Return an Erlang module below a head that is written as comments."""
    return commented(head, "%%") + "-module(a).\n-export([next/1]).\nnext(N) -> N + 1.\n"


def commented(text: str, sign: str) -> str:
    return "".join(f"{sign} {line}".rstrip() + "\n" for line in text.splitlines())


def tag(expression: str) -> str:
    return f"SPDX-License-Identifier: {expression}"


def reuse(path: str, expression: str, extra: str = "") -> str:
    return (
        f'version = 1\n[[annotations]]\npath = "{path}"\n{extra}'
        f'SPDX-FileCopyrightText = "2020 Ada"\nSPDX-License-Identifier = "{expression}"\n'
    )


@dataclass(frozen=True)
class Situation:
    """A package, and by path what is right: expression and evidence, or reason and expression."""

    name: str
    files: dict[str, str | bytes]
    expected: dict[str, str]
    declared: tuple[str, ...] = ("MIT",)
    license: bytes | None = field(default=MIT, repr=False)
    is_repository: bool = False
    """Whether it is a commit on GitHub, which declares nothing."""


def one(name: str, content: str, expected: str, path: str = EX) -> Situation:
    """Return a situation of one file in an MIT package."""
    return Situation(name, {path: content}, {path: expected})


def repository(name: str, files: dict[str, str | bytes], expected: dict[str, str]) -> Situation:
    """Return a situation of a commit on GitHub."""
    return Situation(name, files, expected, (), None, is_repository=True)


DEP5 = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
EXPAT_PARAGRAPH = "License: Expat\n" + "".join(
    f" {line}\n" if line else " .\n" for line in MIT.decode().splitlines()[4:]
)
BSD_PARAGRAPH = "License: BSD-variant\n" + "".join(
    f" {line}\n" if line else " .\n" for line in BSD_NOTICE.splitlines()[2:]
)
SITUATIONS = (
    one("nothing but the package", ex(), KEPT_MIT),
    # tags
    one("tag, permitted", ex(tag("Apache-2.0")), "Apache-2.0 declared_only"),
    one("tag, the package's own", ex(tag("MIT")), KEPT_MIT),
    one("tag, GPL", ex(tag("GPL-3.0-or-later")), f"{NOT_PERMITTED} GPL-3.0-or-later"),
    one("tag, a choice", ex(tag("MIT OR GPL-2.0-only")), KEPT_MIT),
    one("tag, a choice of two", ex(tag("(MIT OR Apache-2.0)")), "MIT OR Apache-2.0 verified"),
    one("tag, both", ex(tag("MIT AND LGPL-2.1-only")), f"{NOT_PERMITTED} MIT AND LGPL-2.1-only"),
    one(
        "tags, several",
        ex(f"{tag('MIT')}\n{tag('AGPL-3.0-only')}"),
        f"{NOT_PERMITTED} MIT AND AGPL-3.0-only",
    ),
    one(
        "tag, exception",
        ex(tag("Apache-2.0 WITH LLVM-exception")),
        "Apache-2.0 WITH LLVM-exception declared_only",
    ),
    one(
        "tag, exception of the GPL",
        ex(tag("GPL-2.0-only WITH Classpath-exception-2.0")),
        f"{NOT_PERMITTED} GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    one("tag, old spelling", ex(tag("GPLv2+")), f"{NOT_PERMITTED} GPL-2.0-or-later"),
    one("tag, another spelling", ex(tag("Apache License 2.0")), "Apache-2.0 declared_only"),
    one("tag, lower case", ex(tag("mit or apache-2.0")), "MIT OR Apache-2.0 verified"),
    one("tag, no such id", ex(tag("Frobnicate-1.0")), f"{UNKNOWN} None"),
    one("tag, broken", ex(tag("MIT AND (")), f"{UNKNOWN} None"),
    one("tag, reference", ex(tag("LicenseRef-Acme")), f"{NOT_PERMITTED} LicenseRef-Acme"),
    one("tag, nobody's", ex(tag("NONE")), f"{PROPRIETARY} None"),
    one("tag, no assertion", ex(tag("NOASSERTION")), KEPT_MIT),
    one(
        "tag below the module's name",
        "defmodule A do\n  " + f"# {tag('MPL-2.0')}\nend\n",
        f"{NOT_PERMITTED} MPL-2.0",
    ),
    one(
        "tag at the foot",
        ex() + "x = 1\n" * 2_000 + f"# {tag('GPL-3.0-only')}\n",
        f"{NOT_PERMITTED} GPL-3.0-only",
    ),
    one("tag in Erlang", erl(tag("ErlPL-1.1")), f"{NOT_PERMITTED} ErlPL-1.1", ERL),
    one(
        "tag behind a shebang",
        f"#!/usr/bin/env elixir\n# {tag('ISC')}\nIO.puts 1\n",
        "ISC declared_only",
        "bin/a.exs",
    ),
    one(
        "tag in HEEx",
        f"<%!-- {tag('GPL-3.0-only')} --%>\n<p>1</p>\n",
        f"{NOT_PERMITTED} GPL-3.0-only",
        "lib/a.html.heex",
    ),
    one("tag in EEx", f"<%# {tag('ISC')} %>\n<p>1</p>\n", "ISC declared_only", "lib/a.html.eex"),
    one(
        "tag behind code",
        f"defmodule A do # {tag('GPL-3.0-only')}\n  def a, do: 1\nend\n",
        f"{NOT_PERMITTED} GPL-3.0-only",
    ),
    one(
        "tag in documentation of one line",
        f'defmodule A do\n  @moduledoc "{tag("AGPL-3.0-only")}"\n  def a, do: 1\nend\n',
        f"{NOT_PERMITTED} AGPL-3.0-only",
    ),
    one(
        "attribute of a module",
        '-module(a).\n-license("GPL-3.0-only").\na() -> 1.\n',
        f"{NOT_PERMITTED} GPL-3.0-only",
        ERL,
    ),
    one(
        "documentation of an Erlang module",
        '-module(a).\n-moduledoc """\nLicensed under the GPL v2.\n""".\na() -> 1.\n',
        f"{NOT_PERMITTED} GPL-2.0-only",
        ERL,
    ),
    one(
        "tag that a template will write",
        f"# {tag('<%= @license %>')}\ndefmodule <%= @name %> do\nend\n",
        KEPT_MIT,
        "priv/templates/a.ex",
    ),
    one(
        "a list of licences",
        'defmodule L do\n  @a ["MIT"]\n  # GPL-3.0\n  @b ["GPL-3.0"]\nend\n',
        KEPT_MIT,
    ),
    one(
        "tag in a string",
        'defmodule A do\n  def t, do: "# SPDX-License-Identifier: GPL-3.0"\nend\n',
        KEPT_MIT,
    ),
    one(
        "tag in a heredoc",
        'defmodule A do\n  def t do\n    """\n    # '
        + tag("GPL-3.0-only")
        + '\n    """\n  end\nend\n',
        KEPT_MIT,
    ),
    one(
        "tag that is talked about",
        ex("Adds the SPDX-License-Identifier: header to files."),
        KEPT_MIT,
    ),
    one(
        "tag that is to be ignored",
        ex(f"REUSE-IgnoreStart\n{tag('GPL-3.0-only')}\nREUSE-IgnoreEnd"),
        KEPT_MIT,
    ),
    # notices
    one("notice, GPL", ex(GPL_NOTICE), f"{NOT_PERMITTED} GPL-3.0-or-later"),
    one("notice, GPL in Erlang", erl(GPL_NOTICE), f"{NOT_PERMITTED} GPL-3.0-or-later", ERL),
    one("notice, LGPL", ex(LGPL_NOTICE), f"{NOT_PERMITTED} LGPL-2.1-or-later"),
    one(
        "notice, AGPL",
        ex(GPL_NOTICE.replace("General", "Affero General")),
        f"{NOT_PERMITTED} AGPL-3.0-or-later",
    ),
    one(
        "notice, GPL in few words",
        ex("Copyright 2020 Ada\nLicensed under the GPL v2."),
        f"{NOT_PERMITTED} GPL-2.0-only",
    ),
    one("notice, GPL and nothing else", ex("GPLv3"), f"{NOT_PERMITTED} GPL-3.0-only"),
    one("notice, MPL", ex(MPL_NOTICE), f"{NOT_PERMITTED} MPL-2.0"),
    one(
        "notice, Erlang",
        erl(
            "The contents of this file are subject to the Erlang Public License,\n"
            "Version 1.1, (the "
            '"License"); you may not use this file except in\ncompliance with the License.'
        ),
        f"{NOT_PERMITTED} ErlPL-1.1",
        ERL,
    ),
    one(
        "notice, Eclipse",
        ex(
            "This program and the accompanying materials are made available under"
            "\nthe terms of the Eclipse Public License v2.0."
        ),
        f"{NOT_PERMITTED} EPL-2.0",
    ),
    one(
        "notice, CDDL",
        ex(
            "The contents of this file are subject to the terms of the Common\n"
            'Development and Distribution License (the "License").'
        ),
        f"{NOT_PERMITTED} CDDL-1.0",
    ),
    one("notice, EUPL", ex("Licensed under the EUPL, Version 1.2"), f"{NOT_PERMITTED} EUPL-1.2"),
    one(
        "notice, SSPL",
        ex("This program is licensed under the Server Side Public License, version 1."),
        f"{NOT_PERMITTED} SSPL-1.0",
    ),
    one(
        "notice, BUSL",
        ex(
            "Use of this software is governed by the Business Source License\n"
            "included in the LICENSE file."
        ),
        f"{NOT_PERMITTED} BUSL-1.1",
    ),
    one(
        "notice, no commercial use",
        ex(
            "This work is licensed under the Creative Commons\n"
            "Attribution-NonCommercial 4.0 International License."
        ),
        f"{NOT_PERMITTED} CC-BY-NC-4.0",
    ),
    one(
        "notice, Commons Clause",
        ex("Licensed under the MIT license with the Commons Clause."),
        f"{NOT_PERMITTED} None",
    ),
    one(
        "notice, a licence that nobody knows",
        ex("Licensed under the Acme Frobnication License."),
        f"{UNKNOWN} None",
    ),
    one("notice, Apache", erl(APACHE_NOTICE), "Apache-2.0 declared_only", ERL),
    one("notice, BSD", ex(BSD_NOTICE), "BSD-3-Clause text_only"),
    one(
        "notice, a choice",
        ex("Licensed under MIT or Apache 2.0 at your option."),
        "MIT OR Apache-2.0 verified",
    ),
    one(
        "notice, a choice with the GPL",
        ex("Dual licensed under the MIT license and GPL v2."),
        KEPT_MIT,
    ),
    one(
        "notice below the module's name",
        "-module(a).\n" + commented(GPL_NOTICE, "%%"),
        f"{NOT_PERMITTED} GPL-3.0-or-later",
        ERL,
    ),
    one(
        "notice of a part",
        ex() * 3 + "# The function below is licensed under the GPL, version 2.\n",
        f"{NOT_PERMITTED} GPL-2.0-only",
    ),
    one(
        "notice of a permitted part",
        ex() * 3 + "# This code is licensed under the Apache License 2.0.\n",
        "MIT AND Apache-2.0 declared_only",
    ),
    one(
        "notice in the documentation",
        'defmodule A do\n  @moduledoc """\n'
        + "".join(f"  {line}\n" for line in GPL_NOTICE.splitlines())
        + '  """\nend\n',
        f"{NOT_PERMITTED} GPL-3.0-or-later",
    ),
    one(
        "notice in a section of the documentation",
        'defmodule A do\n  @moduledoc """\n  Hi.\n\n  ## License\n\n'
        + "".join(f"      {line}\n" for line in GPL_NOTICE.splitlines())
        + '  """\nend\n',
        f"{NOT_PERMITTED} GPL-3.0-or-later",
    ),
    one(
        "notice in an example of the documentation",
        'defmodule A do\n  @moduledoc """\n  Adds heads.\n\n  ## Usage\n\n  ```\n'
        + "".join(f"  {line}\n" for line in GPL_NOTICE.splitlines())
        + '  ```\n  """\nend\n',
        KEPT_MIT,
    ),
    one(
        "notice in latin-1",
        f"# Ren\u00e9\n{commented(LGPL_NOTICE, '#')}x = 1\n",
        f"{NOT_PERMITTED} LGPL-2.1-or-later",
    ),
    one("notice, ISC", erl(ISC_NOTICE), "ISC text_only", ERL),
    one("notice, MIT in full", ex(MIT.decode()), KEPT_MIT),
    # nobody's
    one(
        "proprietary",
        ex(
            "Copyright (c) 2020 Example Corp. All rights reserved.\n"
            "CONFIDENTIAL AND PROPRIETARY. Unauthorized copying of this file is "
            "strictly\nprohibited."
        ),
        f"{PROPRIETARY} None",
    ),
    one("confidential", ex("CONFIDENTIAL"), f"{PROPRIETARY} None"),
    one(
        "not to be passed on",
        ex("Copyright 2020 Acme. No part of this file may be reproduced."),
        f"{PROPRIETARY} None",
    ),
    one(
        "without permission",
        erl(
            "Copyright Acme, all rights reserved. May not be distributed\n"
            "without the prior written permission of Acme."
        ),
        f"{PROPRIETARY} None",
        ERL,
    ),
    one(
        "commercial",
        ex("Copyright Acme. Licensed under a commercial license."),
        f"{PROPRIETARY} None",
    ),
    one("a field that denies", ex("Author: Ada\nLicense: Proprietary"), f"{PROPRIETARY} None"),
    one("a field that nobody knows", ex("License: Frobnicate"), f"{UNKNOWN} None"),
    one("a field", ex("Author: Ada\nLicense: ISC"), "ISC declared_only"),
    one("a field that points", ex("License: see LICENSE"), KEPT_MIT),
    one(
        "behind a byte order mark",
        "\ufeff" + ex(tag("GPL-3.0-only")),
        f"{NOT_PERMITTED} GPL-3.0-only",
    ),
    one(
        "with carriage returns",
        ex(GPL_NOTICE).replace("\n", "\r\n"),
        f"{NOT_PERMITTED} GPL-3.0-or-later",
    ),
    one(
        "information of somebody",
        ex(
            "This software is the confidential and proprietary information of Acme. You shall\n"
            "not disclose it."
        ),
        f"{PROPRIETARY} None",
    ),
    one(
        "a box",
        erl("=====\n@copyright 2010 Ada\n@license GPL v3\n====="),
        f"{NOT_PERMITTED} GPL-3.0-only",
        ERL,
    ),
    one(
        "in a template",
        "<%!--\n" + GPL_NOTICE + "\n--%>\n<p>1</p>\n",
        f"{NOT_PERMITTED} GPL-3.0-or-later",
        "lib/a.html.heex",
    ),
    # what denies nothing
    one("all rights reserved", ex("Copyright (c) 2020 Ada. All rights reserved."), KEPT_MIT),
    one("works with the GPL", ex("This works with GPL software."), KEPT_MIT),
    one("looks for the GPL", ex("Finds packages that are licensed under the GPL."), KEPT_MIT),
    one("asks about the GPL", ex("Checks whether a file is licensed under the GPL."), KEPT_MIT),
    one(
        "handles secrets",
        ex("Handles confidential and proprietary elements of Diameter."),
        KEPT_MIT,
    ),
    one("internal", ex("For internal use only."), KEPT_MIT),
    # files beside files
    Situation(
        "sidecar",
        {EX: ex(), f"{EX}.license": tag("GPL-3.0-only") + "\n"},
        {EX: f"{NOT_PERMITTED} GPL-3.0-only"},
    ),
    Situation(
        "sidecar over a tag",
        {EX: ex(tag("GPL-3.0-only")), f"{EX}.license": tag("ISC")},
        {EX: "ISC declared_only"},
    ),
    Situation(
        "annotation",
        {
            "REUSE.toml": reuse("lib/gpl/**", "GPL-3.0-or-later"),
            EX: ex(),
            "lib/gpl/deep/b.ex": ex(),
        },
        {EX: KEPT_MIT, "lib/gpl/deep/b.ex": f"{NOT_PERMITTED} GPL-3.0-or-later"},
    ),
    Situation(
        "annotation of one folder",
        {"REUSE.toml": reuse("lib/*", "GPL-2.0-only"), EX: ex(), "lib/b/c.ex": ex()},
        {EX: f"{NOT_PERMITTED} GPL-2.0-only", "lib/b/c.ex": KEPT_MIT},
    ),
    Situation(
        "annotation and a tag",
        {"REUSE.toml": reuse("**", "GPL-2.0-only"), EX: ex(tag("MIT"))},
        {EX: KEPT_MIT},
    ),
    Situation(
        "annotation beside a tag",
        {"REUSE.toml": reuse("**", "ISC", 'precedence = "aggregate"\n'), EX: ex(tag("MIT"))},
        {EX: "MIT AND ISC declared_only"},
    ),
    Situation(
        "annotation over a tag",
        {
            "REUSE.toml": reuse("**", "GPL-2.0-only", 'precedence = "override"\n'),
            EX: ex(tag("MIT")),
        },
        {EX: f"{NOT_PERMITTED} GPL-2.0-only"},
    ),
    Situation(
        "annotation, and a notice against it",
        {"REUSE.toml": reuse("**", "MIT"), EX: ex(GPL_NOTICE)},
        {EX: f"{NOT_PERMITTED} GPL-3.0-or-later"},
    ),
    Situation(
        "annotation nearer by",
        {
            "REUSE.toml": reuse("**", "MIT"),
            "lib/REUSE.toml": reuse("a.ex", "GPL-2.0-only"),
            EX: ex(),
            "src/a.erl": erl(),
        },
        {EX: f"{NOT_PERMITTED} GPL-2.0-only", ERL: KEPT_MIT},
    ),
    Situation(
        "annotation that is unreadable",
        {"REUSE.toml": b"\xff\xfe[[[", EX: ex()},
        {EX: f"{UNKNOWN} None"},
    ),
    Situation(
        "annotation with the texts of both",
        {
            "LICENSES/GPL-3.0-or-later.txt": GPL_NOTICE,
            "LICENSES/MIT.txt": MIT,
            "REUSE.toml": reuse("lib/gpl/**", "GPL-3.0-or-later"),
            EX: ex(),
            "lib/gpl/b.ex": ex(),
        },
        {EX: KEPT_MIT, "lib/gpl/b.ex": f"{NOT_PERMITTED} GPL-3.0-or-later"},
    ),
    Situation(
        "texts of both, for whom nobody says",
        {"LICENSES/GPL-3.0-or-later.txt": GPL_NOTICE, EX: ex()},
        {EX: "license_contradicted MIT"},
    ),
    Situation(
        "texts of both, for those who say nothing",
        {"LICENSES/GPL-3.0-or-later.txt": GPL_NOTICE, EX: ex(tag("MIT")), "lib/b.ex": ex()},
        {EX: KEPT_MIT, "lib/b.ex": "license_contradicted MIT"},
    ),
    Situation(
        "a text without a name, for those who say nothing",
        {
            "LICENSES/LicenseRef-Acme.txt": "For non-commercial use, and no other.\n",
            EX: ex(tag("MIT")),
            "lib/b.ex": ex(tag("ISC")),
            "lib/c.ex": ex(),
        },
        {EX: KEPT_MIT, "lib/b.ex": "ISC declared_only", "lib/c.ex": "license_not_permitted MIT"},
    ),
    Situation(
        "terms of a trademark",
        {
            "LICENSES/LicenseRef-acme-trademark-policy.txt": "ACME TEAM TRADEMARKS POLICY\n\n"
            "The logo may stand on shirts for non-commercial use.\n",
            EX: ex(),
        },
        {EX: KEPT_MIT},
    ),
    Situation(
        "dep5",
        {
            ".reuse/dep5": f"{DEP5}Files: *\nCopyright: Ada\nLicense: MIT\n\n"
            "Files: lib/gpl/*\nCopyright: Bob\nLicense: GPL-3+\n",
            EX: ex(),
            "lib/gpl/b/c.ex": ex(),
        },
        {EX: KEPT_MIT, "lib/gpl/b/c.ex": f"{NOT_PERMITTED} GPL-3.0-or-later"},
    ),
    Situation(
        "dep5, the last match",
        {
            ".reuse/dep5": f"{DEP5}Files: lib/*\nLicense: GPL-3\n\n"
            "Files: lib/?.ex\nLicense: Expat\n",
            EX: ex(),
            "lib/bb.ex": ex(),
        },
        {EX: KEPT_MIT, "lib/bb.ex": f"{NOT_PERMITTED} GPL-3.0-only"},
    ),
    # folders
    Situation(
        "folder",
        {EX: ex(), "lib/gpl/COPYING": GPL_NOTICE, "lib/gpl/deep/b.ex": ex()},
        {EX: KEPT_MIT, "lib/gpl/deep/b.ex": f"{NOT_PERMITTED} GPL-3.0"},
    ),
    Situation(
        "folder, permitted",
        {"apps/b/LICENSE": APACHE, "apps/b/lib/b.ex": ex()},
        {"apps/b/lib/b.ex": "Apache-2.0 text_only"},
    ),
    Situation(
        "folder, and a tag",
        {"lib/gpl/COPYING": GPL_NOTICE, "lib/gpl/b.ex": ex(tag("MIT"))},
        {"lib/gpl/b.ex": KEPT_MIT},
    ),
    Situation(
        "folder that points to the root",
        {"apps/b/LICENSE": "See the LICENSE at the root.\n", "apps/b/lib/b.ex": ex()},
        {"apps/b/lib/b.ex": KEPT_MIT},
    ),
    Situation(
        "folder with terms of its own",
        {"apps/b/LICENSE": "Ask my aunt on Tuesdays.\n", "apps/b/lib/b.ex": ex()},
        {"apps/b/lib/b.ex": f"{UNKNOWN} None"},
    ),
    Situation(
        "folder that is closed",
        {"apps/b/LICENSE": "Copyright Acme. This is proprietary.\n", "apps/b/lib/b.ex": ex()},
        {"apps/b/lib/b.ex": f"{PROPRIETARY} None"},
    ),
    Situation(
        "folder with a text that is named after its licence",
        {"src/x/gpl-3.0.txt": GPL_NOTICE, "src/x/a.erl": erl(), EX: ex()},
        {"src/x/a.erl": f"{NOT_PERMITTED} GPL-3.0", EX: KEPT_MIT},
    ),
    Situation(
        "folder with an agreement",
        {"src/x/EULA.txt": "End User License Agreement of Acme.\n", "src/x/a.erl": erl()},
        {"src/x/a.erl": f"{UNKNOWN} None"},
    ),
    Situation(
        "folder with a guide to a server that is named like a licence",
        {"docs/apache.md": "How to run this behind Apache.\n", "docs/a.exs": "x = 1\n"},
        {"docs/a.exs": KEPT_MIT},
    ),
    Situation(
        "folder of licences",
        {"lib/x/licenses/GPL.txt": GPL_NOTICE, "lib/x/b.ex": ex()},
        {"lib/x/b.ex": f"{NOT_PERMITTED} GPL-3.0"},
    ),
    Situation(
        "folder of licences beside a licence",
        {"lib/x/licenses/GPL.txt": GPL_NOTICE, "lib/x/LICENSE": MIT, "lib/x/b.ex": ex()},
        {"lib/x/b.ex": KEPT_MIT},
    ),
    Situation(
        "application that declares another licence",
        {
            "apps/x/mix.exs": "defmodule X.MixProject do\n  use Mix.Project\n"
            '  def project, do: [app: :x, package: [licenses: ["GPL-3.0-only"]]]\nend\n',
            "apps/x/lib/x.ex": ex(),
            "apps/y/src/y.app.src": '{application, y, [{licenses, ["ISC"]}]}.\n',
            "apps/y/src/y.erl": erl(),
            EX: ex(),
        },
        {
            "apps/x/lib/x.ex": f"{NOT_PERMITTED} GPL-3.0-only",
            "apps/y/src/y.erl": "ISC declared_only",
            EX: KEPT_MIT,
        },
    ),
    Situation(
        "application that declares more than its text",
        {
            "apps/x/mix.exs": '[package: [licenses: ["MIT", "LGPL-3.0-only"]]]\n',
            "apps/x/LICENSE": MIT,
            "apps/x/lib/x.ex": ex(),
        },
        {"apps/x/lib/x.ex": f"{NOT_PERMITTED} MIT AND LGPL-3.0-only"},
    ),
    # packages
    Situation(
        "text of the GPL by its name, and nothing else",
        {"GPL.txt": GPL_NOTICE, EX: ex()},
        {EX: "license_contradicted MIT"},
        license=None,
    ),
    Situation(
        "text of the GPL by its name, beside a licence",
        {"GPL.txt": GPL_NOTICE, EX: ex()},
        {EX: KEPT_MIT},
    ),
    Situation(
        "terms for customers beside a licence",
        {"LICENSE-ENTERPRISE": "Copyright Acme. Proprietary. All rights reserved.\n", EX: ex()},
        {EX: "license_contradicted MIT"},
    ),
    Situation(
        "notices of third parties",
        {EX: ex()},
        {EX: "Apache-2.0 text_only"},
        (),
        APACHE + b"\n\n== Third-party notices ==\n\nThis product includes software of X.\n\n" + MIT,
    ),
    Situation(
        "notices of third parties, declared",
        {EX: ex()},
        {EX: "Apache-2.0 verified"},
        ("Apache-2.0",),
        APACHE + b"\n\nThird-party software\n\n" + MIT,
    ),
    Situation(
        "notices of third parties, one GPL",
        {EX: ex()},
        {EX: "license_contradicted Apache-2.0"},
        ("Apache-2.0",),
        APACHE + b"\n\nThird-party software\n\n" + GPL_NOTICE.encode(),
    ),
    Situation(
        "nothing declared, files that speak",
        {EX: ex(tag("ISC")), "lib/b.ex": ex()},
        {EX: "ISC declared_only", "lib/b.ex": "license_unknown None"},
        (),
        None,
    ),
    # repositories: nothing is declared, and what GitHub guesses of a licence is no evidence
    repository("repository, nothing said", {EX: ex()}, {EX: "license_unknown None"}),
    repository("repository, MIT", {"LICENSE": MIT, EX: ex()}, {EX: "MIT text_only"}),
    repository(
        "repository, GPL",
        {"COPYING": GPL_NOTICE, EX: ex()},
        {EX: "license_not_permitted GPL-3.0-only"},
    ),
    repository(
        "repository, an empty list of licences",
        {"mix.exs": "[package: [licenses: []]]\n", EX: ex()},
        {EX: "license_unknown None"},
    ),
    repository(
        "repository, two texts of which one may choose",
        {"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE, EX: ex()},
        {EX: "Apache-2.0 AND MIT text_only"},
    ),
    repository(
        "repository, GPL code vendored in it",
        {
            "LICENSE": MIT,
            EX: ex(),
            "c_src/gnu/COPYING": GPL_NOTICE,
            "c_src/gnu/gnu.ex": ex(),
            "priv/copied.ex": ex(GPL_NOTICE, "Copied"),
        },
        {
            EX: "MIT text_only",
            "c_src/gnu/gnu.ex": f"{NOT_PERMITTED} GPL-3.0",
            "priv/copied.ex": f"{NOT_PERMITTED} GPL-3.0-or-later",
        },
    ),
    repository(
        "repository, REUSE",
        {
            "LICENSES/MIT.txt": MIT,
            "LICENSES/Apache-2.0.txt": APACHE,
            "REUSE.toml": reuse("lib/**", "Apache-2.0"),
            EX: ex(),
            "test/a_test.exs": ex(tag("MIT")),
        },
        {EX: "Apache-2.0 verified", "test/a_test.exs": "MIT verified"},
    ),
    repository(
        "repository, REUSE with code under the GPL",
        {
            "LICENSES/MIT.txt": MIT,
            "LICENSES/GPL-3.0-or-later.txt": GPL_NOTICE,
            "REUSE.toml": reuse("lib/gnu/**", "GPL-3.0-or-later"),
            EX: ex(tag("MIT")),
            "lib/gnu/a.ex": ex(),
        },
        {EX: "MIT text_only", "lib/gnu/a.ex": f"{NOT_PERMITTED} GPL-3.0-or-later"},
    ),
    repository(
        "repository, a tag is all there is",
        {EX: ex(tag("Apache-2.0")), "lib/b.ex": ex()},
        {EX: "Apache-2.0 declared_only", "lib/b.ex": "license_unknown None"},
    ),
    repository(
        "repository, applications under licences of their own",
        {
            "apps/x/LICENSE": MIT,
            "apps/x/lib/x.ex": ex(),
            "apps/y/COPYING": GPL_NOTICE,
            "apps/y/lib/y.ex": ex(),
        },
        {
            "apps/x/lib/x.ex": "MIT text_only",
            "apps/y/lib/y.ex": f"{NOT_PERMITTED} GPL-3.0",
        },
    ),
    # licence files that name several licences for several paths
    repository(
        "a licence file in Debian's format, one part under the GPL",
        {
            "COPYRIGHT": f"{DEP5}Files: *\nCopyright: 2020 Ada\nLicense: Expat\n\n"
            f"Files: lib/gpl/*\nCopyright: 2021 Bob\nLicense: GPL-2\n\n{EXPAT_PARAGRAPH}",
            EX: ex(),
            "lib/gpl/b.ex": ex(),
        },
        {EX: "MIT verified", "lib/gpl/b.ex": f"{NOT_PERMITTED} GPL-2.0-only"},
    ),
    repository(
        "a licence file in Debian's format, a name that is on no list, with its text",
        {
            "LICENSE": f"{DEP5}Files: *\nCopyright: 2020 Ada\n{BSD_PARAGRAPH}\n"
            "Files: debian/*\nCopyright: 2021 Bob\nLicense: GPL-2+\n The text is elsewhere.\n",
            EX: ex(),
            "debian/b.ex": ex(),
        },
        {EX: "BSD-3-Clause verified", "debian/b.ex": f"{NOT_PERMITTED} GPL-2.0-or-later"},
    ),
    repository(
        "a licence file in Debian's format, a name that is on no list, without a text",
        {"LICENSE": f"{DEP5}Files: lib/*\nLicense: custom\n\n{EXPAT_PARAGRAPH}", EX: ex()},
        {EX: f"{UNKNOWN} None"},
    ),
    repository(
        "a licence file in Debian's format that leaves a file out",
        {
            "LICENSE": f"{DEP5}Files: src/*\nLicense: GPL-2\n\n"
            f"Files: lib/b.ex\nLicense: Expat\n\n{EXPAT_PARAGRAPH}",
            EX: ex(),
            "lib/b.ex": ex(),
        },
        {EX: "license_unknown None", "lib/b.ex": "MIT verified"},
    ),
    Situation(
        "a licence file in Debian's format, and what is declared",
        {EX: ex(), "lib/gpl/b.ex": ex()},
        {EX: "MIT declared_only", "lib/gpl/b.ex": f"{NOT_PERMITTED} MIT AND GPL-2.0-only"},
        ("MIT",),
        f"{DEP5}Files: *\nLicense: Expat\n\nFiles: lib/gpl/*\nLicense: MIT and GPL-2\n\n"
        f"{EXPAT_PARAGRAPH}".encode(),
    ),
    repository(
        "a licence, and a sentence that puts some files under the GPL",
        {
            "LICENSE": MIT + b"\nThe files in lib/gpl/ are licensed under the GNU General Public\n"
            b"License, version 2.\n",
            EX: ex(),
            "lib/b.ex": ex(tag("MIT")),
        },
        {
            EX: "license_not_permitted MIT AND GPL-2.0-only",
            "lib/b.ex": "license_not_permitted MIT AND GPL-2.0-only",
        },
    ),
    repository(
        "a licence, and a sentence that offers the GPL besides",
        {
            "LICENSE": b"This library is dual-licensed under MIT or the GNU General Public\n"
            b"License, version 2, at your option.\n\n" + MIT,
            EX: ex(),
        },
        {EX: "MIT text_only"},
    ),
    repository(
        "a licence, and a sentence that puts some files under a permitted one",
        {
            "LICENSE": MIT + b"\nThe files in lib/b/ are licensed under the Apache License 2.0.\n",
            EX: ex(),
        },
        {EX: "MIT text_only"},
    ),
    Situation("too many licences", {EX: ex()}, {EX: "license_too_long None"}, ("aaaaa",) * 50_000),
    Situation("one long licence", {EX: ex()}, {EX: "license_too_long None"}, ("MIT " * 1_000,)),
)


def opened(situation: Situation, folder: Path) -> OpenedArchive:
    """Pack a situation and open the archive as the build does."""
    store = ArchiveStore(folder)
    files = {
        path: text
        if isinstance(text, bytes)
        else text.encode("latin-1" if "latin-1" in situation.name else "utf-8")
        for path, text in situation.files.items()
    }
    if situation.license is not None:
        files["LICENSE"] = situation.license
    if situation.is_repository:
        archive = add_repository(store, files)
    else:
        archive = add(store, "a", files, licenses=situation.declared)
    return open_archive(archive, store.path(archive), ReadConfig())


def add_repository(store: ArchiveStore, files: Mapping[str, bytes]) -> Archive:
    """Put a commit into a store as the crawl of GitHub does."""
    body = snapshot(packed(Tree(files=files), COMMIT, folder="ada-a-c0ffee"), COMMIT).body
    archive = at_commit("ada/a", COMMIT, body)
    store.put(archive, body)
    return archive


def found(situation: Situation, folder: Path) -> dict[str, str]:
    """Return for each path that matters what became of it, as `Situation.expected` writes it."""
    item = opened(situation, folder)
    assert item.licenses is not None
    outcome = {}
    for file in item.files:
        path = file.source.path if isinstance(file, Parsed) else file.path
        verdict = item.licenses.of(path)
        outcome[path] = (
            f"{verdict.expression} {verdict.evidence.value}"
            if isinstance(file, Parsed)
            else f"{file.reject.reason.value} {verdict.expression}"
        )
    return {path: outcome[path] for path in situation.expected}


COMMON = Path("/usr/share/common-licenses")
"""Whole licence texts as Debian has them (package base-files); none of them is in this project."""
COMMON_TEXTS = {
    "Apache-2.0": "Apache-2.0 text_only",
    "BSD": "BSD-3-Clause text_only",
    "CC0-1.0": "CC0-1.0 text_only",
    "GPL-2": "license_not_permitted GPL-2.0-only",
    "GPL-3": "license_not_permitted GPL-3.0-only",
    "LGPL-2.1": "license_not_permitted LGPL-2.1-only",
    "LGPL-3": "license_not_permitted LGPL-3.0-only",
    "MPL-1.1": "license_not_permitted MPL-1.1",
    "MPL-2.0": "license_not_permitted MPL-2.0",
}


def debian_situations() -> Iterator[Situation]:
    """Yield repositories whose LICENSE is a text of this machine; none where it has no Debian."""
    for name, expected in COMMON_TEXTS.items():
        if (path := COMMON / name).is_file():
            files: dict[str, str | bytes] = {"LICENSE": path.read_bytes(), EX: ex()}
            yield repository(f"Debian's text {name}", files, {EX: expected})


def wrongly_permitted(documentation: Path = Path("/usr/share/doc")) -> tuple[int, list[str]]:
    """Judge `copyright` files of packages that name the GPL, as the LICENSE of a repository.

    Returns how many there are, and those that a policy of permissive licences would let pass
    although a stanza of theirs is under the GPL alone.
    """
    seen, passed = 0, []
    for path in sorted(documentation.glob("*/copyright")):
        data = path.read_bytes()
        stanzas = set(GPL_STANZA.findall(data.decode(errors="replace")))
        if not stanzas:
            continue
        seen += 1
        verdict = judge((), {"LICENSE": data}, LicensePolicy())
        if verdict.reason is None:
            passed.append(f"{path.parent.name}: {verdict.expression} ({', '.join(stanzas)})")
    return seen, passed


GPL_STANZA = re.compile(r"^License: (A?GPL-[0-9.+]+(?:-only|-or-later)?)$", re.MULTILINE)
"""A stanza of Debian's machine-readable format (DEP-5) that is under the GPL and nothing else."""


def main() -> int:
    """Print the table; return how many situations are judged otherwise than expected."""
    situations = (*SITUATIONS, *debian_situations())
    table = Table("situation", "file", "expected", "found")
    wrong = 0
    for situation in situations:
        with tempfile.TemporaryDirectory() as folder:
            got = found(situation, Path(folder))
        for path, expected in situation.expected.items():
            wrong += got[path] != expected
            mark = "" if got[path] == expected else " [red]WRONG"
            table.add_row(situation.name, path, expected, got[path] + mark)
    console = Console(width=150)
    console.print(table)
    console.print(f"{len(situations)} situations, {wrong} files judged otherwise than expected")
    seen, passed = wrongly_permitted()
    console.print(f"{seen} copyright files of Debian packages with a part under the GPL alone:")
    console.print(f"{len(passed)} are permitted as a whole", *passed, sep="\n  ")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
