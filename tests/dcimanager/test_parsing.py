import pytest
from pydantic import TypeAdapter, ValidationError

from dcimanager.endpoints import load_dialect
from dcimanager.errors import UnexpectedPanelResponse
from dcimanager.parsing import Flag, OptionalText, PanelData, Text, each, first, named, numbered, read


class Rack(PanelData):
    id: int
    name: str


@pytest.mark.parametrize(
    ("value", "meant"), [(" Riga ", "Riga"), ("  ", None), (None, None), (7, "7"), (True, None), ([], None), (0, "0")]
)
def test_an_optional_text_is_trimmed_and_nothing_is_none(value: object, meant: str | None) -> None:
    assert TypeAdapter(OptionalText).validate_python(value) == meant


def test_a_text_may_be_null_or_a_number() -> None:
    text = TypeAdapter(Text)
    assert (text.validate_python(None), text.validate_python(5), text.validate_python(" a ")) == ("", "5", " a ")
    with pytest.raises(ValidationError):
        text.validate_python({"name": "a"})


def test_a_flag_that_is_neither_yes_nor_no_is_outside_the_schema() -> None:
    flag = TypeAdapter(Flag)
    assert [flag.validate_python(value) for value in (None, "", 0, "false", 1, "yes")] == [False] * 4 + [True] * 2
    with pytest.raises(ValidationError):
        flag.validate_python("perhaps")


def test_an_object_or_its_name_or_id_alone_is_read_alike() -> None:
    assert named({"id": 3, "name": "Riga"}) == named("Riga") == "Riga"
    assert named(None) is None
    assert numbered({"id": 3}) == numbered(3) == 3


def test_a_list_may_come_as_one_element_or_as_nothing() -> None:
    assert each(None) == each({}) == []
    assert each("a") == each(["a"]) == ["a"]


def test_the_first_key_with_a_value_counts() -> None:
    assert first({"a": "", "b": [], "c": 0, "d": 1}, "a", "b", "c", "d") == 0
    assert first({"a": None}, "a", "z") is None


def test_a_value_that_does_not_fit_names_its_attribute_and_hides_secrets() -> None:
    dialect = load_dialect()
    assert read(Rack, {"id": "3", "name": "R-1", "unknown": 1}, dialect, "server_list") == Rack(id=3, name="R-1")
    with pytest.raises(UnexpectedPanelResponse, match=r"Rack is not as we know it \(name: ") as caught:
        read(Rack, {"id": 3, "password": "canary"}, dialect, "server_list")
    assert "canary" not in str(caught.value)
    assert "canary" not in str(vars(caught.value))
