defmodule Drossel.Bucket do
  @moduledoc """
  The arithmetic of a token bucket, without processes and without a clock.

  A bucket is a pair of its level and the moment at which that level was true. Time is
  given from outside in milliseconds, which makes every function here a pure one.
  """

  alias Drossel.Bucket.Shape

  defstruct level: 0, at: 0

  @type t :: %__MODULE__{level: non_neg_integer(), at: integer()}

  @doc """
  Returns a full bucket.

      iex> shape = Drossel.Bucket.Shape.new(capacity: 3)
      iex> Drossel.Bucket.full(shape, 100)
      %Drossel.Bucket{level: 3, at: 100}
  """
  @spec full(Shape.t(), integer()) :: t()
  def full(%Shape{capacity: capacity}, now), do: %__MODULE__{level: capacity, at: now}

  @doc """
  Takes `count` tokens at the moment `now`.

  Answers the verdict and the bucket as it stands afterwards. A refused request takes nothing.

      iex> shape = Drossel.Bucket.Shape.new(capacity: 2, refill: 1, every: 50)
      iex> bucket = Drossel.Bucket.full(shape, 0)
      iex> {{:ok, 0}, bucket} = Drossel.Bucket.take(bucket, shape, 2, 0)
      iex> {verdict, _bucket} = Drossel.Bucket.take(bucket, shape, 1, 20)
      iex> verdict
      {:wait, 30}
  """
  @spec take(t(), Shape.t(), pos_integer(), integer()) :: {Drossel.verdict(), t()}
  def take(bucket, shape, count, now) do
    %{level: level} = filled = refill(bucket, shape, now)

    if level >= count do
      {{:ok, level - count}, %{filled | level: level - count}}
    else
      {{:wait, waiting_time(filled, shape, count, now)}, filled}
    end
  end

  @doc """
  Tells the level at the moment `now`.

      iex> shape = Drossel.Bucket.Shape.new(capacity: 10, refill: 2, every: 100)
      iex> Drossel.Bucket.level(%Drossel.Bucket{level: 1, at: 0}, shape, 250)
      5
  """
  @spec level(t(), Shape.t(), integer()) :: non_neg_integer()
  def level(bucket, shape, now), do: refill(bucket, shape, now).level

  @doc """
  Tells whether the bucket is full at the moment `now`, and so need not be remembered.
  """
  @spec full?(t(), Shape.t(), integer()) :: boolean()
  def full?(bucket, shape, now), do: level(bucket, shape, now) == shape.capacity

  # Only whole periods count, and the rest of a period is kept by moving `at` to the last
  # refill instead of to now; otherwise frequent callers would never see a token again.
  defp refill(%__MODULE__{level: level, at: at}, shape, now) do
    periods = max(div(now - at, shape.every), 0)
    level = min(level + periods * shape.refill, shape.capacity)
    %__MODULE__{level: level, at: at + periods * shape.every}
  end

  defp waiting_time(bucket, shape, count, now) do
    missing = count - bucket.level
    periods = div(missing + shape.refill - 1, shape.refill)
    bucket.at + periods * shape.every - now
  end
end
