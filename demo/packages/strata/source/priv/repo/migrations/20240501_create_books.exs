defmodule Library.Migrations.CreateBooks do
  use Strata.Migration, version: 2024_05_01

  @impl true
  def change do
    [
      create_table :books do
        add(:title, :string, null: false)
        add(:pages, :integer, default: 0)
        add(:author_id, :bigint)
      end,
      execute(
        "CREATE INDEX books_title ON books (lower(title))",
        "DROP INDEX books_title"
      )
    ]
  end
end
