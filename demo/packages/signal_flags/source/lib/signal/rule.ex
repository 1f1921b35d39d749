defmodule Lantern.Rule do
  @moduledoc """
  One reason for a flag to be on or off.

    * `{:only, ids}` - on for these subjects, no opinion on others
    * `{:never, ids}` - off for these subjects
    * `{:attribute, key, values}` - on if the subject's attribute is one of the values
    * `{:percentage, number}` - on for that part of all subjects
    * `{:between, from, until}` - off outside of a time, no opinion inside
  """

  @type t ::
          {:only, [term()]}
          | {:never, [term()]}
          | {:attribute, atom(), [term()]}
          | {:percentage, 0..100}
          | {:between, DateTime.t(), DateTime.t()}

  @type decision :: boolean() | :undecided

  @doc """
  Asks a rule about a subject.

  A percentage is stable: the same subject always gets the same answer for the same flag,
  and those who were in at 10 percent still are at 20.
  """
  @spec decide(t(), atom(), map()) :: decision()
  def decide({:only, ids}, _flag, %{id: id}) do
    if id in ids, do: true, else: :undecided
  end

  def decide({:never, ids}, _flag, %{id: id}) do
    if id in ids, do: false, else: :undecided
  end

  def decide({:attribute, key, values}, _flag, subject) do
    case subject do
      %{^key => value} -> if value in values, do: true, else: :undecided
      _without -> :undecided
    end
  end

  def decide({:percentage, number}, flag, %{id: id}) when number in 0..100 do
    bucket(flag, id) < number
  end

  def decide({:between, from, until}, _flag, subject) do
    now = Map.get_lazy(subject, :now, &DateTime.utc_now/0)
    inside? = DateTime.compare(now, from) != :lt and DateTime.compare(now, until) == :lt
    if inside?, do: :undecided, else: false
  end

  @doc """
  Returns the number in 0..99 that decides about percentages.

      iex> Lantern.Rule.bucket(:beta, 42) == Lantern.Rule.bucket(:beta, 42)
      true
  """
  @spec bucket(atom(), term()) :: 0..99
  def bucket(flag, id) do
    <<number::32, _rest::binary>> = :crypto.hash(:sha256, "#{flag}:#{inspect(id)}")
    rem(number, 100)
  end
end
