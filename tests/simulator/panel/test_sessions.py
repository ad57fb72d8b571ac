from hashlib import sha256

import httpx
import pytest

from tests.simulator.visit import Visit, Visiting

LOGIN = {"email": "admin@panel.example", "password": "simulated-panel-password"}


async def test_a_login_gives_a_token_with_201(visiting: Visiting) -> None:
    panel = await visiting(login=False)
    answer = await panel.http.post("/auth/v4/public/token", json=LOGIN)
    assert answer.status_code == 201
    assert answer.json()["token"].startswith("1-")
    assert answer.json()["id"] == "1"


async def test_an_older_panel_answers_a_login_with_200(visiting: Visiting) -> None:
    panel = await visiting(login=False, login_status=200)
    assert (await panel.http.post("/auth/v4/public/token", json=LOGIN)).status_code == 200


@pytest.mark.parametrize(
    "body", [{**LOGIN, "password": "wrong"}, {**LOGIN, "email": "nobody@example.com"}, {**LOGIN, "password": ""}]
)
async def test_wrong_credentials_are_401_and_do_not_say_which_half_is_wrong(
    visiting: Visiting, body: dict[str, str]
) -> None:
    panel = await visiting(login=False)
    answer = await panel.http.post("/auth/v4/public/token", json=body)
    assert answer.status_code == 401
    assert answer.json()["error"]["msg"] == "Invalid email or password"


@pytest.mark.parametrize("carrier", ["x-xsrf-token", "ISP-Session", "Cookie"])
async def test_the_token_may_come_in_any_of_three_carriers(panel: Visit, carrier: str) -> None:
    token = panel.http.headers.pop("x-xsrf-token")
    headers = {carrier: f"ses6={token}" if carrier == "Cookie" else token}
    assert (await panel.http.get("/dci/v3/server", headers=headers)).status_code == 200
    assert (await panel.http.post("/dci/v3/server/1/power_reset", json={}, headers=headers)).status_code == 200


async def test_a_strict_panel_refuses_a_write_with_the_cookie_alone(visiting: Visiting) -> None:
    panel = await visiting(strict_carriers=True)
    headers = {"Cookie": f"ses6={panel.http.headers.pop('x-xsrf-token')}"}
    assert (await panel.http.get("/dci/v3/server", headers=headers)).status_code == 200
    assert (await panel.http.post("/dci/v3/server/1/power_reset", json={}, headers=headers)).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"x-xsrf-token": "1-made-up"}, {"Internal-Auth": "on"}])
async def test_without_a_session_the_answer_is_401(visiting: Visiting, headers: dict[str, str]) -> None:
    panel = await visiting(login=False)
    assert (await panel.http.get("/dci/v3/server", headers=headers)).status_code == 401


async def test_a_session_lives_on_while_it_is_used_and_dies_after_an_hour_without_use(panel: Visit) -> None:
    for _ in range(3):
        panel.clock.advance(3500)
        assert (await panel.http.get("/dci/v3/server")).status_code == 200
    panel.clock.advance(3601)
    assert (await panel.http.get("/dci/v3/server")).status_code == 401
    await panel.login()
    assert (await panel.http.get("/dci/v3/server")).status_code == 200


async def test_a_logout_ends_the_session_and_the_record_does_not_show_the_token(panel: Visit) -> None:
    token = panel.http.headers["x-xsrf-token"]
    assert (await panel.http.delete(f"/auth/v4/token/{token}")).status_code == 200
    assert (await panel.http.get("/dci/v3/server")).status_code == 401
    assert [call.path for call in panel.simulation.panel.requests if call.endpoint == "logout"] == ["auth/v4/token/***"]


async def test_a_restart_of_the_auth_service_ends_every_session(panel: Visit) -> None:
    panel.simulation.panel.sessions.expire_all()
    assert (await panel.http.get("/dci/v3/server")).status_code == 401


async def test_whoami_tells_the_administrator(panel: Visit) -> None:
    answer = (await panel.http.get("/auth/v4/whoami")).json()
    assert (answer["id"], answer["email"], answer["roles"]) == ("1", "admin@panel.example", "[@admin]")


