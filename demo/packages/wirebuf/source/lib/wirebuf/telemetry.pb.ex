defmodule Wirebuf.Sample do
  @moduledoc false

  use Protobuf, syntax: :proto3, protoc_gen_elixir_version: "0.12.0"

  field :name, 1, type: :string
  field :value, 2, type: :double
  field :at, 3, type: :int64
end

defmodule Wirebuf.Batch do
  @moduledoc false

  use Protobuf, syntax: :proto3, protoc_gen_elixir_version: "0.12.0"

  field :samples, 1, repeated: true, type: Wirebuf.Sample
end
