defmodule Strata.Changeset do
  @moduledoc """
  Changes that somebody asked for, and what is wrong with them.

      %Book{}
      |> Changeset.cast(%{"title" => "Momo", "pages" => "304"}, [:title, :pages])
      |> Changeset.validate_required([:title])
      |> Changeset.validate_number(:pages, greater_than: 0)
      |> Changeset.apply()

  Validations run on changes only: what was already stored is not judged again.
  """

  alias __MODULE__

  @enforce_keys [:data]
  defstruct [:data, changes: %{}, errors: []]

  @type error :: {atom(), String.t()}
  @type t :: %Changeset{data: struct(), changes: map(), errors: [error()]}

  @doc """
  Takes the permitted parameters and converts them to the types of their fields.

  A parameter that cannot be converted is an error and no change; one that is not permitted
  is ignored, because a form must not reach fields that the developer did not mean.
  """
  @spec cast(struct() | t(), %{optional(String.t()) => term()}, [atom()]) :: t()
  def cast(%Changeset{} = changeset, params, permitted) do
    Enum.reduce(permitted, changeset, &cast_field(&2, &1, params))
  end

  def cast(data, params, permitted), do: cast(%Changeset{data: data}, params, permitted)

  @doc """
  Adds an error for each of `names` that would be empty after the changes.
  """
  @spec validate_required(t(), [atom()]) :: t()
  def validate_required(changeset, names) do
    Enum.reduce(names, changeset, fn name, changeset ->
      if get(changeset, name) in [nil, ""],
        do: add_error(changeset, name, "can't be blank"),
        else: changeset
    end)
  end

  @doc """
  Checks the length of a changed string, in graphemes: `:min`, `:max` or both.
  """
  @spec validate_length(t(), atom(), keyword()) :: t()
  def validate_length(changeset, name, bounds) do
    validate_change(changeset, name, fn value ->
      length = String.length(value)

      cond do
        length < Keyword.get(bounds, :min, 0) ->
          "should have at least #{bounds[:min]} characters"

        length > Keyword.get(bounds, :max, length) ->
          "should have at most #{bounds[:max]} characters"

        true ->
          nil
      end
    end)
  end

  @doc """
  Compares a changed number: `:greater_than`, `:less_than` or both.
  """
  @spec validate_number(t(), atom(), keyword()) :: t()
  def validate_number(changeset, name, conditions) do
    Enum.reduce(conditions, changeset, fn {comparison, limit}, changeset ->
      validate_change(changeset, name, &compare(&1, comparison, limit))
    end)
  end

  @doc """
  Checks a changed value against a regular expression.
  """
  @spec validate_format(t(), atom(), Regex.t()) :: t()
  def validate_format(changeset, name, format) do
    validate_change(changeset, name, &unless(&1 =~ format, do: "has invalid format"))
  end

  @doc """
  Checks a changed value with a function that answers an error message or nil.
  """
  @spec validate_change(t(), atom(), (term() -> String.t() | nil)) :: t()
  def validate_change(changeset, name, check) do
    with {:ok, value} <- Map.fetch(changeset.changes, name),
         message when is_binary(message) <- check.(value) do
      add_error(changeset, name, message)
    else
      _nothing_wrong -> changeset
    end
  end

  @doc "Adds an error by hand."
  @spec add_error(t(), atom(), String.t()) :: t()
  def add_error(changeset, name, message) do
    %{changeset | errors: [{name, message} | changeset.errors]}
  end

  @doc """
  Returns the changed record, or the changeset with its errors in the order of their finding.
  """
  @spec apply(t()) :: {:ok, struct()} | {:error, t()}
  def apply(%Changeset{errors: []} = changeset) do
    {:ok, struct!(changeset.data, changeset.changes)}
  end

  def apply(changeset), do: {:error, %{changeset | errors: Enum.reverse(changeset.errors)}}

  @doc "Returns the value that a field would have after the changes."
  @spec get(t(), atom()) :: term()
  def get(changeset, name) do
    Map.get_lazy(changeset.changes, name, fn -> Map.get(changeset.data, name) end)
  end

  defp cast_field(changeset, name, params) do
    case Map.fetch(params, Atom.to_string(name)) do
      :error -> changeset
      {:ok, value} -> change(changeset, name, Strata.Type.cast(type(changeset, name), value))
    end
  end

  defp change(changeset, name, :error), do: add_error(changeset, name, "is invalid")

  defp change(changeset, name, {:ok, value}) do
    if value == Map.get(changeset.data, name),
      do: changeset,
      else: put_in(changeset.changes[name], value)
  end

  defp type(%Changeset{data: %schema{}}, name), do: schema.__schema__({:type, name})

  defp compare(value, :greater_than, limit) when value <= limit,
    do: "must be greater than #{limit}"

  defp compare(value, :less_than, limit) when value >= limit, do: "must be less than #{limit}"
  defp compare(_value, _comparison, _limit), do: nil
end
