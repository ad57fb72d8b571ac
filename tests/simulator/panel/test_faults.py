import httpx
import pytest

from dcimanager.endpoints import Dialect, Mark, load_dialect
from simulator.http.app import Simulation
from simulator.panel.clock import ManualClock, RealClock
from tests.simulator.visit import Visit, Visiting

USER = {"email": "u@example.com", "password": "p", "role": "@user"}


def users(panel: Visit) -> int:
    return len(panel.simulation.panel.world.users)


async def test_a_lost_answer_leaves_its_effect(panel: Visit) -> None:
    panel.simulation.faults.lose_answer("user_create")
    with pytest.raises(httpx.ReadError):
        await panel.http.post("/dci/v3/user", json=USER)
    assert users(panel) == 2
    last = panel.simulation.panel.requests[-1]
    assert (last.endpoint, last.status, last.lost) == ("user_create", 200, True)
    assert (await panel.refused("POST", "user", USER))[0] == 4004


async def test_the_nth_call_of_an_endpoint_is_meant(panel: Visit) -> None:
    panel.simulation.faults.lose_answer("server_get", nth=2)
    await panel.get("server/1")
    await panel.get("server")
    with pytest.raises(httpx.ReadError):
        await panel.get("server/2")
    await panel.get("server/3")


async def test_a_call_cut_off_before_has_no_effect(panel: Visit) -> None:
    panel.simulation.faults.refuse_before("user_create")
    with pytest.raises(httpx.ReadError):
        await panel.http.post("/dci/v3/user", json=USER)
    assert users(panel) == 1
    assert panel.simulation.panel.requests[-1].status is None
    await panel.post("user", **USER)


async def test_a_sleeping_service_answers_503_and_does_nothing(panel: Visit) -> None:
    panel.simulation.faults.unavailable(2, "user_create")
    for _ in range(2):
        answer = await panel.http.post("/dci/v3/user", json=USER)
        assert (answer.status_code, answer.text) == (503, "Unavailable")
    await panel.get("server/1")
    assert users(panel) == 1
    await panel.post("user", **USER)


async def test_a_sleeping_panel_answers_503_to_everything(visiting: Visiting) -> None:
    panel = await visiting(login=False)
    panel.simulation.faults.unavailable(1)
    assert (await panel.http.post("/auth/v4/public/token", json={})).status_code == 503
    await panel.login()


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_gateways_error_comes_before_or_after_the_effect(panel: Visit, status: int, after_effect: bool) -> None:
    panel.simulation.faults.server_error(status, "user_create", after_effect=after_effect)  # type: ignore[arg-type]
    assert (await panel.http.post("/dci/v3/user", json=USER)).status_code == status
    assert users(panel) == 1 + after_effect


async def test_a_late_answer_comes_after_simulated_seconds(panel: Visit) -> None:
    panel.simulation.faults.answer_late(3, "server_get")
    await panel.get("server/1")
    assert panel.clock.now() == 3


async def test_an_answer_later_than_the_callers_time_out_is_a_time_out(panel: Visit) -> None:
    panel.simulation.faults.answer_late(60, "user_create")
    with pytest.raises(httpx.ReadTimeout):
        await panel.http.post("/dci/v3/user", json=USER, timeout=30)
    assert (users(panel), panel.clock.now()) == (2, 30)


async def test_a_real_clock_is_waited_for_at_its_speed() -> None:
    simulation = Simulation(clock=RealClock(speed=100_000))
    simulation.faults.answer_late(100, "login")
    async with httpx.AsyncClient(transport=simulation.transport(), base_url="http://panel", timeout=None) as http:  # noqa: S113
        assert (await http.post("/auth/v4/public/token", json={})).status_code == 400


async def test_an_administrator_acts_right_before_a_call(panel: Visit) -> None:
    hand = panel.simulation.panel.admin
    panel.simulation.faults.admin_acts_before("server_get", 1, lambda: hand.set_owner(1, "quick@example.com"))
    assert (await panel.get("server/1"))["owner_email"] == "quick@example.com"


async def test_an_administrator_acts_right_after_a_call(panel: Visit) -> None:
    hand = panel.simulation.panel.admin
    panel.simulation.faults.admin_acts_after("server_get", 1, lambda: hand.set_owner(1, "quick@example.com"))
    assert (await panel.get("server/1"))["owner_email"] is None
    assert (await panel.get("server/1"))["owner_email"] == "quick@example.com"


async def test_people_act_before_the_answer_is_lost(panel: Visit) -> None:
    hand = panel.simulation.panel.admin
    panel.simulation.faults.lose_answer("server_get")
    panel.simulation.faults.admin_acts_after("server_get", 1, lambda: hand.protect(1))
    with pytest.raises(httpx.ReadError):
        await panel.get("server/1")
    assert panel.simulation.panel.servers[1].is_protected


