import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from math import nan
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.packages import Link
from corpus.parts import read_part, write_part
from corpus.split import PackageLinks, SplitConfig, assign
from corpus.split.ranges import position
from corpus.split.repository import repository_at, repository_of
from corpus.tables import CLUSTERS, FINGERPRINTS, SPLITS

Document = tuple[str, str, str, bool] | tuple[str, str, str, bool, str, int]
"""Identity, package, cluster, whether it is the cluster's representative; path and tokens."""


def linked(package: str, repository: str) -> PackageLinks:
    return PackageLinks(package, (Link("GitHub", f"https://github.com/{repository}"),))


def alone(package: str) -> PackageLinks:
    return PackageLinks(package, ())


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def write_inputs(folder: Path, documents: Sequence[Document]) -> tuple[list[Path], Path]:
    """Write two parts of fingerprints, as far as they are read, and the table of clusters."""
    parts = [folder / "one.arrow", folder / "two.arrow"]
    for number, part in enumerate(parts):
        rows = [
            {
                "document_id": digest(row[0]),
                "package": row[1],
                "path": row[4] if len(row) > 4 else f"lib/{row[0]}.ex",
                "role": "library",
                "tokens": row[5] if len(row) > 5 else 300,
            }
            for row in documents[number::2]
        ]
        write_part(pa.Table.from_pylist(rows, FINGERPRINTS), part)
    clusters = [
        {
            "document_id": digest(name),
            "cluster_id": cluster,
            "relation": "representative" if kept else "near",
        }
        for name, _, cluster, kept, *_ in documents
    ]
    table = pa.Table.from_pylist(clusters, CLUSTERS).sort_by("document_id")
    write_part(table, folder / "clusters.arrow")
    return parts, folder / "clusters.arrow"


def divide(
    folder: Path,
    packages: Sequence[PackageLinks],
    documents: Sequence[Document],
    config: SplitConfig | None = None,
    published: Mapping[tuple[str, str], int] | None = None,
) -> dict[str, tuple[str, str]]:
    """Return family and split by package."""
    parts, clusters = write_inputs(folder, documents)
    destination = folder / "splits.arrow"
    destination.unlink(missing_ok=True)
    config = config or SplitConfig()
    made = assign(packages, clusters, parts, destination, config, published or {})
    assert made == destination
    table = read_part(destination)
    assert table.schema.equals(SPLITS)
    return {row["package"]: (row["family"], row["split"]) for row in table.to_pylist()}


def own_documents(packages: Iterable[str], each: int = 1) -> list[Document]:
    """Return documents that are like no others."""
    return [(f"{name}-{n}", name, f"{name}-{n}", True) for name in packages for n in range(each)]


