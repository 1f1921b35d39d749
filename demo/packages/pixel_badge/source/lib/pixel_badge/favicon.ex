defmodule PixelBadge.Favicon do
  @moduledoc """
  The icon that browsers ask for whether there is one or not.

  It is part of the source, so that the endpoint needs no files beside it.
  """

  @png Base.decode64!(
         "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAMK0lEQVR42gEgDN/zABcVBBAVFBMKEh0ADS0CAywKD0IODT4GClQVClINAmQQD2QCBnIHAW4DAnYIFoEJFogFE4sACKYHB6oHAaAUE7EIBMYUCssXDsQUCNkNBdUMFtsWBPINC+8DE/EQBgUFBQACCwkIHAslHw4mGBohHQkrFhY6CAhKHwpCEhBcCh5ZHQtYDhJwGCJoDQ2FHx58ERONEBOUCxeXDhmbERexFBi8CiO/CBu+HCDMCyHOEyzZDC/vCxvoCSjzHyb8FiH6Gi4ABhAWHyAEISMOLhALKBkbKxALNicSSxwkUxIiUxkgUSQYaxwnbBwgaB4cgh8mfxYnjhosjiMjmxQmrxsmox8vuRQzxxAwzRs50BQwzx1C3hdA5CZH9hlI+yRQ+SM+DB9GAAsvBBYtGhcnCiMiHTEcID8uJkUtIzsvHVQZKE4jJ1YpLm4hMHQdKGwgJ4ItLH0iNYctOoocO5gbOqEaSKEoPbcnS8YoWc0bWcQuUdgpWNUmXO0oYOQdWu4hWvYmZgYaZgAUMQMONwonKQ4oKRkvIxs4Jys1MSpDKSBAKixMKTRnJDhaJT9wMDFrKEGCIkl+M1GOLk2eIVqlJU2bL2KzMme8KVm3KF+7I23WMXLWLW7XMX/dMG3uIoDoKXT4K4ABMYgAFD0CHTMFETohHS0WNCorNjUaMDskRDk0TioxVj5CYDE8WzY9ZDtQaz9Cey1bfi1SiShTiS9ioDxtpD1nszJ4uzltuiluujiD0Dd9zC6O2yyG4SuM8TGa7iqU9Cip/DimAAk7Fwg4HBA+DCI5KC8+ISkwHzIwNEE9Mk5DOEpEQ2YyPGQwSncwXXhCUIUwXo8zaY0zapgwfZBFb6pFhqFDf7Y3ibtBhs5AjdYyl9BCpN4/ndlEsOI1rfpAwfZBxwtCwQAGPwkJPBIiTyUrRiwqRisoQTYzQ0E+QTVTSk5aT09VOU1gPV1hSFR8O2FzR3CIQHCBRXeRQoCXQ42lTYemPpK/R6HEQp7GTbLMOqjMR7XiSs3oOcz2QMTrSNnxP9UNON0AAkcMGEAZGkYYLFcpKEomPkc1MUhESVNPQFBHXk5SXUpnY0Jac0xvbUhsclZ0eUSPh0OSiEaKmkeRp0ectkyjtki5tkG6xELFzk3N2UPc50fi7lTv8FP270rrAUD2+FD5AApNFRVSChdMGiFXMDNRJzJKNERaREtYRklIXVxOXWFLYFpWb29bfHVOeXJYgoRXnJJYoJleqpFasJ9Kt6pKtrtTwbZJx79Mz8Nd3NBX7uFa8t1W+ORJAutYEP5XGA9JIQAKXAMIZhgVUigoXi8kVjI7Z0ZFXU8+Z11VVVtJZWtiVHhhZnl2Y4BqZJN3XJt5Y5aAZbaeX72kYMWjYdOnXMq+YOG6YuLNYPTVU/zKYxDTYhXdXRrkZyHsYjQGZzUNWUEAEmwFFWMVJWAcH2IkIGE7LGJGNmpZSWNkUmFfWmJsXmyAbFp9aFuNbmeRhm+vgGepjFqxiWvEmFzHqF3btG3dvGD8sGD/zWf+1G8JzGwU4Vw17V0/9VhA8GxC91lP+VtdAAlkEAtpHyNxJRtnJyJlRyltUkZsSE5hYEtsd01ycGVggGJgjW91nnBxr3lzr3t3t4Vowo9o4p504a1p66Jo8bFiBcJlGsZoIcJiNdNvM9JkR+1pT/d3Uv5oaPZudQ53fgAVcQwIcx8fbTEjeCcudkU3e1M+dl1Cc3JJemlLfIdaaIRneKN2c6B5dq50bMh7aNKUcNmQfOaUbPCrdwu1chm8eRbDai3FdUDHdTjZfkbYdGTvfXDraW72bXz+cI8CbqcAAYMSHnAUJ3oeGX80JHBJL4RUP31UOnlwTIByX4CHVoaWX36daYW+c3nCeH3VhoHdgXriin/6o4MGnYQaq30hsH07vnxHvnFDzXFi0IBf4oBx73OK53SI9nOW9Hu0/YK4AAGICBaAJBCEISaIMS2DTC17VjuIcEGDd1KBh15/lF+Fn1p6pWWJtnOF14SL5oN55IaM/I2FE5OAEqCDILV/QbGNTraJXs5+acyMd96Lh9+Fk9l9o+N5qu9+yQKE1gx/5wAFkhUflCAVhywakkQmiUA9h1M5lG88iodFjYRJkqdQirZvl8N0j8ttj+VyjfaNi/CDlReaghigkzGbiTamiUGoh1W3l3HBl33HkI3SjZTViaPtgsHzl8vpgubzjOwBgvAAEJkPG5AdIIwnLI03Np9LNpZqRJF9TpSOTImXS5yvZpSsW5nLdp7Nfo/kd5T4eZT/h5sfko4qpog9n41Mp51VtpN7v5WGw46ZzJCs25S005HR6I3h6I3p7Ir+ApsRDZoWABaUERCbJiSbLxijSDaVXjSecTSSfjykh02noVSatGCayVujx2Wb43um9HeWEIWkFJOhJpGQQpecR5qRYqylcLmUg72Tms+mo8yfvs+Y2dOY6uyV7u6QCfmWE/STHfynLgALoQAbpxkYrSstp0clo0wvmG9Dr3JAmYxAoJlRm69SqsJnqNhxpfNrpwiEmhx5nyOGrjaJq1Scm2WgqW+sp4mro5u1rLnNmMXVq9XSo/DYq/Xkog7nrirprzwDqUX9mVcAA7AXG6AeIqM7JqBTKq9YNqt2QbaCRamcSK6zTrPLWaPLb6Xxb64AdqgIg6AogrQslKNCm6lfnapxnqOLsqSXvKW7xq3GxanOybTm3rL016UN56Is6a8y6qpEA6Jc/LNyABK2FhS3HB+3OC2tQjW/VDa1eUWvjEi3okO8uU2swV+u6Gu2/mGwC2+vJnOzO3u6TY+yU4i8apSoh66soKS6raiozLWq17yw48O9DdqqFdetL+6oTOy2U+yqYQGtjQm1jwAGwQgTxikgsy0usk0wtGM6uXc1uJg/trBExMNXtNNmxuxisQhiwRt0uyaEukh9tk6QsWSQuX2Vv6OquautxL6qu9qwxuW8tAPSxBXYxzTWuj/vs1/jvHb2spT9tqILur4AA8kNCb4uHbw6KstNMMRdMcCIMsOgR8ypQ8nFUb3cX7nrbs4Jb7gkargrgcVEgrxgjLh7i8uZnsarp8C8tMHZr8DjwMMExcwn070+28ZB58dW37t34MqN+8mbBrrFCL3TAAXMEQjGHRPWQB3FSC7Xdz7EhTTVmjnMqE3Hy1DE3VrOAFrWCWPAJHLNTH/KU4bVd4jVkJ3ToqbPsp/I36DT6a3O+LjCGsDWOMnAV9fGXdnDeunBk+XCqe/VzfbB2vnO6QAB0AgWzC0Q3EgY2F4qy3E9z4o4zqo8zsJV1slb2vJb2QNvyR12zDdsy0tw01+Py3qN0aCX1r6fz9SZ3e+n0fWo0BK73ifM0EXVzmrQyoPfzZzf3Lfo08bv2t3+3PYB2B0AAOYVC+IbGdk7KdVUJtN1L+aIRdyxO9W6TNXSVNn2VtkPbtUtbthAd9Redtxwf+SLgdOni926o+XooNbxqdAPq+Ylv+RHvdNW1N6B29uQ0+aq6drL89br+d0E/NQV/988ABHkCxLmJB/nQC/qVTDtbD3vjzTgtzja0kHq6UnkBl7iIWDvLmrrUXnvbHrogoXspo7htIzmy5Tg6aTcArPgLrvbR7vvU7jsg8DYmtLduuDq0t3o6O/i/u3bI/juPALnUwAS6QAN5CQS7jgu5lgh9HAw75Ay77w768VQ4etQ4gxf5ixv9UVz4mNv7npx8Z565bSM5sWI4O2i6wui7Cuh5jOo9l+683XJ5ZrU763M9b7d6eDg4vzr6hDt4EH04FX893gACPYKCPckIfo6KepmIet+KO+XP/C6PPThTuj9UvYQUuknZvhUcvZqeup+hPqcivq5gfnej/ABkOsamPMvqfZWtfxyuvGPy/2g1+7JyPra3Pfy3Owc5ugu/PNOAf9x/PCaABbxAxLwIR73QC30Wizxhzb6nUT+vE/z2kr081z4JVICQ23xWXYEbHLxjnHxpI0F1pT+7JwGEZnyHaL2Sqn/XLf6jcT9q7kAu9D82Mv0/dz9H+X5OffyWPH/dQP8iwH7tAAQAQMY+DUcCFMuBW8nAYkvAZ85D8U9Au1DCwBJDila+zhrB1Z3D4d4C6B++7iE+eOHCPyIAhCY/TWc/1GqCn+/CIy8+Lm5CMnXCvrbCA7a/DbvClHuCWv0+5DzAqsJCM8qLKdcuZbbdwAAAABJRU5ErkJggg=="
       )

  @doc """
  Returns the icon as PNG.
  """
  @spec png() :: binary()
  def png, do: @png

  @doc """
  Returns the headers with which it should be served; it never changes, so it may be kept.
  """
  @spec headers() :: [{String.t(), String.t()}]
  def headers do
    [
      {"content-type", "image/png"},
      {"content-length", Integer.to_string(byte_size(@png))},
      {"cache-control", "public, max-age=31536000, immutable"},
      {"etag", etag()}
    ]
  end

  @doc """
  Reads width and height out of the image itself.

      iex> PixelBadge.Favicon.size()
      {32, 32}
  """
  @spec size() :: {pos_integer(), pos_integer()}
  def size do
    <<0x89, "PNG\r\n", 0x1A, "\n", _length::32, "IHDR", width::32, height::32, _::binary>> = @png
    {width, height}
  end

  defp etag, do: ~s(") <> Base.encode16(:crypto.hash(:md5, @png), case: :lower) <> ~s(")
end
