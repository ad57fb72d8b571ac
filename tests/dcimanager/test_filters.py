import pytest

from dcimanager.filters import Field, UnsafeValue


@pytest.mark.parametrize(
    ("built", "text"),
    [
        (Field("owner_email").is_null(), "owner_email IS null"),
        (Field("is_new").eq(False), "is_new EQ false"),
        (Field("is_new").eq(True), "is_new EQ true"),
        (Field("location_id").eq(3), "location_id EQ 3"),
        (Field("account.id").eq(5), "account.id EQ 5"),
        (Field("owner_email").eq("a+b@example.com"), "owner_email EQ 'a+b@example.com'"),
        (Field("id").one_of([7]), "id EQ 7"),
        (Field("id").one_of([7, 8, 9]), "(id EQ 7) OR (id EQ 8) OR (id EQ 9)"),
        (
            Field("owner_email").is_null() & Field("is_new").eq(False),
            "(owner_email IS null) AND (is_new EQ false)",
        ),
        (
            (Field("a").eq(1) | Field("b").eq(2)) & ~Field("c").is_null(),
            "((a EQ 1) OR (b EQ 2)) AND (NOT (c IS null))",
        ),
    ],
)
def test_filters_read_as_the_panel_writes_them(built, text):
    assert str(built) == text


@pytest.mark.parametrize("value", ["o'hara@example.com", "a\\b", "a\nb", "a\x00b", "a\u200bb", "\ud800"])
def test_a_value_that_could_break_out_is_unsafe_and_says_so_on_one_line(value):
    with pytest.raises(UnsafeValue, match="cannot be put into a filter") as error:
        Field("email").eq(value)
    assert "\n" not in str(error.value)


def test_a_percent_is_only_a_percent_where_a_value_is_compared_as_a_whole():
    assert str(Field("name").eq("50%")) == "name EQ '50%'"


def test_one_of_nothing_is_unsafe_for_it_would_ask_for_all():
    with pytest.raises(UnsafeValue, match="nothing"):
        Field("id").one_of([])


@pytest.mark.parametrize("name", ["", "Email", "email EQ 'x' OR id", "a..b", "a.", "1a", "email\n"])
def test_what_is_not_the_name_of_a_field_is_unsafe(name):
    with pytest.raises(UnsafeValue):
        Field(name)


def test_filters_joined_by_a_python_word_are_refused():
    with pytest.raises(TypeError, match="with & and"):
        Field("a").is_null() and Field("b").is_null()