NAMES = [f"package{n}" for n in range(400)]


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://github.com/phoenixframework/phoenix", "github.com/phoenixframework/phoenix"),
        ("http://www.github.com/Shop/Cart/", "github.com/shop/cart"),
        ("git@github.com:shop/cart.git", "github.com/shop/cart"),
        ("git://github.com/shop/cart.git", "github.com/shop/cart"),
        ("ssh://git@github.com:22/shop/cart.git", "github.com/shop/cart"),
        ("github.com/shop/cart", "github.com/shop/cart"),
        (" https://github.com/shop/cart/tree/main/apps/core#top ", "github.com/shop/cart"),
        ("https://gitlab.com/shop/back/cart/-/blob/main/README.md", "gitlab.com/shop/back/cart"),
        ("https://gitlab.com/shop/back/cart/-/", "gitlab.com/shop/back/cart"),
        ("https://gitlab.com/shop/back/cart/tree/main/apps/till", "gitlab.com/shop/back/cart"),
        ("https://gitlab.com/shop/cart/blob/main/README.md", "gitlab.com/shop/cart"),
        ("https://gitlab.com/shop/cart/raw/main/README.md", "gitlab.com/shop/cart"),
        ("https://gitlab.com/shop/cart/issues", "gitlab.com/shop/cart"),
        ("https://gitlab.com/shop/cart/merge_requests/3", "gitlab.com/shop/cart"),
        ("https://gitlab.com/shop/cart.git/tree/main", "gitlab.com/shop/cart"),
        ("https://gitlab.com/shop/issues", "gitlab.com/shop/issues"),
        ("https://gitlab.com/tree/blob", "gitlab.com/tree/blob"),
        ("https://gitlab.com/groups/shop/back", None),
        ("https://github.com/shop/cart/blob/main/README.md", "github.com/shop/cart"),
        ("https://github.com/shop/cart/issues", "github.com/shop/cart"),
        ("https://git.sr.ht/~shop/cart", "git.sr.ht/~shop/cart"),
        ("https://codeberg.org/shop/cart", "codeberg.org/shop/cart"),
        ("https://github.com/shop", None),
        ("https://github.com/sponsors/shop", None),
        ("github:Shop/Cart", "github.com/shop/cart"),
        ("//github.com/shop/cart", "github.com/shop/cart"),
        ("https:/github.com/shop/cart", "github.com/shop/cart"),
        ("https://https://github.com/shop/cart", "github.com/shop/cart"),
        ("git+ssh://git@github.com/shop/cart.git", "github.com/shop/cart"),
        ("<https://github.com/shop/cart>", "github.com/shop/cart"),
        ("https://github.com/shop/cart).", "github.com/shop/cart"),
        ("https://github.com/shop/cart%20", "github.com/shop/cart"),
        ("https://github.com./shop/cart", "github.com/shop/cart"),
        ("https://github.com/shop/cart.wiki.git", "github.com/shop/cart"),
        ("https://raw.githubusercontent.com/shop/cart/main/README.md", "github.com/shop/cart"),
        (
            "https://gitlab.example.org/shop/back/cart/-/tree/main",
            "gitlab.example.org/shop/back/cart",
        ),
        ("https://gitea.example.org/shop/cart/src/branch/main", "gitea.example.org/shop/cart"),
        ("git@example.org:back/shop/cart.git", "example.org/back/shop/cart"),
        ("https://example.org/git/cart.git/tree/main", "example.org/git/cart"),
        ("https://example.org/.git", None),
        ("https://gitlab.example.org/shop", None),
        ("https://github.com/shop/<repository>", None),
        ("https://git.example.org/shop/cart", None),
        ("https://hexdocs.pm/cart", None),
        ("https://example.org/github.com/shop/cart", None),
        ("", None),
        ("cart", None),
    ],
)
def test_a_repository_has_one_name_however_it_is_written(url: str, repository: str | None) -> None:
    assert repository_at(url) == repository


def test_the_link_that_calls_itself_the_source_wins() -> None:
    links = (
        Link("Changelog", "https://github.com/shop/docs/blob/main/CHANGELOG.md"),
        Link("Inspired by", "https://github.com/other/cart"),
        Link("Source code", "https://github.com/shop/cart"),
    )
    assert repository_of(links) == "github.com/shop/cart"
    assert repository_of(links[:1]) == "github.com/shop/docs"
    assert repository_of(()) is None


@pytest.mark.parametrize(
    "name",
    [
        *("GitHub", "github", "GitLab", "Repository", "Source", "Source Code", "source_code"),
        *("SourceCode", "GitHub repo", "Git", "Code", " Bitbucket "),
    ],
)
def test_the_plain_name_of_a_source_goes_before_all_others(name: str) -> None:
    others = ("Code generator", "Code of Conduct", "Docs", "Forked from GitHub", "Original source")
    links = [Link(other, "https://github.com/other/cart") for other in others]
    assert repository_of([*links, Link(name, "https://github.com/me/cart")]) == "github.com/me/cart"


