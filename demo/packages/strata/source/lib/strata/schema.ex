defmodule Strata.Schema do
  @moduledoc """
  Describes the shape of records.

      defmodule Library.Book do
        use Strata.Schema

        schema "books" do
          field :title, :string
          field :pages, :integer, default: 0
          belongs_to :author, Library.Author
          has_many :loans, Library.Loan
          timestamps()
        end
      end

  That defines a struct, a type `t:t/0`, and reflection through `__schema__/1`:

      Library.Book.__schema__(:source)            #=> "books"
      Library.Book.__schema__({:type, :pages})    #=> :integer
  """

  @types [:id, :string, :integer, :float, :boolean, :date, :utc_datetime, :map]

  defmacro __using__(_options) do
    quote do
      import Strata.Schema, only: [schema: 2]
      Module.register_attribute(__MODULE__, :strata_fields, accumulate: true)
      Module.register_attribute(__MODULE__, :strata_associations, accumulate: true)
    end
  end

  @doc """
  Opens the description of the records in `source`.
  """
  defmacro schema(source, do: block) do
    quote do
      @strata_fields {:id, :id, []}
      try do
        import Strata.Schema
        unquote(block)
      after
        :ok
      end

      @strata_all_fields Enum.reverse(@strata_fields)
      @strata_all_associations Enum.reverse(@strata_associations)
      defstruct Strata.Schema.struct_fields(@strata_all_fields, @strata_all_associations)

      @type t :: %__MODULE__{}

      @doc false
      def __schema__(:source), do: unquote(source)
      def __schema__(:fields), do: for({name, _, _} <- @strata_all_fields, do: name)
      def __schema__(:associations), do: @strata_all_associations
      def __schema__({:type, name}), do: Strata.Schema.type_of(@strata_all_fields, name)
    end
  end

  @doc """
  Declares a field; `:default` is its value in a new struct.
  """
  defmacro field(name, type, options \\ []) do
    quote do
      Strata.Schema.check_type!(unquote(name), unquote(type))
      @strata_fields {unquote(name), unquote(type), unquote(options)}
    end
  end

  @doc """
  Declares that a record refers to one of `schema`, through the field `NAME_id`.
  """
  defmacro belongs_to(name, schema) do
    quote do
      @strata_fields {:"#{unquote(name)}_id", :id, []}
      @strata_associations {unquote(name), :one, unquote(schema)}
    end
  end

  @doc """
  Declares that several records of `schema` refer to this one.
  """
  defmacro has_many(name, schema) do
    quote do
      @strata_associations {unquote(name), :many, unquote(schema)}
    end
  end

  @doc """
  Declares the fields `inserted_at` and `updated_at`.
  """
  defmacro timestamps do
    quote do
      field :inserted_at, :utc_datetime
      field :updated_at, :utc_datetime
    end
  end

  @doc false
  def struct_fields(fields, associations) do
    for({name, _type, options} <- fields, do: {name, options[:default]}) ++
      for {name, _cardinality, _schema} <- associations, do: {name, :not_loaded}
  end

  @doc false
  def type_of(fields, name) do
    with {^name, type, _options} <- List.keyfind(fields, name, 0), do: type
  end

  @doc false
  def check_type!(_name, type) when type in @types, do: :ok

  def check_type!(name, type) do
    raise ArgumentError,
          "field #{inspect(name)} has the unknown type #{inspect(type)}; " <>
            "known are #{Enum.map_join(@types, ", ", &inspect/1)}"
  end
end
