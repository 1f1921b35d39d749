defmodule Trellis.Html do
  @moduledoc """
  Builds HTML in which text cannot become markup.

  What is known to be markup is wrapped as `{:safe, iodata}`; everything else is escaped.
  """

  @type safe :: {:safe, iodata()}

  @doc """
  Escapes text; safe markup stays as it is.

      iex> Trellis.Html.escape("a < b & c")
      {:safe, "a &lt; b &amp; c"}
      iex> Trellis.Html.escape({:safe, "<br>"})
      {:safe, "<br>"}
  """
  @spec escape(safe() | String.t() | nil | [term()] | number()) :: safe()
  def escape({:safe, _markup} = safe), do: safe
  def escape(nil), do: {:safe, ""}
  def escape(number) when is_number(number), do: {:safe, to_string(number)}

  def escape(list) when is_list(list) do
    {:safe, Enum.map(list, fn item -> item |> escape() |> elem(1) end)}
  end

  def escape(text) when is_binary(text) do
    {:safe, for(<<byte <- text>>, into: "", do: entity(byte))}
  end

  @doc """
  Builds an element.

      iex> {:safe, markup} = Trellis.Html.tag(:a, [href: "/?a=1&b=2"], "go")
      iex> IO.iodata_to_binary(markup)
      ~s(<a href="/?a=1&amp;b=2">go</a>)
  """
  @spec tag(atom(), keyword(), term()) :: safe()
  def tag(name, attributes, content) do
    {:safe, inner} = escape(content)
    {:safe, ["<", to_string(name), Enum.map(attributes, &attribute/1), ">", inner, "</#{name}>"]}
  end

  defp attribute({_name, value}) when value in [nil, false], do: ""
  defp attribute({name, true}), do: " #{name}"

  defp attribute({name, value}) do
    {:safe, escaped} = escape(to_string(value))
    [" ", to_string(name), ~s(="), escaped, ~s(")]
  end

  defp entity(?<), do: "&lt;"
  defp entity(?>), do: "&gt;"
  defp entity(?&), do: "&amp;"
  defp entity(?"), do: "&quot;"
  defp entity(?'), do: "&#39;"
  defp entity(byte), do: <<byte>>
end
