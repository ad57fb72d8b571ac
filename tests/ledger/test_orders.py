import pytest
from pydantic import ValidationError

from ledger import Order

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
        ({"hostname": ""}, "not a valid host name"),
        ({"hostname": "-web"}, "not a valid host name"),
        ({"hostname": "web_1"}, "not a valid host name"),
        ({"hostname": "web.example.com\n"}, "not a valid host name"),
        ({"hostname": "a" * 64}, "not a valid host name"),
        ({"hostname": ".".join(["a" * 60] * 5)}, "not a valid host name"),
    ],
)
def test_each_problem_is_one_line_with_what_to_do(wrong: dict[str, object], line: str) -> None:
    problems = Order.model_validate({**GOOD, **wrong}).problems()
    assert len(problems) == 1
    assert line in problems[0]
    assert "\n" not in problems[0]


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
