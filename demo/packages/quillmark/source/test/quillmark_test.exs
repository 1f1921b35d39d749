defmodule QuillmarkTest do
  use ExUnit.Case, async: true

  doctest Quillmark
  doctest Quillmark.Inline

  test "markup from outside stays text" do
    assert Quillmark.to_html("<script>") == "<p>&lt;script&gt;</p>\n"
    assert Quillmark.to_html("[x](javascript:alert)") == "<p>[x](javascript:alert)</p>\n"
  end

  test "code is not looked into" do
    assert Quillmark.to_html("```elixir\n*a*\n```") ==
             ~s(<pre><code class="language-elixir">*a*</code></pre>\n)
  end

  test "a fence that is never closed ends with the text" do
    assert Quillmark.parse("```\nx") == [{:code, "", "x"}]
  end

  test "quotes hold blocks of their own" do
    assert Quillmark.parse("> # a\n> b") == [
             {:quote, [{:heading, 1, [text: "a"]}, {:paragraph, [text: "b"]}]}
           ]
  end
end