async def test_faults_can_be_forgotten(panel: Visit) -> None:
    panel.simulation.faults.unavailable(10)
    panel.simulation.faults.clear()
    await panel.get("server/1")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/dci/v3/nothing"), ("POST", "/dci/v3/server"), ("PUT", "/dci/v3/server/1"), ("GET", "/"), ("GET", "/vm")],
)
async def test_an_unknown_route_is_1106(panel: Visit, method: str, path: str) -> None:
    answer = await panel.http.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 1106)
    assert panel.simulation.panel.requests[-1].endpoint is None


@pytest.mark.parametrize("path", ["server/99", "server/abc", "server/-1"])
async def test_an_unknown_element_is_3080(panel: Visit, path: str) -> None:
    assert (await panel.refused("GET", path, None, 404))[0] == 3080


@pytest.mark.parametrize("command", ["server/1/power_reset", "switch/1001/port/401/up", "server/1/diag"])
async def test_an_unknown_property_is_3008_and_the_call_does_nothing(panel: Visit, command: str) -> None:
    answer = await panel.http.post(f"/dci/v3/{command}", json={"full_erase": True})
    assert answer.status_code == 400
    assert answer.json() == {"error": {"code": 3008, "msg": "Unexpected property", "value": {"property": "full_erase"}}}
    assert panel.simulation.panel.servers[1].running_operation is None


@pytest.mark.parametrize("raw", ["[1]", "nonsense", "7", "null", "\xff"])
async def test_a_body_that_is_no_object_is_refused(panel: Visit, raw: str) -> None:
    answer = await panel.http.post("/dci/v3/server/1/diag", content=raw.encode("latin-1"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 3009)


async def test_an_empty_body_is_an_empty_object(panel: Visit) -> None:
    assert (await panel.http.post("/dci/v3/server/1/power_reset")).status_code == 200


async def test_a_corrected_table_corrects_the_simulator(visiting: Visiting) -> None:
    shipped = load_dialect()
    corrected = {
        "diagnostics": shipped["diagnostics"].model_copy(
            update={
                "path": "dci/v3/server/{server}/diagnostics",
                "body": {"clear_disks": "wipe"},
                "mark": Mark.CORRECTED,
            }
        ),
        "owner_clear": shipped["owner_clear"].model_copy(update={"method": "DELETE", "body": {}}),
        "operation_get": shipped["operation_get"].model_copy(update={"path": "dci/v3/operation/{operation}"}),
    }
    panel = await visiting(dialect=Dialect(endpoints={**shipped.endpoints, **corrected}))
    assert (await panel.refused("POST", "server/1/diag", {}, 404))[0] == 1106
    assert (await panel.refused("POST", "server/1/diagnostics", {"clear_disks": True}))[0] == 3008
    started = await panel.post("server/1/diagnostics", wipe=True)
    assert (await panel.get(f"operation/{started['operation']}"))["status"] == "queued"
    panel.simulation.panel.admin.set_owner(2, "u@example.com")
    assert (await panel.http.delete("/dci/v3/server/2/owner")).status_code == 200
    assert panel.simulation.panel.owner_of(2) is None


async def test_an_endpoint_that_the_simulator_does_not_know_is_1106(visiting: Visiting) -> None:
    shipped = load_dialect()
    extra = shipped["whoami"].model_copy(update={"name": "fan_speed", "path": "dci/v3/fan"})
    panel = await visiting(dialect=Dialect(endpoints={**shipped.endpoints, "fan_speed": extra}))
    assert (await panel.refused("GET", "fan", None, 404))[0] == 1106


async def test_the_calls_that_can_change_something_are_told_apart(panel: Visit) -> None:
    await panel.get("server/1")
    await panel.post("server/1/power_reset")
    await panel.post("server/11/power_reset")
    assert [call.path for call in panel.simulation.panel.writes()] == [
        "dci/v3/server/1/power_reset",
        "dci/v3/server/11/power_reset",
    ]
    assert len(panel.simulation.panel.writes(1)) == 1


def test_a_manual_clock_goes_forward_only() -> None:
    clock = ManualClock(5)
    clock.advance(2)
    assert clock.now() == 7
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)


def test_a_real_clock_runs_at_its_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 10.0, 12.0])
    monkeypatch.setattr("simulator.panel.clock.time.monotonic", lambda: next(times))
    clock = RealClock(speed=60)
    first = clock.now()
    assert clock.now() - first == pytest.approx(120)
    with pytest.raises(ValueError, match="above zero"):
        RealClock(0)
