"""Planted secrets, and clean code that looks like them: what redaction finds and what it should.

    python -m tests.corpus.planted_secrets

plants what is private in Elixir, Erlang and templates, redacts each file as ingest does, and prints
recall by kind and precision over all files. Every value is made here from a seed, in a valid form
with its checksum where it has one: no real secret is in this file, and none stands in one piece.
"""

import base64
import hashlib
import random
import string
import sys
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from corpus.redaction import RedactionConfig, redact

Random = random.Random
LETTERS = string.ascii_letters
ALPHANUMERIC = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
URL_SAFE = ALPHANUMERIC + "-_"
HEX = "0123456789abcdef"
ROUNDS = 10
"""So many values of each kind are planted."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A file with something private in it; `values` are the pieces that must not stay."""

    kind: str
    language: str
    text: str
    values: tuple[str, ...]
    path: str = ""


def word(seed: Random, alphabet: str, length: int) -> str:
    """Return random characters, at least one of them a digit where the alphabet has digits."""
    while True:
        found = "".join(seed.choices(alphabet, k=length))
        if not set(alphabet) & set(string.digits) or any(each.isdigit() for each in found):
            return found


def coded(seed: Random, size: int) -> str:
    """Return random bytes in base64."""
    return base64.b64encode(seed.randbytes(size)).decode()


def with_checksum(seed: Random, prefix: str) -> str:
    """Return a token of GitHub or npm: 30 characters and their CRC-32 in base62."""
    body = word(seed, ALPHANUMERIC, 30)
    number, check = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        check = (string.digits + string.ascii_uppercase + string.ascii_lowercase)[digit] + check
    return prefix + body + check


def json_web_token(seed: Random) -> str:
    """Return a signed token with the claims of nobody."""
    parts = [f'{{"alg":"HS256","kid":"{seed.randrange(99)}"}}', f'{{"sub":"{seed.random()}"}}']
    encoded = [base64.urlsafe_b64encode(each.encode()).decode().rstrip("=") for each in parts]
    signature = base64.urlsafe_b64encode(seed.randbytes(32)).decode().rstrip("=")
    return ".".join([*encoded, signature])


TOKENS: dict[str, Callable[[Random], str]] = {
    "GitHub token": lambda seed: with_checksum(seed, "gh" + "p_"),
    "GitHub token of an app": lambda seed: with_checksum(seed, "gh" + "s_"),
    "GitHub fine-grained token": lambda seed: (
        "github" + "_pat_" + word(seed, ALPHANUMERIC, 22) + "_" + word(seed, ALPHANUMERIC, 59)
    ),
    "GitLab token": lambda seed: "gl" + "pat-" + word(seed, ALPHANUMERIC, 20),
    "AWS key": lambda seed: "AK" + "IA" + word(seed, string.ascii_uppercase + "234567", 16),
    "Stripe key": lambda seed: "sk" + "_live_" + word(seed, ALPHANUMERIC, 24),
    "Slack bot token": lambda seed: (
        "xo"
        + "xb-"
        + "-".join(str(seed.randrange(10**11, 10**12)) for _ in range(2))
        + "-"
        + word(seed, ALPHANUMERIC, 24)
    ),
    "SendGrid key": lambda seed: (
        "S" + "G." + word(seed, URL_SAFE, 22) + "." + word(seed, ALPHANUMERIC, 43)
    ),
    "Telegram token": lambda seed: (
        str(seed.randrange(10**8, 10**9)) + ":A" + "A" + word(seed, ALPHANUMERIC, 33)
    ),
    "npm token": lambda seed: with_checksum(seed, "np" + "m_"),
    "Google key": lambda seed: "AI" + "za" + word(seed, ALPHANUMERIC, 35),
    "DigitalOcean token": lambda seed: "do" + "p_v1_" + word(seed, HEX, 64),
    "Shopify token": lambda seed: "sh" + "pat_" + word(seed, HEX, 32),
    "Hugging Face token": lambda seed: "h" + "f_" + word(seed, LETTERS, 34),
    "Postman key": lambda seed: "PM" + "AK-" + word(seed, HEX, 24) + "-" + word(seed, HEX, 34),
    "Linear key": lambda seed: "lin" + "_api_" + word(seed, ALPHANUMERIC, 40),
    "Docker Hub token": lambda seed: "dckr" + "_pat_" + word(seed, ALPHANUMERIC, 27),
    "RubyGems key": lambda seed: "ruby" + "gems_" + word(seed, HEX, 48),
    "Doppler token": lambda seed: "dp" + ".pt." + word(seed, ALPHANUMERIC, 43),
    "JSON Web Token": json_web_token,
}
"""Tokens whose form tells what they are."""


