defmodule StrataTest do
  use ExUnit.Case, async: true

  import Strata.Query

  alias Strata.Changeset

  doctest Strata.Type
  doctest Strata.Migration

  defmodule Author do
    use Strata.Schema

    schema "authors" do
      field :name, :string
    end
  end

  defmodule Book do
    use Strata.Schema

    schema "books" do
      field :title, :string
      field :pages, :integer, default: 0
      belongs_to :author, Author
      timestamps()
    end
  end

  defmodule Repo do
    use Strata.Repo, store: Strata.Store.Memory
  end

  defmodule CreateBooks do
    use Strata.Migration, version: 1

    @impl true
    def change do
      create_table :books do
        add :title, :string, null: false
        add :pages, :integer, default: 7
      end
    end
  end

  defp book(params) do
    %Book{}
    |> Changeset.cast(params, [:title, :pages])
    |> Changeset.validate_required([:title])
    |> Changeset.validate_length(:title, max: 20)
    |> Changeset.validate_number(:pages, greater_than: 0, less_than: 10_000)
  end

  describe "schemas" do
    test "know their fields, in order" do
      assert Book.__schema__(:fields) ==
               [:id, :title, :pages, :author_id, :inserted_at, :updated_at]
    end

    test "know their associations" do
      assert Book.__schema__(:associations) == [{:author, :one, Author}]
      assert %Book{}.author == :not_loaded
    end
  end

  describe "changesets" do
    test "convert what came from a form" do
      assert {:ok, %Book{title: "Momo", pages: 304}} =
               Changeset.apply(book(%{"title" => "Momo", "pages" => "304"}))
    end

    test "ignore what was not permitted" do
      assert {:ok, %Book{id: nil}} = Changeset.apply(book(%{"title" => "Momo", "id" => "9"}))
    end

    test "collect everything that is wrong" do
      assert {:error, %{errors: errors}} = Changeset.apply(book(%{"pages" => "-1"}))
      assert errors == [title: "can't be blank", pages: "must be greater than 0"]
    end
  end

  describe "queries" do
    setup do
      start_supervised!(Repo)

      for {title, pages} <- [{"Momo", 304}, {"Emil", 160}, {"Krabat", 256}] do
        {:ok, _book} = Repo.insert(book(%{"title" => title, "pages" => "#{pages}"}))
      end

      :ok
    end

    test "filter, sort and stop" do
      excluded = "Emil"

      query =
        Book |> then(&from(b in &1)) |> where(b, b.title != ^excluded) |> order_by(asc: :pages)

      assert for(book <- Repo.all(query), do: book.title) == ["Krabat", "Momo"]
      assert [%{title: "Krabat"}] = Repo.all(limit(query, 1))
    end

    test "become SQL without values in it" do
      query = from(b in Author) |> where(b, b.name == "x' OR 1" or b.id > 2) |> limit(3)

      assert Strata.Sql.select(query) ==
               {~s|SELECT "id", "name" FROM "authors" WHERE (("name" = $1) OR ("id" > $2)) LIMIT 3|,
                ["x' OR 1", 2]}
    end
  end

  test "a table that a migration created is dropped on the way back" do
    assert Strata.Migration.statements(CreateBooks, :up) == [
             ~s|CREATE TABLE "books" ("id" bigserial PRIMARY KEY, | <>
               ~s|"title" varchar(255) NOT NULL, "pages" integer DEFAULT 7)|
           ]

    assert Strata.Migration.statements(CreateBooks, :down) == [~s(DROP TABLE "books")]
  end
end
