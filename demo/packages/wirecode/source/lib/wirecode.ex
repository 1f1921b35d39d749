defprotocol Wirecode do
  @moduledoc """
  Writes terms in netstring-like form: each value says how long it is before it comes, so
  that a reader never has to search for an end.

  | term            | written as              |
  | --------------- | ----------------------- |
  | `42`            | `i42;`                  |
  | `"abc"`         | `3:abc`                 |
  | `[1, 2]`        | `l2:i1;i2;`             |
  | `%{"a" => nil}` | `m1:1:an`               |

  Your own structs take part either by deriving, with the fields that shall be written:

      defmodule Point do
        @derive {Wirecode, only: [:x, :y]}
        defstruct [:x, :y, :cached_norm]
      end

  or by an implementation of their own.
  """

  @fallback_to_any true

  @doc """
  Writes a term.

      iex> IO.iodata_to_binary(Wirecode.encode(["a", 1]))
      "l2:1:ai1;"
  """
  @spec encode(t()) :: iodata()
  def encode(term)
end

defimpl Wirecode, for: Integer do
  def encode(number), do: ["i", Integer.to_string(number), ";"]
end

defimpl Wirecode, for: Float do
  def encode(number), do: ["f", Float.to_string(number), ";"]
end

defimpl Wirecode, for: BitString do
  def encode(text) when is_binary(text), do: [Integer.to_string(byte_size(text)), ":", text]

  def encode(bits) do
    raise Protocol.UndefinedError,
      protocol: @protocol,
      value: bits,
      description: "only whole bytes can be written"
  end
end

defimpl Wirecode, for: Atom do
  def encode(nil), do: "n"
  def encode(true), do: "t"
  def encode(false), do: "F"
  def encode(atom), do: Wirecode.encode(Atom.to_string(atom))
end

defimpl Wirecode, for: [List, MapSet] do
  def encode(elements) do
    ["l", to_string(Enum.count(elements)), ":" | Enum.map(elements, &Wirecode.encode/1)]
  end
end

defimpl Wirecode, for: Tuple do
  def encode(tuple), do: tuple |> Tuple.to_list() |> Wirecode.encode()
end

defimpl Wirecode, for: Map do
  # Sorted, so that equal maps are written equally.
  def encode(map) do
    pairs = for {key, value} <- Enum.sort(map), do: [Wirecode.encode(key), Wirecode.encode(value)]
    ["m", Integer.to_string(map_size(map)), ":" | pairs]
  end
end

defimpl Wirecode, for: [Date, Time, DateTime, NaiveDateTime] do
  def encode(moment), do: Wirecode.encode(@for.to_iso8601(moment))
end

defimpl Wirecode, for: Any do
  defmacro __deriving__(module, _struct, options) do
    fields = Keyword.fetch!(options, :only)

    quote do
      defimpl Wirecode, for: unquote(module) do
        def encode(struct) do
          struct |> Map.take(unquote(fields)) |> Wirecode.encode()
        end
      end
    end
  end

  def encode(term) do
    raise Protocol.UndefinedError,
      protocol: @protocol,
      value: term,
      description: "derive it with @derive {Wirecode, only: [...]}"
  end
end
