defmodule Strata.Migration do
  @moduledoc """
  Changes to the tables of a store, each with its way back.

      defmodule Library.Migrations.CreateBooks do
        use Strata.Migration, version: 2024_05_01

        def change do
          create_table :books do
            add :title, :string, null: false
            add :pages, :integer, default: 0
          end
        end
      end

  A migration collects commands; `statements/2` writes them for one direction. The way back
  of a `create_table` is known, that of an `execute/2` is its second argument.
  """

  @type direction :: :up | :down
  @type command :: {:create, atom(), [tuple()]} | {:execute, String.t(), String.t()}

  @doc "Returns the commands of the migration, in order."
  @callback change() :: [command()] | command()

  defmacro __using__(options) do
    version = Keyword.fetch!(options, :version)

    quote do
      @behaviour Strata.Migration
      import Strata.Migration, only: [create_table: 2, execute: 2]

      @doc false
      def __version__, do: unquote(version)
    end
  end

  @doc """
  Describes a new table; the block adds its columns.
  """
  defmacro create_table(name, do: block) do
    columns = for {:add, _, arguments} <- lines(block), do: {:{}, [], arguments}
    quote do: {:create, unquote(name), unquote(columns)}
  end

  @doc """
  Runs SQL of your own, with the SQL that undoes it.
  """
  @spec execute(String.t(), String.t()) :: command()
  def execute(up, down), do: {:execute, up, down}

  @doc """
  Writes a migration's statements for one direction.
  """
  @spec statements(module(), direction()) :: [String.t()]
  def statements(migration, direction) do
    commands = List.wrap(migration.change())
    commands = if direction == :down, do: Enum.reverse(commands), else: commands
    Enum.map(commands, &statement(&1, direction))
  end

  @doc """
  Chooses what has to run to come from the versions in `done` to `target`.

      iex> Strata.Migration.plan([1, 2, 3], [1], 3)
      [up: 2, up: 3]
      iex> Strata.Migration.plan([1, 2, 3], [1, 2, 3], 1)
      [down: 3, down: 2]
  """
  @spec plan([integer()], [integer()], integer()) :: [{direction(), integer()}]
  def plan(all, done, target) do
    up = for version <- Enum.sort(all), version <= target, version not in done, do: {:up, version}
    down = for version <- Enum.sort(done, :desc), version > target, do: {:down, version}
    down ++ up
  end

  defp statement({:create, table, columns}, :up) do
    ~s|CREATE TABLE "#{table}" (#{Enum.map_join([~s("id" bigserial PRIMARY KEY) | columns], ", ", &column/1)})|
  end

  defp statement({:create, table, _columns}, :down), do: ~s(DROP TABLE "#{table}")
  defp statement({:execute, up, _down}, :up), do: up
  defp statement({:execute, _up, down}, :down), do: down

  defp column(text) when is_binary(text), do: text
  defp column({name, type}), do: column({name, type, []})

  defp column({name, type, options}) do
    null = if options[:null] == false, do: " NOT NULL", else: ""
    default = if value = options[:default], do: " DEFAULT #{literal(value)}", else: ""
    ~s("#{name}" #{sql_type(type)}#{null}#{default})
  end

  defp literal(value) when is_binary(value), do: "'" <> String.replace(value, "'", "''") <> "'"
  defp literal(value), do: to_string(value)

  defp sql_type(:string), do: "varchar(255)"
  defp sql_type(:utc_datetime), do: "timestamp(0)"
  defp sql_type(:map), do: "jsonb"
  defp sql_type(type), do: to_string(type)

  defp lines({:__block__, _, lines}), do: lines
  defp lines(line), do: [line]
end
