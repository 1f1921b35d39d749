defmodule Strata.Repo do
  @moduledoc """
  Defines a place where records are kept.

      defmodule Library.Repo do
        use Strata.Repo, store: Strata.Store.Memory
      end

  The store is any module with the behaviour `Strata.Store`.
  """

  defmacro __using__(options) do
    store = Keyword.fetch!(options, :store)

    quote do
      @strata_store unquote(store)

      @doc "Describes the store as a child of a supervisor."
      def child_spec(options) do
        %{id: __MODULE__, start: {@strata_store, :start_link, [[name: __MODULE__] ++ options]}}
      end

      @doc "Returns all records that a query selects."
      def all(query), do: @strata_store.all(__MODULE__, query)

      @doc "Stores the record that a changeset describes."
      def insert(changeset) do
        with {:ok, record} <- Strata.Changeset.apply(changeset) do
          {:ok, @strata_store.insert(__MODULE__, record)}
        end
      end
    end
  end
end

defmodule Strata.Store do
  @moduledoc """
  What a store has to offer.
  """

  @callback start_link(options :: keyword()) :: GenServer.on_start()
  @callback all(server :: GenServer.server(), Strata.Query.t()) :: [struct()]
  @callback insert(server :: GenServer.server(), struct()) :: struct()
end

defmodule Strata.Store.Memory do
  @moduledoc """
  Keeps records in a process, for tests and examples.
  """

  @behaviour Strata.Store

  use Agent

  @impl true
  def start_link(options), do: Agent.start_link(fn -> %{} end, options)

  @impl true
  def all(server, %Strata.Query{schema: schema} = query) do
    records = Agent.get(server, &Map.get(&1, schema, []))
    Strata.Query.run(query, Enum.reverse(records))
  end

  @impl true
  def insert(server, %schema{} = record) do
    Agent.get_and_update(server, fn tables ->
      records = Map.get(tables, schema, [])
      record = %{record | id: length(records) + 1}
      {record, Map.put(tables, schema, [record | records])}
    end)
  end
end