async def test_a_user_sees_and_touches_his_own_servers_only(panel: Visit) -> None:
    await panel.new_user()
    panel.simulation.panel.admin.set_owner(2, "u@example.com")
    await panel.login("u@example.com", "their-own-password")
    assert [row["id"] for row in (await panel.get("server"))["list"]] == [2]
    await panel.post("server/2/power_reset")
    assert (await panel.refused("POST", "server/3/power_reset", {}, 404))[0] == 3080
    assert (await panel.refused("POST", "server/2/owner", {"owner": None}, 403))[0] == 1003
    names = {row["name"] for row in (await panel.get("os_template"))["list"]}
    assert "Debian-12-x86_64" in names
    assert "Windows-Server-2022" not in names


async def test_a_user_cannot_install_a_template_for_administrators(panel: Visit) -> None:
    await panel.new_user()
    panel.simulation.panel.admin.set_owner(2, "u@example.com")
    windows = panel.simulation.panel.template("Windows-Server-2022", 1)
    body = {"os_template": windows.id, "password": "p"}
    await panel.login("u@example.com", "their-own-password")
    assert (await panel.refused("POST", "server/2/install", body, 403))[0] == 1003


async def test_passwords_are_not_in_the_record_of_calls(panel: Visit) -> None:
    await panel.new_user()
    text = repr(panel.simulation.panel.requests)
    assert "their-own-password" not in text
    assert "simulated-panel-password" not in text
    assert "'password': '***'" in text


async def test_several_can_be_signed_in_at_once(panel: Visit) -> None:
    first = panel.http.headers["x-xsrf-token"]
    second = await panel.login()
    assert first != second
    old: httpx.Response = await panel.http.get("/dci/v3/server", headers={"x-xsrf-token": first})
    assert old.status_code == 200


async def made_key(panel: Visit) -> tuple[int, str]:
    user = await panel.new_user()
    answer = await panel.http.post(f"/auth/v4/user/{user}/key", json={})
    assert answer.status_code == 200
    assert answer.json()["id"] == str(user)
    key: str = answer.json()["key"]
    return user, key


async def test_a_login_key_signs_its_user_in_once(panel: Visit) -> None:
    user, key = await made_key(panel)
    await panel.post("server/3/owner", owner=user)
    page = await panel.http.get(f"/auth/key-v4/{key}")
    assert page.status_code == 200
    assert "Signed in as u@example.com" in page.text
    assert page.text.count("<li>") == 1
    panel.http.headers.pop("x-xsrf-token")
    assert (await panel.get("server"))["list"][0]["id"] == 3  # by the cookie that the page set
    assert (await panel.http.get(f"/auth/key-v4/{key}")).status_code == 403


async def test_a_login_key_expires_after_an_hour(panel: Visit) -> None:
    _, key = await made_key(panel)
    panel.clock.advance(3601)
    assert (await panel.http.get(f"/auth/key-v4/{key}")).status_code == 403
    assert (await panel.http.get("/auth/key-v4/4-nobody-made-this-key")).status_code == 403


async def test_on_some_panels_a_key_signs_in_again_and_others_make_none(visiting: Visiting) -> None:
    many = await visiting(login_keys="many")
    _, key = await made_key(many)
    assert [(await many.http.get(f"/auth/key-v4/{key}")).status_code for _ in range(2)] == [200, 200]
    none = await visiting(login_keys="absent")
    assert (await none.http.post("/auth/v4/user/1/key", json={})).json()["error"]["code"] == 1106


async def test_a_key_is_made_by_an_administrator_for_a_user_who_is_there(panel: Visit) -> None:
    assert (await panel.http.post("/auth/v4/user/99/key", json={})).json()["error"]["code"] == 3080
    assert (await panel.http.post("/auth/v4/user/1/key", json={"x": 1})).json()["error"]["code"] == 3008
    user = await panel.new_user()
    await panel.login("u@example.com", "their-own-password")
    assert (await panel.http.post(f"/auth/v4/user/{user}/key", json={})).status_code == 403


async def test_the_control_api_shows_hashes_of_keys_only(panel: Visit) -> None:
    user, key = await made_key(panel)
    answer = await panel.http.get("/control/keys")
    assert answer.json() == [{"user": user, "sha256": sha256(key.encode()).hexdigest(), "used": 0}]
    assert key not in answer.text
