from corpus.elixir import extract
from corpus.extraction import Behaviour, BehaviourEvidence, Callback, TypeDefinition


def names(source: str) -> list[str]:
    return [module.name for module in extract(source.encode()).modules]


def uses(source: str) -> list[tuple[str, ...]]:
    return [module.uses for module in extract(source.encode()).modules]


def behaviours(source: str) -> list[tuple[str, BehaviourEvidence]]:
    (module,) = extract(source.encode()).modules
    return [(behaviour.name, behaviour.evidence) for behaviour in module.behaviours]


def test_a_module_has_its_name_its_kind_and_its_lines() -> None:
    (module,) = extract(b"# first\ndefmodule A.B do\n\nend\n").modules
    assert (module.name, module.kind) == ("A.B", "defmodule")
    assert (module.start_line, module.end_line) == (2, 4)


def test_a_nested_module_goes_below_the_one_around_and_becomes_an_alias() -> None:
    source = "defmodule A do\n defmodule B.C do\n end\n use B.C\nend"
    assert names(source) == ["A", "A.B.C"]
    assert uses(source) == [("A.B.C",), ()]


def test_inside_a_module_an_alias_does_not_change_a_nested_name_but_outside_it_does() -> None:
    assert names("alias X.B\ndefmodule B do\n defmodule B do\n end\nend") == ["X.B", "X.B.B"]


def test_an_absolute_name_is_not_nested() -> None:
    assert names("defmodule A do\n defmodule Elixir.B, do: nil\nend") == ["A", "B"]


def test_the_current_module_and_atoms_name_modules() -> None:
    source = 'defmodule A do\n defmodule __MODULE__.B, do: 1\n defmodule :c, do: 1\n defmodule :"d e", do: 1\nend'  # noqa: E501
    assert names(source) == ["A", "A.B", ":c", ':"d e"']


def test_a_name_that_only_running_tells_is_skipped_with_all_that_is_inside() -> None:
    source = "defmodule name do\n defmodule B do\n end\nend\ndefmodule unquote(x), do: 1"
    assert names(source) == []


def test_modules_are_found_wherever_code_can_stand_but_not_in_quotes() -> None:
    source = """
    defmodule A do
      if x, do: (defmodule InIf, do: 1), else: 2
      for x <- y do defmodule InFor do end end
      Enum.each(x, fn _ -> defmodule InLiteral do end end)
      test "it" do {:module, _, _, _} = defmodule InTest do end end
      def f do defmodule InFunction do end end
      quote do defmodule InQuote do end end
      defmacro g do quote do: defmodule InMacro do end end
      @code "defmodule InString do end"
      # defmodule InComment do end
    end
    """
    assert names(source) == [
        "A", "A.InIf", "A.InFor", "A.InLiteral", "A.InTest", "A.InFunction",
    ]  # fmt: skip


def test_aliases_expand_one_by_one_in_braces_renamed_and_through_each_other() -> None:
    source = """
    alias One.Two
    alias Two.Three
    alias Many.{Four, Five.Six}
    alias Seven, as: Eight
    alias :nine, as: Nine
    require Ten.Eleven, as: Twelve
    defmodule A do
      use Two
      use Three.X
      use Four
      use Six
      use Eight.Y
      use Nine
      use Twelve
      use Elixir.Two
      use __MODULE__.Z
      use Four.{P, Q.R}
      use unquote(x)
    end
    """
    assert uses(source) == [
        ("One.Two", "One.Two.Three.X", "Many.Four", "Many.Five.Six", "Seven.Y", ":nine",
         "Ten.Eleven", "Two", "A.Z", "Many.Four.P", "Many.Four.Q.R")
    ]  # fmt: skip


def test_an_alias_ends_with_its_block() -> None:
    source = "defmodule A do\nif x do\n alias B.C\n use C\nelse\n use C\nend\nuse C.D\nend"
    assert uses(source) == [("B.C", "C", "C.D")]


def test_a_protocol_and_its_implementations() -> None:
    source = """
    defprotocol P do
      def f(x)
    end
    defimpl P, for: [A, B.C, :d] do
      def f(x), do: x
    end
    defmodule M do
      defimpl P, do: def(f(x), do: x)
      defimpl P, [for: __MODULE__.N], do: nil
      defimpl P, for: @dynamic, do: nil
    end
    """
    found = extract(source.encode())
    assert [(module.name, module.kind) for module in found.modules] == [
        ("P", "defprotocol"), ("P.A", "defimpl"), ("P.B.C", "defimpl"), ("P.d", "defimpl"),
        ("M", "defmodule"), ("P.M", "defimpl"), ("P.M.N", "defimpl"),
    ]  # fmt: skip
    assert [function.module for function in found.functions] == [
        "P", "P.A", "P.B.C", "P.d", "P.M",
    ]  # fmt: skip
    assert found.modules[1].behaviours == (Behaviour("P", BehaviourEvidence.STRUCTURAL, 1.0),)