@pytest.mark.parametrize(
    ("package", "name", "url"),
    [
        ("shop", "Phoenix", "https://github.com/phoenixframework/phoenix"),
        ("shop", "GitHub", "https://github.com/phoenixframework/phoenix"),
        ("shop", "GitHub", "https://github.com/elixir-ecto/postgrex"),
        ("shop", "Elixir", "https://github.com/elixir-lang/elixir"),
        ("shop", "Inspired by", "https://github.com/other/cart"),
        ("shop", "C library", "https://github.com/other/libcart"),
        ("shop", "GitHub", "https://github.com"),
        ("shop", "GitHub", "https://github.com/elixir-lang"),
        ("shop", "GitHub", "https://github.com/USERNAME/shop"),
        ("shop", "GitHub", "https://github.com/your-org/shop"),
        ("shop", "GitHub", "https://github.com/<user>/<repo>"),
        ("shop", "Hex", "https://hex.pm/packages/shop"),
        ("shop", "Website", "https://elixir-lang.org"),
        ("shop", "Gist", "https://gist.github.com/ada/0123"),
    ],
)
def test_links_to_somebody_elses_or_to_no_repository_make_no_family(
    tmp_path: Path, package: str, name: str, url: str
) -> None:
    packages = [PackageLinks(each, (Link(name, url),)) for each in (package, "hat")]
    found = divide(tmp_path, packages, own_documents([package, "hat"]))
    assert {each: family for each, (family, _) in found.items()} == {package: package, "hat": "hat"}


@pytest.mark.parametrize(
    ("package", "name", "url"),
    [
        ("phoenix", "GitHub", "https://github.com/phoenixframework/phoenix"),
        ("shop_cart", "Cart", "https://github.com/ada/shop-cart"),
        ("shop", "Changelog", "https://github.com/ada/mono/blob/main/CHANGELOG.md"),
        ("shop", "Issue Tracker", "https://github.com/ada/mono/issues"),
        ("shop", "shop", "https://github.com/ada/mono"),
    ],
)
def test_a_link_to_ones_own_repository_is_taken(package: str, name: str, url: str) -> None:
    assert repository_of((Link(name, url),), package) == repository_at(url) is not None


def test_a_link_that_speaks_of_its_source_goes_before_one_that_does_not() -> None:
    links = (
        Link("Docs", "https://github.com/shop/docs"),
        Link("GitHub (mirror)", "https://github.com/shop/cart"),
    )
    assert repository_of(links) == "github.com/shop/cart"


@pytest.mark.parametrize("name", ["Code of Conduct", "code-of-conduct", "CODE_OF_CONDUCT.md"])
def test_a_code_of_conduct_leads_to_no_repository(name: str) -> None:
    conduct = Link(name, "https://github.com/elixir-lang/elixir/blob/main/CODE_OF_CONDUCT.md")
    assert repository_of((conduct,)) is None
    assert repository_of((conduct, Link("Changelog", "https://github.com/shop/cart"))) == (
        "github.com/shop/cart"
    )


@given(st.text())
def test_any_text_is_a_repository_or_none(url: str) -> None:
    assert repository_at(url) is None or "/" in str(repository_at(url))


def test_packages_of_one_repository_are_a_family(tmp_path: Path) -> None:
    packages = [linked("cart", "shop/mono"), linked("till", "Shop/mono.git"), alone("hat")]
    found = divide(tmp_path, packages, own_documents(["cart", "till", "hat"]))
    assert found == {
        "cart": ("github.com/shop/mono", "train"),
        "till": ("github.com/shop/mono", "train"),
        "hat": ("hat", "train"),
    }


def test_packages_of_one_repository_are_a_family_whichever_page_they_link_to(
    tmp_path: Path,
) -> None:
    cart, till = "https://gitlab.com/shop/mono", "https://gitlab.com/shop/mono/tree/main/apps/till"
    packages = [
        PackageLinks("cart", (Link("GitLab", cart),)),
        PackageLinks("till", (Link("GitLab", till),)),
    ]
    found = divide(tmp_path, packages, own_documents(["cart", "till"]))
    assert found["cart"] == found["till"] == ("gitlab.com/shop/mono", "train")


def test_a_package_that_moved_joins_its_old_and_its_new_repository(tmp_path: Path) -> None:
    packages = [linked("cart", "new/cart"), linked("cart", "old/cart"), linked("till", "old/cart")]
    found = divide(tmp_path, packages, own_documents(["cart", "till"]))
    assert {family for family, _ in found.values()} == {"github.com/new/cart"}


