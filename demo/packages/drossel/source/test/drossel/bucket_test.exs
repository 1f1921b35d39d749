defmodule Drossel.BucketTest do
  use ExUnit.Case, async: true

  alias Drossel.Bucket
  alias Drossel.Bucket.Shape

  doctest Drossel.Bucket
  doctest Drossel.Bucket.Shape

  describe "level/3" do
    test "never rises above the capacity" do
      shape = Shape.new(capacity: 4, refill: 3, every: 10)
      assert Bucket.level(%Bucket{level: 1, at: 0}, shape, 1_000_000) == 4
    end

    test "keeps the unused part of a period" do
      shape = Shape.new(capacity: 10, refill: 1, every: 10)
      bucket = %Bucket{level: 0, at: 0}
      {{:wait, 5}, bucket} = Bucket.take(bucket, shape, 2, 15)
      assert Bucket.level(bucket, shape, 20) == 2
    end

    test "does not fall when the clock does" do
      shape = Shape.new(capacity: 3)
      assert Bucket.level(%Bucket{level: 2, at: 500}, shape, 100) == 2
    end
  end
end