def opaque(seed: Random) -> str:
    """Return a token without a form of its own."""
    return word(seed, seed.choice((ALPHANUMERIC, LOWER, HEX)), seed.choice((24, 32, 40)))


def halves(value: str) -> tuple[str, str]:
    """Divide a value."""
    return value[: len(value) // 2], value[len(value) // 2 :]


PLACES: tuple[tuple[str, str], ...] = (
    ("elixir", 'defmodule A do\n  @token "{}"\n  def token, do: @token\nend\n'),
    ("elixir", 'import Config\n\nconfig :shop, Shop.Client, api_key: "{}", timeout: 5_000\n'),
    (
        "elixir",
        'defmodule A do\n  @moduledoc """\n  Calls the service.\n\n'
        '      iex> A.new(token: "{}")\n      :ok\n  """\n  def new(o), do: o\nend\n',
    ),
    ("elixir", "defmodule A do\n  # token: {}\n  def a, do: ~s({})\nend\n"),
    ("elixir", "defmodule A do\n  def access_token, do: '{}'\nend\n"),
    ("elixir", 'x = %{{"access_token" => "{}", "id" => 1}}\n'),
    ("elixir", 'Application.put_env(:shop, :api_token, "{}")\n'),
    ("erlang", '-module(a).\n-export([f/0]).\n-define(API_KEY, "{}").\nf() -> ?API_KEY.\n'),
    ("erlang", '-module(a).\n-export([f/0]).\nf() -> [{{api_key, <<"{}">>}}].\n'),
    ("erlang", "-module(a).\n-export([f/0]).\n%% token: {}\nf() -> #{{token => '{}'}}.\n"),
    ("eex", '<script>\n  client.start({{token: "{}"}})\n</script>\n<%= @body %>\n'),
)
"""Where a token stands; the braces of code are doubled."""

DIVIDED: tuple[tuple[str, str], ...] = (
    ("elixir", 'defmodule A do\n  @api_key "{}" <> "{}"\n  def key, do: @api_key\nend\n'),
    (
        "elixir",
        'defmodule A do\n  @api_key "{}" <>\n             "{}"\n  def k, do: @api_key\nend\n',
    ),
    ("elixir", 'token = "{}\\\n  {}"\n'),
    ("elixir", "token = '{}' ++ '{}'\n"),
    ("erlang", '-module(a).\n-export([f/0]).\nf() -> Token = "{}" ++ "{}", Token.\n'),
    ("erlang", '-module(a).\n-export([f/0]).\nf() ->\n  #{{token => "{}"\n     "{}"}}.\n'),
    ("erlang", '-module(a).\n-export([f/0]).\nf() -> [{{api_key, <<"{}" "{}">>}}].\n'),
)


def tokens(seed: Random) -> Iterator[Planted]:
    """Plant tokens, in one piece and in two."""
    for number in range(ROUNDS):
        for place, (kind, make) in enumerate(TOKENS.items()):
            language, text = PLACES[(number + place) % len(PLACES)]
            value = make(seed)
            yield Planted(kind, language, text.format(value, value), (value,))
        language, text = PLACES[number % len(PLACES)]
        value = opaque(seed)
        yield Planted("token without a form", language, text.format(value, value), (value,))
        language, text = DIVIDED[number % len(DIVIDED)]
        parts = halves(with_checksum(seed, "gh" + "p_"))
        yield Planted("GitHub token in two literals", language, text.format(*parts), parts)
        language, text = DIVIDED[(number + 3) % len(DIVIDED)]
        parts = halves(opaque(seed))
        yield Planted("token in two literals", language, text.format(*parts), parts)


def settings(seed: Random) -> Iterator[Planted]:
    """Plant what Phoenix, Ecto and distribution are configured with."""
    cookie = "".join(seed.choices(string.ascii_uppercase, k=20))
    base, salt, password = coded(seed, 48), coded(seed, 6), word(seed, ALPHANUMERIC + "!?+", 14)
    simple = word(seed, ALPHANUMERIC, 16)
    account = "https://" + f"{word(seed, HEX, 8)}.blob.core.windows.net"
    for kind, language, text, value in (
        (
            "secret_key_base",
            "elixir",
            'config :shop, ShopWeb.Endpoint,\n  http: [port: 4000],\n  secret_key_base: "{}"\n',
            base,
        ),
        ("secret_key_base", "elixir", "Endpoint.start_link(%{{secret_key_base: ~s({})}})\n", base),
        ("secret_key_base", "eex", 'export SECRET_KEY_BASE="{}"\n', base),
        (
            "signing_salt",
            "elixir",
            '@session [store: :cookie, key: "_k", signing_salt: "{}"]\n',
            salt,
        ),
        (
            "signing_salt",
            "elixir",
            'config :a, B, live_view: [signing_salt: "{}"]\n',
            coded(seed, 24),
        ),
        (
            "encryption salt",
            "elixir",
            'plug Plug.Session, encryption_salt: "{}"\n',
            coded(seed, 12),
        ),
        ("cookie of a node", "eex", "-name shop@127.0.0.1\n-setcookie {}\n", cookie),
        ("cookie of a node", "elixir", "Node.set_cookie(:{})\n", cookie),
        ("cookie of a node", "elixir", 'Node.set_cookie(node(), :"{}")\n', base[:32]),
        ("cookie of a node", "elixir", 'releases: [shop: [cookie: "{}"]]\n', base[:56]),
        (
            "cookie of a node",
            "erlang",
            "-module(a).\n-export([f/0]).\nf() -> erlang:set_cookie(node(), '{}').\n",
            cookie,
        ),
        (
            "password in an address",
            "elixir",
            'config :shop, Shop.Repo, url: "ecto://shop:{}@db.shop.io/shop"\n',
            simple,
        ),
        (
            "password in an address",
            "erlang",
            '-module(a).\n-export([f/0]).\nf() -> epgsql:connect("postgres://a:{}@10.0.0.7/b").\n',
            simple,
        ),
        ("password in an address", "elixir", "# redis://:{}@cache.shop.io:6379/0\nx = 1\n", simple),
        (
            "password",
            "elixir",
            'config :shop, Shop.Repo, username: "shop", password: "{}"\n',
            password,
        ),
        (
            "password",
            "erlang",
            '-module(a).\n-export([f/0]).\nf() -> [{{username, "shop"}}, {{password, "{}"}}].\n',
            password,
        ),
        ("password", "elixir", 'System.put_env("DB_PASSWORD", "{}")\n', password),
        (
            "basic credentials",
            "elixir",
            'headers = [{{"authorization", "Basic {}"}}]\n',
            base64.b64encode(f"shop:{simple}".encode()).decode(),
        ),
        (
            "bearer token",
            "elixir",
            'headers = ["Authorization": "Bearer {}"]\n',
            word(seed, URL_SAFE, 40),
        ),
        (
            "client secret",
            "elixir",
            'config :ueberauth, Google, client_secret: "{}"\n',
            opaque(seed),
        ),
        ("Guardian key", "elixir", 'config :shop, Guardian, secret_key: "{}"\n', coded(seed, 48)),
        (
            "AWS secret key",
            "elixir",
            'config :ex_aws, access_key_id: "' + TOKENS["AWS key"](seed) + '",\n'
            '  secret_access_key: "{}"\n',
            word(seed, ALPHANUMERIC + "+/", 40),
        ),
        (
            "Azure key",
            "elixir",
            f'@blob "DefaultEndpointsProtocol=https;BlobEndpoint={account};AccountKey={{}}"\n',
            coded(seed, 64),
        ),
        (
            "JSON Web Key",
            "elixir",
            'jwk = %{{"kty" => "EC", "crv" => "P-256", "d" => "{}"}}\n',
            base64.urlsafe_b64encode(seed.randbytes(32)).decode().rstrip("="),
        ),
        (
            "JSON Web Key",
            "erlang",
            "-module(a).\n-export([f/0]).\n"
            'f() -> #{{<<"kty">> => <<"oct">>, <<"k">> => <<"{}">>}}.\n',
            base64.urlsafe_b64encode(seed.randbytes(32)).decode().rstrip("="),
        ),
    ):
        yield Planted(kind, language, text.format(value), (value,))


def lines_of(body: str, length: int = 64) -> list[str]:
    """Fold base64."""
    return [body[start : start + length] for start in range(0, len(body), length)]


def keys(seed: Random) -> Iterator[Planted]:
    """Plant private keys; their bodies are random bytes of the right size."""
    mark = "-----{} {}PRIVATE " + "KEY-----"
    for kind, name, size, block in (
        ("RSA key", "RSA ", 609, ""),
        ("EC key", "EC ", 121, ""),
        ("PKCS #8 key", "", 138, ""),
        ("OpenSSH key", "OPENSSH ", 274, ""),
        ("PGP key", "PGP ", 400, " BLOCK"),
    ):
        begin, end = (
            mark.format(each, name).replace("KEY-", f"KEY{block}-") for each in ("BEGIN", "END")
        )
        lines = lines_of(coded(seed, size))
        pem = [begin, *lines, end]
        values = tuple(line for line in lines if len(line) > 8)
        heredoc = "".join(f"  {line}\n" for line in pem)
        yield Planted(
            f"{kind}, heredoc",
            "elixir",
            f'defmodule A do\n  @key """\n{heredoc}  """\n  def key, do: @key\nend\n',
            values,
        )
        yield Planted(f"{kind}, one line", "elixir", 'x = "' + "\\n".join(pem) + '\\n"\n', values)
        joined = " <>\n  ".join(f'"{line}\\n"' for line in pem)
        yield Planted(f"{kind}, joined", "elixir", f"x =\n  {joined}\n", values)
        listed = "\n    ".join(f'"{line}\\n"' for line in pem)
        yield Planted(
            f"{kind}, Erlang",
            "erlang",
            f"-module(a).\n-export([f/0]).\nf() ->\n  <<{listed}>>.\n",
            values,
        )
        comment = "".join(f"# {line}\n" for line in pem)
        yield Planted(f"{kind}, comment", "elixir", f"{comment}x = 1\n", values)


def unusual(seed: Random) -> Iterator[Planted]:
    """Plant secrets that no literal holds in one piece or as a text, and passwords of words."""
    numbers = list(seed.randbytes(seed.choice((16, 24, 32))))
    bare, based = ", ".join(map(str, numbers)), ",".join(f"16#{each:02X}" for each in numbers)
    for language, text, value in (
        ("elixir", "defmodule A do\n  @signing_key <<{}>>\n  def a, do: @signing_key\nend\n", bare),
        ("elixir", "config :shop, secret: <<{}>>\n", bare),
        ("erlang", "-module(a).\n-export([f/0]).\nf() -> Key = <<{}>>, Key.\n", based),
    ):
        yield Planted("key of numbers", language, text.format(value), (value,))
    lines = lines_of(coded(seed, 96), 32)
    heredoc, joined = (mark.join(lines) for mark in ("\n  ", '\\n" <>\n  "'))
    values = tuple(lines)
    yield Planted(
        "secret in several lines",
        "elixir",
        f'defmodule A do\n  @secret """\n  {heredoc}\n  """\n  def a, do: @secret\nend\n',
        values,
    )
    yield Planted(
        "secret in several lines", "elixir", f'client_secret =\n  "{joined}\\n"\n', values
    )
    parts = halves(word(seed, ALPHANUMERIC, 32))
    for text in (
        '@api_key Enum.join(["{}", "{}"])\n',
        'config :shop, token: Enum.join(["{}", "{}"], "")\n',
        'secret = IO.iodata_to_binary(["{}", "{}"])\n',
    ):
        yield Planted("secret of a joined list", "elixir", text.format(*parts), parts)
    for text in (
        'defmodule A do\n  @api_key ["{}", "{}"] |> Enum.join()\n  def a, do: @api_key\nend\n',
        'config :shop, token: ["{}",\n  "{}"] |> IO.iodata_to_binary()\n',
        'secret =\n  ["{}", "{}"]\n  |> Enum.join("")\n',
        'secret = Enum.join([\n  # the first half\n  "{}", # and\n  "{}"\n])\n',
    ):
        yield Planted("secret of a piped list", "elixir", text.format(*parts), parts)
    stripe = halves(TOKENS["Stripe key"](seed))
    for text in (
        'Client.new(Enum.join(["{}", "{}"]))\n',
        'Client.new(["{}", "{}"] |> Enum.join())\n',
    ):
        yield Planted("token of a joined list", "elixir", text.format(*stripe), stripe)
    for language, text in (
        ("elixir", '@api_key "{}" <>\n  # the rest is below\n  "{}"\n'),
        ("elixir", 'token =\n  "{}" # one\n  # two\n  <> "{}"\n'),
        ("elixir", 'x = "{}" <> # "quoted"\n  "{}"\ntoken = x\n'),
        ("erlang", '-module(a).\n-export([f/0]).\nf() -> Token = "{}" % one\n  "{}", Token.\n'),
    ):
        pieces = halves(with_checksum(seed, "gh" + "p_"))
        yield Planted("halves with a comment between", language, text.format(*pieces), pieces)
    spaced = " ".join(word(seed, ALPHANUMERIC + "!?+", 5) + "Q7" for _ in range(3))
    for text in (
        'config :shop, Shop.Repo, username: "shop", password: "{}"\n',
        'System.put_env("DB_PASSWORD", "{}")\n',
        'x = [url: "postgres://shop:{}@db.shop.io/shop"]\n',
    ):
        yield Planted("password with blanks", "elixir", text.format(spaced), (spaced,))
    words = " ".join(seed.sample(("correct", "horse", "battery", "staple", "amber"), 4))
    for text, value in (
        ('x = "ecto://shop:{}@db.shop.io/shop"\n', words),
        ('x = "ecto://shop:{}@db.shop.io/shop"\n', words.replace(" ", "%20")),
    ):
        yield Planted("password of words in an address", "elixir", text.format(value), (value,))
    yield Planted(
        "password of a word",
        "elixir",
        f'import Config\n\nconfig :shop, Shop.Repo, password: "{words}"\n',
        (words,),
        "config/prod.exs",
    )
    number = str(uuid.UUID(int=seed.getrandbits(128), version=4))
    yield Planted("UUID as a token", "elixir", f'config :shop, api_token: "{number}"\n', (number,))
    value = word(seed, ALPHANUMERIC, 24)
    text = f'x = "{6 * "token="}{value}"\n'
    yield Planted("secret behind many names", "elixir", text, (value,))
    plain = seed.choice(("hunter", "sunshine", "dragonfly", "buttercup")) + str(seed.randrange(9))
    for text in (
        'import Config\n\nconfig :shop, Shop.Repo, username: "shop", password: "{}"\n',
        'import Config\n\nconfig :shop, Shop.Repo, url: "ecto://shop:{}@db.shop.io/shop"\n',
        'import Config\n\nconfig :shop, Shop.Mailer, smtp_password: "{}"\n',
    ):
        yield Planted(
            "password of a word", "elixir", text.format(plain), (plain,), "config/prod.exs"
        )
    name = f"{seed.choice(('ada', 'grace_h', 'mike'))}{seed.randrange(10, 100)}"
    for text in (
        "{} at mail dot org",
        "{} AT kth DOT se",
        "{} [at] mail [dot] org",
        "{}(at)fly.dev",
    ):
        value = text.format(name)
        yield Planted("e-mail in words", "elixir", f"# Author: {value}\nx = 1\n", (value,))


FIRST = ("ada", "grace.h", "j_armstrong", "robert+hex", "mike9", "m.odersky")
HOSTS = ("gmail.com", "riak.io", "erlang-solutions.com", "kth.se", "mail.ethz.ch", "fly.dev")


def people(seed: Random) -> Iterator[Planted]:
    """Plant e-mail addresses and global IP addresses."""
    for kind, language, text in (
        (
            "e-mail, author",
            "erlang",
            "%% @author Ada L. <{}>\n-module(a).\n-export([f/0]).\nf() -> 1.\n",
        ),
        ("e-mail, copyright", "elixir", "# Copyright (c) 2019 Ada Lovelace <{}>\nx = 1\n"),
        (
            "e-mail, attribute",
            "erlang",
            "-module(a).\n-author('{}').\n-export([f/0]).\nf() -> 1.\n",
        ),
        ("e-mail, metadata", "elixir", 'maintainers = ["Ada <{}>"]\n'),
        ("e-mail, key", "elixir", 'x = %{{"{}": 1}}\n'),
        ("e-mail, atom", "elixir", "x = :{}\n"),
        ("e-mail, template", "eex", '<a href="mailto:{}"><%= @name %></a>\n'),
        ("e-mail, charlist", "elixir", "x = ~c[to:\\n{}]\n"),
    ):
        local = seed.choice(FIRST) if "atom" not in kind else "ada"
        value = f"{local}{seed.randrange(100)}@{seed.choice(HOSTS)}"
        yield Planted(kind, language, text.format(value), (value,))
    numbers = [
        seed.choice((34, 52, 81, 93, 142, 185)),
        *(seed.randrange(33, 250) for _ in range(3)),
    ]
    v4, tuple_of = ".".join(map(str, numbers)), ",".join(map(str, numbers))
    groups = ["2a01", "04f8", *(f"{seed.randrange(0x1000, 0xFFFF):x}" for _ in range(6))]
    long, short = ":".join(groups), ":".join(groups[:3]) + "::" + groups[7]
    for kind, language, text, value in (
        ("IPv4, string", "elixir", 'config :shop, nodes: ["{}", "127.0.0.1"]\n', v4),
        ("IPv4, URL", "elixir", 'x = "http://{}:8080/metrics"\n', v4),
        ("IPv4, comment", "erlang", "%% peer: {}\n-module(a).\n-export([f/0]).\nf() -> 1.\n", v4),
        ("IPv4, sigil", "elixir", "x = ~w[{} 10.0.0.1]\n", v4),
        ("IPv4, tuple", "elixir", "config :shop, ip: {{{}}}\n", tuple_of),
        (
            "IPv4, tuple",
            "erlang",
            "-module(a).\n-export([f/0]).\nf() -> gen_tcp:connect(Host = {{{}}}, 80, []).\n",
            tuple_of,
        ),
        ("IPv6", "elixir", 'x = "[{}]:443"\n', long),
        (
            "IPv6, short",
            "erlang",
            '-module(a).\n-export([f/0]).\nf() -> inet:parse_address("{}").\n',
            short,
        ),
        (
            "IPv6, tuple",
            "elixir",
            "config :shop, ip: {{{}}}\n",
            ", ".join(f"0x{group.lstrip('0')}" for group in groups),
        ),
    ):
        yield Planted(kind, language, text.format(value), (value,))


def planted(start: int = 20261130) -> list[Planted]:
    """Return everything that is planted; the same seed gives the same values."""
    seed = Random(start)
    found = [*tokens(seed)]
    for _ in range(ROUNDS):
        found += [*settings(seed), *keys(seed), *people(seed)]
    later = Random(start + 1)
    for _ in range(ROUNDS):
        found += unusual(later)
    return found


CLEAN: tuple[tuple[str, str], ...] = (
    ("elixir", '@checksum "{sha256}"\n'),
    ("elixir", 'assert hash("a") == "{sha1}"\n'),
    ("elixir", 'assert token_digest(1) == {{:sha, "{md5}"}}\n'),
    ("elixir", '"plug": {{:hex, :plug, "1.19.2", "{sha256}", [:mix], [], "hexpm", "{sha512}"}}\n'),
    ("elixir", 'id = "{uuid}"\n'),
    ("elixir", '@app_key "{uuid}"\nclient_key: "{uuid}", account_key: "{uuid}"\n'),
    ("elixir", 'tokens = ["first", "second"] |> Enum.join(token)\nsecret = ["a", "b"]\n'),
    ("elixir", 'password: "must be at least 8 characters", password: "can not be blank"\n'),
    ("elixir", 'password: "Passwords must have 1 number and 1 upper case letter"\n'),
    ("elixir", 'x = "see ecto://docs: a guide by joe at example, mail joe@example.com"\n'),
    ("elixir", 'x = "first" <> # a comment\n  "second"\ntoken = ["a", "b"] |> Enum.join("-")\n'),
    ("elixir", 'assert Base.encode64(x) == "{base64}"\n'),
    ("elixir", "@table <<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16>>\n"),
    ("elixir", "key = <<0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>>\nkey = <<1, 2, 3>>\n"),
    ("elixir", "public_key = <<{bytes}>>\nassert hash(x) == <<{bytes}>>\n"),
    ("elixir", "@keys <<{bytes}>>\nkey_codes = <<{bytes}>>\n@keyframes <<{bytes}>>\n"),
    ("elixir", "sort_key = <<1, 5, 9, 13, 22, 40, 41, 77, 90, 91, 92, 99, 101, 120, 130, 190>>\n"),
    ("elixir", "# Deployed at fly dot io; an error at foo dot bar.\n"),
    (
        "elixir",
        "# The element [at] index.value, the file (at) path.name, called {{at}} conn.host.\n",
    ),
    ("elixir", "# Look at the dot in front of it, at (a dot b) or at erlang dot org.\n"),
    ("elixir", 'Enum.join(["first", "second"], token)\nkeys = Enum.join(["key", "token"])\n'),
    ("elixir", '@token_doc """\n  Tokens-are-signed-with-a-key\n  and expire.\n"""\n'),
    ("elixir", '@external_resource "priv/static/app-{md5}.js"\n'),
    ("elixir", '# SHA256:{base64}\nfingerprint = "{colons}"\n'),
    ("elixir", 'password: "postgres", username: "postgres", hostname: "localhost"\n'),
    ("elixir", 'config :a, secret_key_base: System.get_env("SECRET_KEY_BASE")\n'),
    ("elixir", 'config :a, secret_key_base: "<YOUR_SECRET_KEY_BASE>", signing_salt: "changeme"\n'),
    ("elixir", 'config :a, api_key: System.fetch_env!("API_KEY"), token: "your-token-here"\n'),
    ("elixir", 'plug Plug.Session, signing_salt: "user auth", encryption_salt: "session salt"\n'),
    ("elixir", 'url = "postgres://postgres:postgres@localhost/app_test"\n'),
    ("elixir", 'url = "ecto://#{{user}}:#{{password}}@#{{host}}/app"\n'),
    ("elixir", 'assert {{:ok, token}} = Token.sign("secret", "user salt", 1)\n'),
    ("elixir", 'token = Phoenix.Token.sign(MyAppWeb.Endpoint, "user authentication", user.id)\n'),
    (
        "elixir",
        "@token_types [:access_token, :refresh_token]\n@token_pattern ~r/[a-z0-9_]{{32}}/\n",
    ),
    ("elixir", 'def handle_token("Bearer " <> token), do: token\n'),
    ("elixir", '@version "4.18.2.1"\nversion: "1.27.3.1"\nrequirement = ">= 2.14.33.7"\n'),
    ("elixir", 'agent = "Mozilla/5.0 (X11) Chrome/51.0.270.103 Safari/537.36"\n'),
    ("elixir", '# see RFC 7540, section 8.1.2.3\n@oid "1.3.6.1"\n'),
    ("elixir", 'ip = "192.168.1.20"\nx = "203.0.113.7"\ny = {{127, 0, 0, 1}}\nz = "2001:db8::1"\n'),
    ("elixir", "color = {{255, 128, 64, 200}}\nversion = {{1, 14, 3, 40}}\n"),
    ("elixir", 'to: "ada@example.com", cc: "bob@mail.example.org", from: "x@shop.test"\n'),
    ("elixir", 'git: "git@github.com:elixir-lang/elixir.git", icon: "logo@2x.png"\n'),
    ("elixir", "<<version::8, kind::16, 2600::16>> = packet\n@spec f(a :: b()) :: c()\n"),
    ("elixir", '@key_pattern "-----BEGIN RSA PRIVATE KEY-----"\nx = "MIIEow..."\n'),
    ("elixir", 'password_hash: "$2b$12$" <> hash\n@cookie_options [key: "_shop_key"]\n'),
    ("elixir", 'Node.set_cookie(:monster)\ncookie: "chocolate-chip"\n'),
    ("elixir", 'assert conn.cookies["session_token"] == "secret-token-value"\n'),
    ("elixir", '@moduledoc """\nSet `token: "abc123"` or `password: "s3cr3t"`.\n"""\n'),
    ("elixir", '@etag "W/\\"{md5}\\""\nrequest_id: "{base32}"\n'),
    ("elixir", 'commit = "{sha1}"\n{{:dep, github: "a/b", ref: "{sha1}"}}\n'),
    ("erlang", '-vsn("{sha1}").\nf() -> crypto:hash(sha256, Token).\n'),
    ("erlang", 'f() -> ?assertEqual(<<"{sha256}">>, hex(digest(<<"abc">>))).\n'),
    ("erlang", 'token({{atom, _, Name}}) -> Name.\ntokens("AbCdEf123" ++ Rest) -> Rest.\n'),
    ("erlang", 'f() -> [{{user, "guest"}}, {{password, "guest"}}, {{cookie, nocookie}}].\n'),
    ("erlang", "%% Node is rabbit@localhost, mail goes to ada@example.com.\nf() -> {{1,2,3,4}}.\n"),
    ("erlang", 'f() -> inet:parse_address("10.1.2.3"), {{0,0,0,0,0,0,0,1}}.\n'),
    ("eex", '<input type="password" name="user[password]" value="<%= @password %>">\n'),
    ("eex", '<script integrity="sha384-{base64}" src="/js/app-{md5}.js"></script>\n'),
)
"""Code with nothing private in it."""


CLEAN_SETTINGS = (
    'password: "postgres", username: "postgres"\nurl: "ecto://postgres:postgres@db/app"\n',
    'password: System.fetch_env!("DB_PASSWORD")\npassword: "Password1"\n',
    'url: "ecto://#{user}:#{pass}@#{host}/app", username: "shop", password: ""\n',
    'config :phoenix, :filter_parameters, ["password", "credit_card", :password, "cvv_code"]\n',
    'plug Plug.Parsers, parsers: [:json], pass: "text/plain"\ncompass: "north", bypass: "full"\n',
    'password: "DB_PASS", password: "$DB_PASS", password: "env:DB_PASS", password: "%DB%"\n',
)
"""Passwords that protect nothing: they stay in any configuration."""


def clean(start: int = 7) -> list[Planted]:
    """Return clean files, with new hashes in each."""
    seed = Random(start)
    found = []
    for _ in range(ROUNDS):
        raw = seed.randbytes(32)
        values = {
            "md5": raw[:16].hex(),
            "sha1": raw[:20].hex(),
            "sha256": raw.hex(),
            "sha512": hashlib.sha512(raw).hexdigest(),
            "uuid": str(uuid.UUID(bytes=raw[:16], version=4)),
            "base64": base64.b64encode(raw).decode(),
            "base32": base64.b32encode(raw[:10]).decode(),
            "bytes": ", ".join(map(str, raw)),
            "colons": ":".join(f"{byte:02x}" for byte in raw[:20]),
        }
        found += [Planted("clean", lang, text.format(**values), ()) for lang, text in CLEAN]
        found += [
            Planted("clean", "elixir", text, (), path)
            for path in ("config/prod.exs", "config/dev.exs", "config/test.exs", "lib/a.ex")
            for text in CLEAN_SETTINGS
        ]
        found += [
            Planted(
                "clean", "elixir", 'password: "hunter2", url: "ecto://a:hunter2@b/c"\n', (), path
            )
            for path in ("config/dev.exs", "config/test.exs", "test/config/prod.exs", "lib/a.ex")
        ]
    return found


@dataclass
class Score:
    """What redaction found: planted values and files by kind, and spans that were right or not."""

    planted: Counter[str]
    found: Counter[str]
    right: int
    wrong: list[tuple[str, str]]
    missed: list[Planted]

    @property
    def recall(self) -> float:
        """The share of files whose planted value is gone as a whole."""
        return self.found.total() / self.planted.total()

    @property
    def precision(self) -> float:
        """The share of redacted spans that touch a planted value."""
        return self.right / (self.right + len(self.wrong))


def score(files: list[Planted]) -> Score:
    """Redact every file and compare with what was planted in it."""
    result = Score(Counter(), Counter(), 0, [], [])
    for file in files:
        raw = file.text.encode()
        text, spans = redact(raw, file.language, RedactionConfig(), path=file.path)
        if file.values:
            result.planted[file.kind] += 1
            gone = not any(value.encode() in text for value in file.values)
            result.found[file.kind] += gone
            if not gone:
                result.missed.append(file)
        for span in spans:
            cut = raw[span.start : span.end].decode()
            is_right = any(value in cut or cut in value for value in file.values)
            if is_right or file.kind == "AWS secret key":  # which has a key's id beside it
                result.right += 1
            else:
                result.wrong.append((span.rule, cut))
    return result


def main() -> int:
    """Print the table; return 0 if recall and precision are what the documentation tells."""
    files, code = planted(), clean()
    found = score([*files, *code])
    table = Table("kind", "planted", "redacted")
    for kind, count in found.planted.items():
        table.add_row(kind, str(count), str(found.found[kind]))
    console = Console(width=100)
    console.print(table)
    for file in found.missed[:20]:
        console.print("missed:", file.kind, repr(file.text[-200:]), markup=False)
    for rule, cut in found.wrong[:20]:
        console.print("wrong:", rule, repr(cut[:80]), markup=False)
    console.print(
        f"{found.planted.total()} planted in {len(found.planted)} kinds, {len(code)} clean files: "
        f"recall {found.recall:.3f}, precision {found.precision:.3f}"
    )
    return 0 if found.recall >= 0.98 and found.precision >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
