import pytest

from corpus.deduplicate import order
from corpus.source import ROLES, language_of, role_of


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("lib/shop.ex", "elixir"),
        ("mix.exs", "elixir"),
        (".formatter.exs", "elixir"),
        ("lib/mix/tasks/deps.get.ex", "elixir"),
        ("src/shop.erl", "erlang"),
        ("include/shop.hrl", "erlang"),
        ("bin/release.escript", "erlang"),
        ("lib/shop_web/live/cart.html.heex", "heex"),
        ("lib/shop_web/live/cart.html.leex", "eex"),
        ("lib/shop_web/templates/mail.text.eex", "eex"),
        ("priv/templates/phx.gen.live/show.ex", "eex"),
        ("installer/templates/phx_single/mix.exs", "eex"),
        ("src/shop.app.src", None),
        ("src/shop_parser.yrl", None),
        ("rebar.config", None),
        ("mix.lock", None),
        ("src/shop/cart.gleam", "gleam"),
        ("README.md", "markdown"),
        ("guides/start.markdown", "markdown"),
        ("guides/start.livemd", "livemd"),
        ("guides/start.txt", None),
        ("Makefile", None),
        ("lib/.ex", None),
        ("lib/shop.EX", None),
    ],
)
def test_the_language_follows_from_the_path(path: str, language: str | None) -> None:
    assert language_of(path) == language


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("lib/shop/cart.ex", "library"),
        ("src/shop.erl", "library"),
        ("include/shop.hrl", "library"),
        ("apps/shop/lib/shop.ex", "library"),
        ("lib/phoenix/test/conn_test.ex", "library"),
        ("lib/ex_unit/lib/ex_unit/case.ex", "library"),
        ("web/controllers/page_controller.ex", "library"),
        ("test/shop_test.exs", "test"),
        ("test/support/conn_case.ex", "test"),
        ("test/test_helper.exs", "test"),
        ("apps/shop/test/shop_test.exs", "test"),
        ("lib/shop/cart_test.exs", "test"),
        ("lib/mix/test/mix/umbrella.exs", "test"),
        ("test/shop_SUITE.erl", "test"),
        ("src/shop_tests.erl", "test"),
        ("test/fixtures/app/config/config.exs", "test"),
        ("mix.exs", "config"),
        ("apps/shop/mix.exs", "config"),
        (".formatter.exs", "config"),
        ("config/runtime.exs", "config"),
        ("apps/shop/config/dev.exs", "config"),
        ("priv/repo/migrations/20200101000000_create_carts.exs", "migration"),
        ("apps/shop/priv/repo/tenant_migrations/1_create.exs", "migration"),
        ("lib/oban/migrations/v01.ex", "library"),
        ("priv/repo/seeds.exs", "script"),
        ("eqc/cart_eqc.erl", "test"),
        ("src/eqc/gen.erl", "library"),
        ("bench/cart.exs", "benchmark"),
        ("performance/cart.exs", "benchmark"),
        ("e2e/cart.exs", "test"),
        ("spec/cart_spec.exs", "test"),
        ("property_test/cart_prop.erl", "test"),
        ("lib/shop/e2e/cart.ex", "library"),
        ("benchmarks/lib/shop_bench.ex", "benchmark"),
        ("apps/shop/bench/cart.ex", "benchmark"),
        ("lib/shop/bench/cart.ex", "library"),
        ("lib/shop/bench/cart.exs", "benchmark"),
        ("examples/cart.ex", "example"),
        ("examples/shop/lib/shop/cart.ex", "example"),
        ("examples/cart/src/cart_app.erl", "example"),
        ("examples/shop/mix.exs", "config"),
        ("examples/shop/test/cart_test.exs", "test"),
        ("examples/shop/lib/cart.html.heex", "template"),
        ("Demo/cart.ex", "example"),
        ("guides/carts/cart.ex", "example"),
        ("livebooks/cart.exs", "example"),
        ("samples/cart.erl", "example"),
        ("apps/shop/examples/cart.ex", "example"),
        ("apps/demo/lib/demo.ex", "library"),
        ("lib/shop/examples/cart.ex", "library"),
        ("src/examples/cart.erl", "library"),
        ("lib/ex_unit/examples/one_of_each.exs", "example"),
        ("test/examples/cart.ex", "test"),
        ("scripts/release.ex", "script"),
        ("tools/convert.erl", "script"),
        ("apps/tools/src/tools.erl", "library"),
        ("priv/tracers/trace.erl", "script"),
        ("priv/templates/provider.erl", "template"),
        ("bin/release.escript", "script"),
        ("lib/shop_web/live/cart.html.heex", "template"),
        ("priv/templates/phx.gen.live/show_test.exs", "template"),
        ("README.md", "guide"),
        ("lib/shop/learn/start.livemd", "guide"),
        ("examples/shop/README.md", "guide"),
        ("test/fixtures/README.md", "test"),
        ("src/shop/cart.gleam", "library"),
        ("test/shop/cart_test.gleam", "test"),
    ],
)
def test_the_role_follows_from_the_path(path: str, role: str) -> None:
    language = language_of(path)
    assert language is not None
    assert role_of(path, language) == role


def test_each_role_has_its_place_among_representatives() -> None:
    assert sorted(order.ROLES) == sorted(ROLES)
    assert ROLES == (
        "library",
        "test",
        "script",
        "example",
        "benchmark",
        "config",
        "migration",
        "template",
        "guide",
    )
