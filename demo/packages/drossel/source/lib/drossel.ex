defmodule Drossel do
  @moduledoc """
  Limits how often something may happen.

  A limit has a name and describes a bucket: how many tokens it holds and how quickly
  they come back. Each subject (a user, an address, an API key) has a bucket of its own:

      Drossel.define(:login, capacity: 5, refill: 1, every: :timer.seconds(12))

      case Drossel.take(:login, "ada@example.org") do
        {:ok, left} -> sign_in(left)
        {:wait, milliseconds} -> too_many_attempts(milliseconds)
      end

  Buckets that are full again are forgotten by `Drossel.Sweeper`, so memory follows the
  number of subjects that were active lately, not of all that ever were.
  """

  alias Drossel.{Bucket, Limits, Store}

  @type name :: atom()
  @type subject :: term()
  @type verdict :: {:ok, left :: non_neg_integer()} | {:wait, milliseconds :: pos_integer()}

  @doc """
  Defines the limit `name`, or replaces it.

  ## Options

    * `:capacity` - how many tokens a full bucket holds
    * `:refill` - how many tokens come back at a time (default 1)
    * `:every` - after how many milliseconds they come back (default 1000)
  """
  @spec define(name(), keyword()) :: :ok
  def define(name, options) when is_atom(name) and is_list(options) do
    Limits.put(name, Bucket.Shape.new(options))
  end

  @doc """
  Takes `count` tokens from the bucket of `subject`.

  Returns the number of tokens left, or how long to wait until the request could succeed.
  Raises `Drossel.UnknownLimitError` for a limit that was never defined.
  """
  @spec take(name(), subject(), pos_integer()) :: verdict()
  def take(name, subject, count \\ 1) when is_integer(count) and count > 0 do
    shape = Limits.fetch!(name)
    Store.update({name, subject}, shape, &Bucket.take(&1, shape, count, Drossel.Clock.now()))
  end

  @doc """
  Tells how many tokens `subject` has, without taking any.
  """
  @spec peek(name(), subject()) :: non_neg_integer()
  def peek(name, subject) do
    shape = Limits.fetch!(name)

    case Store.get({name, subject}) do
      nil -> shape.capacity
      bucket -> Bucket.level(bucket, shape, Drossel.Clock.now())
    end
  end

  @doc """
  Forgets what `subject` has used, as after a successful sign-in.
  """
  @spec reset(name(), subject()) :: :ok
  def reset(name, subject), do: Store.delete({name, subject})
end
