defmodule Pipewright.Memo do
  @moduledoc """
  Functions that remember their results in the calling process.

      defmodule Fibonacci do
        use Pipewright.Memo

        defmemo fib(n) when n < 2, do: n
        defmemo fib(n), do: fib(n - 1) + fib(n - 2)
      end

  The clauses become private functions under another name, and one public function looks
  into the process dictionary first. Results are kept until `forget/1` or the process ends.
  """

  defmacro __using__(_options) do
    quote do
      import Pipewright.Memo, only: [defmemo: 2]
      Module.register_attribute(__MODULE__, :memoised, accumulate: true)
      @before_compile Pipewright.Memo
    end
  end

  @doc """
  Defines a clause of a function that remembers.
  """
  defmacro defmemo(head, do: body) do
    {name, arguments} = head |> without_guard() |> Macro.decompose_call()

    quote do
      @memoised {unquote(name), unquote(length(arguments))}
      defp unquote(rename(head)), do: unquote(body)
    end
  end

  defmacro __before_compile__(environment) do
    for {name, arity} <- Enum.uniq(Module.get_attribute(environment.module, :memoised)) do
      arguments = Macro.generate_arguments(arity, __MODULE__)

      quote do
        def unquote(name)(unquote_splicing(arguments)) do
          Pipewright.Memo.remember({__MODULE__, unquote(name), unquote(arguments)}, fn ->
            unquote(hidden(name))(unquote_splicing(arguments))
          end)
        end
      end
    end
  end

  @doc """
  Returns what is remembered under `key`, computing it if there is nothing.
  """
  @spec remember(term(), (() -> value)) :: value when value: term()
  def remember(key, compute) do
    case Process.get({__MODULE__, key}) do
      {:remembered, value} ->
        value

      nil ->
        value = compute.()
        Process.put({__MODULE__, key}, {:remembered, value})
        value
    end
  end

  @doc """
  Forgets all results of a module in the calling process, and counts them.
  """
  @spec forget(module()) :: non_neg_integer()
  def forget(module) do
    keys = for {{__MODULE__, {^module, _, _}} = key, _value} <- Process.get(), do: key
    Enum.each(keys, &Process.delete/1)
    length(keys)
  end

  defp without_guard({:when, _, [call, _guard]}), do: call
  defp without_guard(call), do: call

  defp rename({:when, meta, [call, guard]}), do: {:when, meta, [rename(call), guard]}
  defp rename({name, meta, arguments}), do: {hidden(name), meta, arguments}

  defp hidden(name), do: :"__#{name}_without_memory__"
end
