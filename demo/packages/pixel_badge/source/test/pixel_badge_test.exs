defmodule PixelBadgeTest do
  use ExUnit.Case, async: true

  doctest PixelBadge
  doctest PixelBadge.Favicon

  test "labels cannot break out of their place" do
    assert PixelBadge.svg(~s("><script>), "x") =~ "&quot;>&lt;script>"
  end

  test "a longer value makes a wider badge" do
    [short, long] = for value <- ["1", "1000000"], do: PixelBadge.svg("builds", value)

    width = fn svg ->
      ~r/width="([\d.]+)"/ |> Regex.run(svg) |> List.last() |> String.to_integer()
    end

    assert width.(long) > width.(short)
  end

  test "the icon may be cached for ever" do
    assert {"cache-control", "public, max-age=31536000, immutable"} in PixelBadge.Favicon.headers()
  end
end
