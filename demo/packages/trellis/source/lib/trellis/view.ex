defmodule Trellis.View do
  @moduledoc """
  Compiles a folder of EEx templates into functions.

      defmodule Shop.PageView do
        use Trellis.View, root: "lib/shop/templates/page"
      end

      Shop.PageView.render("index.html", title: "Welcome")

  The templates are read when the module is compiled, and the module is compiled again
  when one of them changes.
  """

  defmacro __using__(options) do
    quote bind_quoted: [options: options] do
      @before_compile Trellis.View
      @trellis_root options[:root]
    end
  end

  defmacro __before_compile__(environment) do
    root = Module.get_attribute(environment.module, :trellis_root)
    templates = if root, do: Path.wildcard(Path.join(root, "*.eex")), else: []

    quote do
      unquote_splicing(Enum.map(templates, &compile/1))

      @doc "Renders a template by its name without the extension."
      def render(name, assigns \\ [])
      unquote_splicing(Enum.map(templates, &clause/1))

      def render(name, _assigns) do
        raise Trellis.View.MissingTemplateError, view: __MODULE__, name: name
      end
    end
  end

  defp compile(path) do
    quote do
      @external_resource unquote(path)
      defp unquote(function(path))(var!(assigns)) do
        _ = var!(assigns)
        unquote(EEx.compile_file(path))
      end
    end
  end

  defp clause(path) do
    quote do
      def render(unquote(Path.basename(path, ".eex")), assigns) do
        {:safe, unquote(function(path))(Map.new(assigns))}
      end
    end
  end

  defp function(path), do: :"template #{Path.basename(path, ".eex")}"
end

defmodule Trellis.View.MissingTemplateError do
  @moduledoc """
  Raised when a view is asked for a template that it does not have.
  """

  defexception [:view, :name]

  @impl true
  def message(error), do: "#{inspect(error.view)} has no template #{inspect(error.name)}"
end
