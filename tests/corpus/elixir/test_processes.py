"""Processes in Elixir: messages and who answers them, links, starts and supervision trees."""

from corpus.elixir import extract
from corpus.processes import Child, Link, Processes, Started, Supervisor


def processes(body: str) -> Processes:
    source = f"defmodule Shop.Cart do\n{body.removeprefix(chr(10))}\nend"
    (module,) = extract(source.encode()).modules
    return module.processes


def protocol(found: Processes) -> list[tuple[str, str, list[str], int]]:
    """Return kind, shape, the functions that send it, and the number of clauses that answer."""
    return [
        (each.kind, each.tag, [place.function for place in each.sent], len(each.answered))
        for each in found.messages
    ]


def test_calls_meet_the_clauses_that_answer_them() -> None:
    found = processes("""
      use GenServer
      def put(key, value), do: GenServer.call(__MODULE__, {:put, key, value})
      def clear(server), do: server |> GenServer.cast(:clear)
      def handle_call({:put, key, value}, _from, state) when is_atom(key), do: {:reply, :ok, state}
      def handle_call({:put, _, _}, _from, state), do: {:reply, :error, state}
      def handle_cast(:clear = message, _state), do: {:noreply, %{}}
    """)
    assert protocol(found) == [
        ("call", "{:put, _, _}", ["put/2"], 2),
        ("cast", ":clear", ["clear/1"], 1),
    ]


def test_other_messages_are_told_by_shape() -> None:
    found = processes("""
      def init(_) do
        send(self(), :tick)
        Process.send_after(self(), {:later, 1}, 10)
        {:ok, %{}, {:continue, :load}}
      end
      def handle_continue(:load, state), do: {:noreply, state}
      def handle_info(%Shop.Event{name: name}, state), do: {:noreply, name}
      def handle_info({:DOWN, _ref, :process, _pid, _reason}, state), do: {:noreply, state}
      def handle_info("text", state), do: {:noreply, state}
      def handle_info(_message, state), do: {:noreply, state}
    """)
    assert protocol(found) == [
        ("info", ":tick", ["init/1"], 0),
        ("info", "{:later, _}", ["init/1"], 0),
        ("continue", ":load", [], 1),
        ("info", "%Shop.Event{}", [], 1),
        ("info", "{:DOWN, _, _, _, _}", [], 1),
        ("info", '"text"', [], 1),
        ("info", "_", [], 1),
    ]


def test_a_state_machine_says_the_kind_itself() -> None:
    found = processes("""
      def handle_event({:call, from}, :get, state, data), do: {:keep_state, data}
      def handle_event(:cast, {:add, n}, _state, data), do: {:keep_state, data}
    """)
    assert protocol(found) == [("call", ":get", [], 1), ("cast", "{:add, _}", [], 1)]


def test_links_hooks_and_starts() -> None:
    found = processes("""
      def init(pid) do
        Process.flag(:trap_exit, true)
        Process.monitor(pid)
        Process.link(pid)
        spawn_link(fn -> Task.async(fn -> 1 end) end)
        DynamicSupervisor.start_child(Shop.Carts, Shop.Cart)
        Agent.start_link(fn -> %{} end)
      end
      def terminate(_reason, _state), do: :ok
      def code_change(_old, state, _extra), do: {:ok, state}
    """)
    assert found.links == (
        Link("trap_exit", "init/1", 3),
        Link("monitor", "init/1", 4),
        Link("link", "init/1", 5),
        Link("spawn_link", "init/1", 6),
    )
    assert found.hooks == ("terminate/2", "code_change/3")
    assert found.starts == (
        Started("Task", "async", "init/1", 6),
        Started("DynamicSupervisor", "start_child", "init/1", 7),
        Started("Agent", "start_link", "init/1", 8),
    )


def test_children_are_read_as_they_are_written() -> None:
    found = processes("""
      alias Shop.Store
      def start(_type, _arguments) do
        children = [
          Shop.Repo,
          {Task.Supervisor, name: Shop.Tasks},
          %{id: :store, start: {Store, :start_link, [[]]}, restart: :transient, type: :worker},
          Supervisor.child_spec({Store, []}, id: Other, restart: :temporary)
        ]
        options = [strategy: :rest_for_one, max_restarts: 5, max_seconds: 1_0]
        Supervisor.start_link(children, options)
      end
    """)
    assert found.starts == (Started("Task.Supervisor", "child", "start/2", 6),)
    assert found.supervisors == (
        Supervisor(
            "start/2",
            11,
            "rest_for_one",
            5,
            10,
            (
                Child(None, "Shop.Repo", None, None, 5),
                Child(None, "Task.Supervisor", None, None, 6),
                Child("store", "Shop.Store", "transient", "worker", 7),
                Child("Other", "Shop.Store", "temporary", None, 8),
            ),
            True,
        ),
    )


def test_a_list_that_is_only_known_at_run_time_is_not_complete() -> None:
    found = processes("""
      def init(extra) do
        children = [Shop.Repo]
        children = children ++ extra
        Supervisor.init(children, strategy: strategy())
      end
      def dynamic(_), do: DynamicSupervisor.init(strategy: :one_for_one, max_seconds: 3)
      def other(module), do: Supervisor.start_link(Shop.Tree, module)
    """)
    first, second = found.supervisors
    assert [child.module for child in first.children] == ["Shop.Repo"]
    assert (first.strategy, first.is_complete) == (None, False)
    assert (second.strategy, second.max_seconds, second.is_complete) == ("one_for_one", 3, True)
    assert found.starts == (Started("Supervisor", "start_link", "other/1", 8),)


def test_a_long_sum_of_children_takes_no_recursion() -> None:
    sum_of_lists = " ++ ".join(["[Shop.Repo]"] * 600)
    found = processes(f"def init(_), do: Supervisor.init({sum_of_lists}, strategy: :one_for_one)")
    (supervisor,) = found.supervisors
    assert not supervisor.is_complete
    assert 0 < len(supervisor.children) <= 500


def test_a_module_with_very_many_messages_is_cut() -> None:
    clauses = "\n".join(
        f"def handle_info(:m{n}, state), do: {{:noreply, state}}" for n in range(5100)
    )
    assert len(processes(clauses).messages) == 5000