def test_a_package_without_documents_gets_a_split_too(tmp_path: Path) -> None:
    assert set(divide(tmp_path, [alone("cart")], own_documents(["till"]))) == {"cart", "till"}


def test_no_documents_at_all_give_an_empty_table(tmp_path: Path) -> None:
    assert divide(tmp_path, [], []) == {}


def test_without_clusters_every_document_stays(tmp_path: Path) -> None:
    parts, _ = write_inputs(tmp_path, own_documents(["cart"]))
    table = read_part(assign([], None, parts, tmp_path / "s.arrow", SplitConfig()))
    alone = {f"joined_{why}": None for why in ("by", "with", "share", "documents")}
    assert table.to_pylist() == [{"package": "cart", "family": "cart", **alone, "split": "train"}]


def test_an_existing_table_is_left_as_it_is(tmp_path: Path) -> None:
    destination = tmp_path / "splits.arrow"
    destination.write_bytes(b"done")
    assign([alone("cart")], None, [], destination, SplitConfig())
    assert destination.read_bytes() == b"done"


def test_splits_have_about_the_fractions_that_were_asked_for(tmp_path: Path) -> None:
    config = SplitConfig(validation=0.2, test=0.1)
    found = divide(tmp_path, [], own_documents(NAMES), config)
    splits = [split for _, split in found.values()]
    assert 250 < splits.count("train") < 310
    assert 60 < splits.count("validation") < 100
    assert 25 < splits.count("test") < 60


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"test": -1.0}, "test is -1.0; it is a fraction: at least 0, at most 1"),
        ({"validation": nan}, "validation is nan; it is a fraction: at least 0, at most 1"),
        ({"validation": 0.0}, "validation is 0; no split may be empty, so it must be above 0"),
        ({"test": 0.0}, "test is 0; no split may be empty, so it must be above 0"),
        (
            {"validation": 0.5, "test": 0.5},
            "validation is 0.5 and test 0.5; that leaves nothing for training, so together they "
            "must be less than 1",
        ),
        ({"kinship": -0.1}, "kinship is -0.1; it is a fraction: at least 0, at most 1"),
        ({"kinship": nan}, "kinship is nan; it is a fraction: at least 0, at most 1"),
        ({"boilerplate": -5}, "boilerplate is -5; it must be at least 1"),
        ({"least_shared": 0}, "least_shared is 0; it must be at least 1"),
        ({"largest_family": 9.0}, "largest_family is 9.0; it is a fraction: at least 0, at most 1"),
    ],
)
def test_values_that_cannot_work_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        SplitConfig(**values)


def test_another_salt_gives_another_division(tmp_path: Path) -> None:
    documents = own_documents(NAMES)
    first = divide(tmp_path, [], documents)
    second = divide(tmp_path, [], documents, SplitConfig(salt="other"))
    assert first != second


@settings(max_examples=20, deadline=None)
@given(st.sets(st.sampled_from(NAMES), min_size=150))
def test_a_family_never_moves_when_others_come_or_go(
    tmp_path_factory: pytest.TempPathFactory, some: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("split")
    everything = divide(folder, [], own_documents(NAMES))
    part = divide(folder, [], own_documents(sorted(some)))
    splits = {split for _, split in part.values()}
    if splits == {"train", "validation", "test"}:
        assert part == {name: everything[name] for name in some}


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_packages_and_documents_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, random: Random
) -> None:
    folder = tmp_path_factory.mktemp("split")
    packages, documents = KINDRED
    shuffled, rows = list(packages), list(documents)
    random.shuffle(shuffled)
    random.shuffle(rows)
    assert divide(folder, shuffled, rows, LOOSE) == divide(folder, packages, documents, LOOSE)


LOOSE = SplitConfig(largest_family=0.8)
KINDRED = (
    [linked("cart", "shop/mono"), linked("till", "shop/mono"), alone("fork"), alone("hat")],
    [
        *own_documents(["cart", "till", "hat", "sock", "shoe"], 4),
        ("cart-x", "cart", "x", True),
        ("fork-x", "fork", "x", False),
        ("fork-y", "fork", "y", True),
        ("hat-y", "hat", "y", False),
    ],
)