def test_behaviours_come_with_their_evidence_and_agents_have_none() -> None:
    source = """
    defmodule A do
      alias My.Callbacks
      @behaviour Callbacks
      @behaviour :gen_event
      use GenServer, restart: :temporary
      use Agent
      use Task
      use My.Thing
      defexception [:message]
    end
    """
    assert behaviours(source) == [
        ("My.Callbacks", BehaviourEvidence.DIRECT),
        (":gen_event", BehaviourEvidence.DIRECT),
        ("GenServer", BehaviourEvidence.TABLE),
        ("Exception", BehaviourEvidence.STRUCTURAL),
    ]


def test_an_alias_can_hide_a_module_of_the_standard_library() -> None:
    assert behaviours("alias My.GenServer\ndefmodule A do\n use GenServer\nend") == []


def test_module_documentation_is_text_hidden_metadata_or_computed() -> None:
    source = """
    defmodule A do
      @moduledoc since: "1.0"
      @moduledoc \"\"\"
      Text.

        * kept \\t indentation
      \"\"\"
    end
    defmodule B do
      @moduledoc false
    end
    defmodule C do
      @moduledoc File.read!("README.md")
    end
    defmodule D do
    end
    """
    documents = [(module.doc_kind, module.doc) for module in extract(source.encode()).modules]
    assert documents == [
        ("string", "Text.\n\n  * kept \t indentation\n"),
        ("hidden", None),
        ("string", None),
        (None, None),
    ]


def test_types_and_callbacks_are_listed_with_arity_and_line() -> None:
    source = """defmodule A do
  @type t :: integer
  @typep pair(a, b) :: {a, b}
  @opaque o :: t
  @callback go(t) :: :ok when t: integer
  @callback stop :: :ok
  @macrocallback build(a) :: Macro.t()
  @optional_callbacks stop: 0, build: 1
end"""
    (module,) = extract(source.encode()).modules
    assert module.types == (
        TypeDefinition("t", 0, "type", 2),
        TypeDefinition("pair", 2, "typep", 3),
        TypeDefinition("o", 0, "opaque", 4),
    )
    assert module.callbacks == (
        Callback("go", 1, "callback", False, 5),
        Callback("stop", 0, "callback", True, 6),
        Callback("build", 1, "macrocallback", True, 7),
    )


def test_documentation_spans_cover_the_attributes_and_nothing_else() -> None:
    source = b'defmodule A do\n  @moduledoc "a"\n  @doc false\n  @typedoc "t"\n  @tag doc: 1\nend'
    spans = extract(source).doc_spans
    assert [source[start:end] for start, end in spans] == [
        b'@moduledoc "a"', b"@doc false", b'@typedoc "t"',
    ]  # fmt: skip


def test_an_atom_of_elixir_is_its_module_wherever_one_is_named() -> None:
    source = """
    alias :"Elixir.Straße.Karte"
    alias :"Elixir.Long.Name", as: :"Elixir.Short"
    defmodule :"Elixir.Straße.Plan" do
      use Karte
      use Short
      use :"Elixir.GenServer"
      use :"Elixir.Stra\\u00DFe"
      use :"Elixir.Braces".{One, Two}
      use :'Elixir.Quoted'
      use :"Elixir.lower"
      @behaviour :"Elixir.Plug"
      @impl :"Elixir.Plug"
      def f, do: 1
      defimpl :"Elixir.Shown", for: :"Elixir.Date", do: nil
    end
    """
    found = extract(source.encode())
    assert [module.name for module in found.modules] == ["Straße.Plan", "Shown.Date"]
    assert found.modules[0].uses == (
        "Straße.Karte", "Long.Name", "GenServer", "Straße", "Braces.One", "Braces.Two", "Quoted",
        ':"Elixir.lower"',
    )  # fmt: skip
    assert [each.name for each in found.modules[0].behaviours] == ["GenServer", "Plug"]
    assert found.functions[0].impl == "Plug"


def test_documentation_spans_begin_at_the_sign_whatever_blanks_follow() -> None:
    source = b'defmodule M do\n@ moduledoc "a"\n@\n\tdoc "b"\ndef f, do: 1\nend'
    assert [source[start:end] for start, end in extract(source).doc_spans] == [
        b'@ moduledoc "a"', b'@\n\tdoc "b"',
    ]  # fmt: skip


def test_brackets_around_a_name_change_nothing() -> None:
    body = "use (Bar)\n@behaviour (Bar)\n@impl (Bar)\ndef f, do: 1"
    source = f"alias (Foo.Bar)\ndefmodule (A) do\n{body}\nend".encode()
    (module,), (function,) = extract(source).modules, extract(source).functions
    assert (module.name, module.uses, function.impl) == ("A", ("Foo.Bar",), "Foo.Bar")
    assert [each.name for each in module.behaviours] == ["Foo.Bar"]
