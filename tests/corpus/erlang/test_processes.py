"""Processes in Erlang: messages and who answers them, links, starts and supervision trees."""

from corpus.erlang import extract
from corpus.processes import Child, Link, Processes, Started, Supervisor


def processes(body: str) -> Processes:
    (module,) = extract(f"-module(cart). -behaviour(supervisor).\n{body}".encode()).modules
    return module.processes


def test_calls_meet_the_clauses_that_answer_them() -> None:
    found = processes("""
put(K, V) -> gen_server:call(?MODULE, {put, K, V}).
tick() -> self() ! tick, erlang:send_after(10, self(), #later{in = 1}).
handle_call({put, K, V} = M, _From, S) when is_atom(K) -> {reply, M, S};
handle_call({put, _, _}, _From, S) -> {reply, error, S}.
handle_info(tick, S) -> {noreply, S};
handle_info(_, S) -> {noreply, S}.
""")
    told = [
        (each.kind, each.tag, [place.function for place in each.sent], len(each.answered))
        for each in found.messages
    ]
    assert told == [
        ("call", "{put, _, _}", ["put/2"], 2),
        ("info", "tick", ["tick/0"], 1),
        ("info", "#later{}", ["tick/0"], 0),
        ("info", "_", [], 1),
    ]


def test_links_hooks_and_starts() -> None:
    found = processes("""
init(P) -> process_flag(trap_exit, true), erlang:monitor(process, P), link(P).
start() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).
terminate(_, _) -> ok.
code_change(_, S, _) -> {ok, S}.
""")
    assert found.links == (
        Link("trap_exit", "init/1", 3),
        Link("monitor", "init/1", 3),
        Link("link", "init/1", 3),
    )
    assert found.starts == (Started("gen_server", "start_link", "start/0", 4),)
    assert found.hooks == ("terminate/2", "code_change/3")


def test_a_supervisor_with_maps() -> None:
    found = processes("""
init([]) ->
    Flags = #{strategy => one_for_all, intensity => 2, period => 7},
    Children = [#{id => store, start => {store, start_link, []}, restart => transient}],
    {ok, {Flags, Children ++ more()}}.
""")
    child = Child("store", "store", "transient", None, 5)
    assert found.supervisors == (Supervisor("init/1", 6, "one_for_all", 2, 7, (child,), False),)


def test_a_supervisor_with_tuples() -> None:
    found = processes("""
init([]) ->
    {ok, {{rest_for_one, 1, 5}, [{own, {?MODULE, start, []}, permanent, 10, worker, [cart]}]}}.
""")
    child = Child("own", "cart", "permanent", "worker", 4)
    assert found.supervisors == (Supervisor("init/1", 4, "rest_for_one", 1, 5, (child,), True),)


def test_an_init_that_returns_something_else_is_no_supervisor() -> None:
    assert processes("init([]) -> {ok, {one_for_one_and, other}}.").supervisors == ()


def test_a_module_without_a_behaviour_of_processes_is_not_read() -> None:
    (module,) = extract(b"-module(cart).\nput(P) -> P ! tick.").modules
    assert module.processes == Processes()