def test_families_that_share_code_are_joined_under_the_larger_one(tmp_path: Path) -> None:
    found = divide(tmp_path, *KINDRED, LOOSE)
    assert found["fork"][0] == "github.com/shop/mono"
    assert found["hat"][0] == "github.com/shop/mono"
    assert found["sock"][0] == "sock"


@pytest.mark.parametrize(
    ("published", "family"),
    [
        ({}, "copy"),
        ({("hex", "original"): 2015, ("hex", "copy"): 2026}, "original"),
        ({("hex", "original"): 2015}, "original"),
        ({("hex", "copy"): 2014, ("hex", "original"): 2015}, "copy"),
    ],
)
def test_a_later_copy_moves_and_not_the_original_however_large_it_is(
    tmp_path: Path, published: dict[tuple[str, str], int], family: str
) -> None:
    documents: list[Document] = [
        *own_documents(["copy", *NAMES[:9]], 6),
        *((f"original-{n}", "original", f"c{n}", True) for n in range(4)),
        *((f"copied-{n}", "copy", f"c{n}", False) for n in range(4)),
    ]
    found = divide(tmp_path, [], documents, SplitConfig(largest_family=0.5), published)
    assert found["original"] == found["copy"] == (family, found[family][1])


def joined(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Why each package is in its family, of those that are not alone."""
    rows = read_part(folder / "splits.arrow").to_pylist()
    columns = ("family", "joined_by", "joined_with", "joined_share", "joined_documents")
    return {row["package"]: tuple(row[c] for c in columns) for row in rows if row["joined_by"]}


def test_a_family_says_why_it_was_joined(tmp_path: Path) -> None:
    divide(tmp_path, *KINDRED, LOOSE)
    mono = "github.com/shop/mono"
    assert joined(tmp_path) == {
        "cart": (mono, "repository", mono, None, None),
        "till": (mono, "repository", mono, None, None),
        "fork": (mono, "kinship", mono, 0.5, 1),
        "hat": (mono, "kinship", "fork", 0.5, 1),
    }


SCAFFOLDS = (
    "mix.exs",
    "lib/shop/application.ex",
    "lib/shop_web/endpoint.ex",
    "lib/shop_web/components/core_components.ex",
    "lib/shop_web/user_auth.ex",
    "lib/shop_web/controllers/user_session_controller.ex",
    "lib/shop_web/live/user_live/user_forgot_password_live.ex",
    "lib/shop/accounts/user_token.ex",
    "test/shop_web/user_auth_test.exs",
    "test/support/conn_case.ex",
    "test/test_helper.exs",
    "apps/shop/mix.exs",
    "src/shop_app.erl",
    "src/shop_sup.erl",
)


@pytest.mark.parametrize("path", SCAFFOLDS)
def test_what_generators_write_makes_nobody_kin(tmp_path: Path, path: str) -> None:
    """Six packages of three files, of which two are the same scaffold in all of them."""
    names = NAMES[:6]
    documents: list[Document] = [
        (f"{name}-{kind}", name, kind, name == names[0], place, 900)
        for name in names
        for kind, place in (("one", path), ("two", "lib/shop_web.ex"))
    ]
    documents += [(f"{name}-own", name, f"{name}-own", True, "lib/shop.ex", 300) for name in names]
    found = divide(tmp_path, [], documents, SplitConfig(largest_family=1.0))
    assert {family for family, _ in found.values()} == set(names)
    assert joined(tmp_path) == {}


@pytest.mark.parametrize(
    ("own", "shared", "kin"),
    [
        ([3000], [299], False),  # too little
        ([3000], [400], False),  # one file was copied
        ([300], [300], True),  # one file, and half of everything
        ([3000], [200, 200], True),
        ([4000], [200, 199], False),  # less than a tenth
    ],
)
def test_kin_share_a_tenth_of_their_code_and_more_than_one_copied_file(
    tmp_path: Path, own: list[int], shared: list[int], kin: bool
) -> None:
    documents: list[Document] = [
        (f"{name}-{n}", name, f"{name}-{n}", True, f"lib/{n}.ex", tokens)
        for name in ("cart", "till")
        for n, tokens in enumerate(own)
    ]
    documents += [
        (f"{name}-shared{n}", name, f"shared{n}", name == "cart", f"lib/s{n}.ex", tokens)
        for name in ("cart", "till")
        for n, tokens in enumerate(shared)
    ]
    found = divide(tmp_path, [], documents, SplitConfig(largest_family=1.0))
    assert (found["cart"][0] == found["till"][0]) is kin


def test_kinship_is_a_fraction_of_either_familys_code(tmp_path: Path) -> None:
    documents = [
        *own_documents(["cart", "till"], 18),
        *(("cart-" + x, "cart", x, True) for x in "xy"),
        *(("till-" + x, "till", x, False) for x in "xy"),
        *own_documents(["hat"], 30),
    ]
    tenth = SplitConfig(kinship=0.1, largest_family=1.0)
    more = SplitConfig(kinship=0.11, largest_family=1.0)
    assert divide(tmp_path, [], documents, tenth)["till"][0] == "cart"
    assert divide(tmp_path, [], documents, more)["till"][0] == "till"


def test_boilerplate_that_everybody_has_joins_nobody(tmp_path: Path) -> None:
    names = NAMES[:5]
    documents = [(name, name, "formatter", name == NAMES[0]) for name in names]
    loose = SplitConfig(largest_family=1.0, boilerplate=4)
    assert {family for family, _ in divide(tmp_path, [], documents, loose).values()} == set(names)
    looser = SplitConfig(largest_family=1.0, boilerplate=5)
    assert len({family for family, _ in divide(tmp_path, [], documents, looser).values()}) == 1


def test_a_chain_of_kinship_does_not_swallow_the_corpus(tmp_path: Path) -> None:
    chain = [
        (f"{name}-{side}", name, f"link{n + side}", side == 0)
        for n, name in enumerate(NAMES[:100])
        for side in (0, 1)
    ]
    found = divide(tmp_path, [], chain, SplitConfig(largest_family=0.05))
    sizes = families_by_size({name: family for name, (family, _) in found.items()})
    assert max(sizes.values()) == 5


def families_by_size(families: Mapping[str, str]) -> dict[str, int]:
    return {family: list(families.values()).count(family) for family in families.values()}


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from(NAMES), min_size=3, max_size=12))
def test_with_three_families_no_split_is_empty(
    tmp_path_factory: pytest.TempPathFactory, names: set[str]
) -> None:
    found = divide(tmp_path_factory.mktemp("split"), [], own_documents(sorted(names)))
    assert {split for _, split in found.values()} == {"train", "validation", "test"}


def test_the_families_that_hash_next_to_an_empty_range_fill_it(tmp_path: Path) -> None:
    names = sorted((name for name in NAMES if position(name, "elixir-corpus") < 0.9), key=place)[
        -9:
    ]
    found = divide(tmp_path, [], own_documents(names))
    moved = {name: split for name, (_, split) in found.items() if split != "train"}
    assert moved == {names[-1]: "validation", names[-2]: "test"}


def place(name: str) -> float:
    return position(name, "elixir-corpus")


def test_a_family_that_keeps_no_document_fills_no_split(tmp_path: Path) -> None:
    low = sorted((name for name in NAMES if place(name) < 0.9), key=place)
    documents = [*own_documents(low[:3]), (low[-1], low[-1], low[0] + "-0", False)]
    found = divide(tmp_path, [], documents, SplitConfig(largest_family=0.0))
    assert found[low[-1]][1] == "train"
    assert sorted(split for name, (_, split) in found.items() if name in low[:3]) == [
        "test",
        "train",
        "validation",
    ]


def test_two_families_are_too_few_to_fill_three_splits(tmp_path: Path) -> None:
    low = sorted(NAMES, key=place)[:2]
    assert {split for _, split in divide(tmp_path, [], own_documents(low)).values()} == {"train"}


def test_where_a_name_stands_is_the_same_for_ever() -> None:
    assert position("jason", "elixir-corpus") == 0.39187697425385637
