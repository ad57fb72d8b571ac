import pytest
from pydantic import ValidationError

from ledger.orders import Order, host_name, same_host, wrong_with_host

GOOD = {"client_id": 7, "configuration": "E5", "os_template": "Debian 12", "ip_pool": "public"}


def test_a_good_order_has_no_problems() -> None:
    assert Order.model_validate({**GOOD, "hostname": "web-1.example.com"}).problems() == []


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"configuration": " "}, "set Server configuration type"),
        ({"os_template": ""}, "set Operation system"),
        ({"ip_pool": ""}, "set IP address group"),
        ({"ipv4_count": 0}, "asks for 0 IP addresses"),
        ({"os_install_timeout_minutes": 0}, "is 0 minutes"),
        ({"os_install_timeout_minutes": -5}, "is -5 minutes"),
        ({"suspension_mode": "power"}, "set Suspension mode to ports or ports-and-power"),
        ({"suspension_mode": ""}, "'' is no suspension mode"),
        ({"suspension_grace_hours": -1}, "set Suspension grace (hours) to 0 to 720"),
        ({"suspension_grace_hours": 721}, "is 721 hours"),
        ({"reinstall_templates": ["Debian 12", " "]}, "has an empty name"),
        ({"reinstall_templates": ["Debian 12"] * 101}, "has 101 names: write at most 100"),
        ({"hostname": ""}, "not a valid host name"),
        ({"hostname": "-web"}, "not a valid host name"),
        ({"hostname": "web_1.example.com"}, "a host name has no underscore"),
        ({"hostname": "web one.example.com"}, "not a valid host name"),
        ({"hostname": "web.example.com:8080"}, "not a valid host name"),
        ({"hostname": "1.2.3.4"}, "is an IP address and no host name"),
        ({"hostname": "http://1.2.3.4/"}, "is an IP address and no host name"),
        ({"hostname": "a" * 64}, "not a valid host name"),
        ({"hostname": ".".join(["a" * 60] * 5)}, "not a valid host name"),
    ],
)
def test_each_problem_is_one_line_with_what_to_do(wrong: dict[str, object], line: str) -> None:
    problems = Order.model_validate({**GOOD, **wrong}).problems()
    assert len(problems) == 1
    assert line in problems[0]
    assert "\n" not in problems[0]


def test_an_order_of_before_has_the_manuals_suspension_at_once() -> None:
    order = Order.model_validate(GOOD)
    assert (order.suspension_mode, order.suspension_grace_hours) == ("ports", 0)


def test_a_list_of_templates_is_kept_as_it_is_and_an_order_of_before_has_none() -> None:
    order = Order.model_validate({**GOOD, "reinstall_templates": ["Debian 12", "Alma 9"]})
    assert order.problems() == []
    assert Order.model_validate(order.model_dump(mode="json")) == order
    assert Order.model_validate(GOOD).reinstall_templates is None


def test_all_problems_are_told_at_once() -> None:
    order = Order(client_id=7, os_template="", ip_pool="", ipv4_count=-1, os_install_timeout_minutes=0)
    assert len(order.problems()) == 5


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="password"):
        Order.model_validate({**GOOD, "password": "x"})


def test_the_form_names_and_explains_every_field_and_sets_no_bounds() -> None:
    for name, field in Order.model_json_schema()["properties"].items():
        assert field["title"] != name.replace("_", " ").title() or name == "hostname"
        assert len(field["description"]) > 20
        assert not {"minimum", "exclusiveMinimum", "minLength", "pattern"} & field.keys()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("example.com.", "example.com"),
        (" Web1.Example.COM ", "web1.example.com"),
        ("http://x.example.com", "x.example.com"),
        ("HTTPS://x.example.com/index.html", "x.example.com"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("MÜNCHEN.de", "xn--mnchen-3ya.de"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
    ],
)
def test_a_host_name_as_clients_type_it_is_read_where_it_is_certain(typed: str, meant: str) -> None:
    assert host_name(typed) == meant
    assert wrong_with_host(typed) == ""
    assert same_host(typed, meant)


def test_what_cannot_be_a_host_name_in_any_script_is_refused() -> None:
    assert "not a valid host name" in wrong_with_host("mün chen.de")
    assert "not a valid host name" in wrong_with_host("\u202eexample.com")
