defmodule Pipewright do
  @moduledoc """
  Operators for pipelines whose steps answer `{:ok, value}` or `{:error, reason}`.

      use Pipewright

      read(path) ~> String.split("\\n") ~>> parse() <~ default([])

  `~>` applies a step to the value inside, `~>>` a step that may fail itself, and `<~`
  handles the error. A step is a call with its first argument left out, as for `|>`.
  """

  @type result(value) :: {:ok, value} | {:error, term()}

  defmacro __using__(_options) do
    quote do
      import Pipewright, only: [~>: 2, ~>>: 2, <~: 2, attempt: 1, is_result: 1, default: 2]
    end
  end

  @doc """
  Holds for `{:ok, _}` and `{:error, _}`; may stand in guards.

      iex> import Pipewright
      iex> is_result({:ok, 1})
      true
      iex> is_result(:ok)
      false
  """
  defguard is_result(term)
           when is_tuple(term) and tuple_size(term) == 2 and elem(term, 0) in [:ok, :error]

  @doc """
  Applies a step to the value, and wraps what it returns.

      iex> import Pipewright
      iex> {:ok, 2} ~> Kernel.+(1) ~> Integer.to_string()
      {:ok, "3"}
      iex> {:error, :enoent} ~> String.upcase()
      {:error, :enoent}
  """
  defmacro left ~> step do
    value = Macro.unique_var(:value, __MODULE__)
    mapped(left, value, {:ok, Macro.pipe(value, step, 0)})
  end

  @doc """
  Applies a step that answers a result itself.

      iex> import Pipewright
      iex> {:ok, %{a: 1}} ~>> Map.fetch(:a) <~ default(0)
      1
  """
  defmacro left ~>> step do
    value = Macro.unique_var(:value, __MODULE__)
    called = Macro.pipe(value, step, 0)
    mapped(left, value, quote(do: Pipewright.ensure_result!(unquote(called))))
  end

  @doc """
  Takes the value out, or gives the error's reason to `step`.
  """
  defmacro left <~ step do
    reason = Macro.unique_var(:reason, __MODULE__)

    quote do
      case unquote(left) do
        {:ok, value} -> value
        {:error, unquote(reason)} -> unquote(Macro.pipe(reason, step, 0))
        :error -> unquote(Macro.pipe(nil, step, 0))
      end
    end
  end

  @doc """
  Runs a block and turns an exception into an error.

      iex> require Pipewright
      iex> Pipewright.attempt(do: String.to_integer("12"))
      {:ok, 12}
      iex> {:error, %ArgumentError{}} = Pipewright.attempt(do: String.to_integer("twelve"))
  """
  defmacro attempt(do: block) do
    quote do
      try do
        {:ok, unquote(block)}
      rescue
        exception -> {:error, exception}
      end
    end
  end

  @doc """
  A step for `<~/2` that forgets the reason and answers `value`.
  """
  @spec default(term(), value) :: value when value: term()
  def default(_reason, value), do: value

  @doc false
  def ensure_result!(result) when is_result(result), do: result
  def ensure_result!(:error), do: {:error, nil}

  def ensure_result!(other) do
    raise ArgumentError, "a step after ~>> must answer a result, got: #{inspect(other)}"
  end

  defp mapped(left, value, applied) do
    quote do
      case unquote(left) do
        {:ok, unquote(value)} -> unquote(applied)
        {:error, _reason} = error -> error
      end
    end
  end
end
