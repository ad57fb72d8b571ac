"""The fields that our models read, with their documented JSON types, and which rows have them otherwise.

The models forgive much of it (a number that comes as its digits); a survey tells it all the same.
Source: docs/sources.md, panel 6, 8, 9, 10, 11 and 12.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dcimanager.parsing import each
from dcimanager.survey_findings import FieldFault, RowId, SurveyedList, Tally

_ABSENT = object()
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True)
class FieldRead:
    """A field that a model reads: its attribute, where it may stand (the first that has a value), of which JSON types.

    `optional`: a row may do without. `inside`: what is read of the object in it, or of each object of the array.
    """

    attribute: str
    places: tuple[tuple[str, ...], ...]
    types: frozenset[str]
    optional: bool = False
    inside: tuple["FieldRead", ...] = ()

    @property
    def name(self) -> str:
        """The places, as they are written in findings."""
        return " or ".join(".".join(place) for place in self.places)


def _field(
    attribute: str, places: str, types: str, *, optional: bool = False, inside: tuple[FieldRead, ...] = ()
) -> FieldRead:
    paths = tuple(tuple(place.split(".")) for place in places.split())
    return FieldRead(attribute, paths, frozenset(types.split()), optional, inside)


STEP = (
    _field("name", "name title step", "string"),
    _field("status", "status state", "string"),
)
OPERATION = (
    _field("id", "id", "integer"),
    _field("status", "status", "string"),
    _field("kind", "type kind name", "string"),
    _field("status_info", "status_info", "object"),
    _field("progress_info", "progress_info", "array", inside=STEP),
    _field("template", "template os_template", "object string integer null", optional=True),
)
ADDRESS = (
    _field("id", "id", "integer"),
    _field("address", "name ip_addr address ip", "string"),
    _field("family", "family", "string"),
    _field("gateway", "gateway", "string null"),
    _field("status", "status", "string"),
    _field("pool_id", "ippool pool pool_id", "integer object"),
    _field("domain", "domain", "string null", optional=True),
)
CONNECTION = (
    _field("id", "id", "integer"),
    _field("switch_id", "switch switch_id", "integer object"),
    _field("switch_name", "switch_name switch.name", "string"),
    _field("description", "description", "string"),
    _field("admin_up", "admin_status", "string"),
    _field("is_bmc", "is_ipmi_connection is_bmc", "boolean"),
    _field("mac", "mac", "string null"),
)
SERVER = (
    _field("id", "id", "integer"),
    _field("name", "name", "string"),
    _field("domain", "domain", "string"),
    _field("configuration", "configuration", "string null"),
    _field("location_id", "location_id", "integer"),
    _field("owner_email", "owner_email owner", "string object integer null"),
    _field("is_new", "is_new", "boolean"),
    _field("is_protected", "is_protected protected", "boolean"),
    _field("in_maintenance", "in_maintenance maintenance maintenance_mode", "boolean"),
    _field("state", "state", "string"),
    _field("problems", "problems errors", "array", optional=True),
    _field("power", "power_status power", "string"),
    _field("power", "pdu_connection", "object array null", optional=True),
    _field("operation", "operation", "object null", inside=OPERATION),
    _field("os_template", "os_template", "object null"),
    _field("addresses", "ip addresses", "array", inside=ADDRESS),
    _field("connections", "switch_connection connections", "array", inside=CONNECTION),
    _field("serial", "serial serial_number hardware_info.serial hardware_info.system.serial", "string"),
    _field("macs", "macs mac hardware_info.macs", "array string"),
    _field("barcode", "barcode", "string"),
    _field("rack", "rack", "object null"),
    _field("efi", "efi settings.efi", "boolean", optional=True),
    _field("in_rescue", "in_recovery is_recovery recovery_mode in_rescue", "boolean", optional=True),
)
USER = (
    _field("id", "id", "integer"),
    _field("email", "email", "string"),
    _field("roles", "roles", "array string"),
)
TEMPLATE = (
    _field("id", "id", "integer"),
    _field("name", "name", "string"),
    _field("location_id", "location_id location", "integer object null"),
    _field("tags", "tags", "array"),
    _field("kind", "type kind", "string"),
    _field("admin_only", "admin_only adminonly access", "boolean string"),
    _field("efi", "efi", "boolean", optional=True),
)
POOL = (
    _field("id", "id", "integer"),
    _field("name", "name", "string"),
    _field("free", "ipv4.total ipv4.total_ip total_ip total", "integer number string"),
    _field("free", "ipv4.used ipv4.using_ip using_ip used", "integer number string"),
    _field("location_id", "location_id location", "integer object null", optional=True),
)
LOCATION = (
    _field("id", "id", "integer"),
    _field("name", "name", "string"),
)
FIELDS: Mapping[SurveyedList, tuple[FieldRead, ...]] = {
    SurveyedList.SERVERS: SERVER,
    SurveyedList.USERS: USER,
    SurveyedList.TEMPLATES: TEMPLATE,
    SurveyedList.POOLS: POOL,
    SurveyedList.LOCATIONS: LOCATION,
}


class _Seen:
    """What was seen of one field, and of the fields inside it."""

    def __init__(self, field: FieldRead, within: str = "") -> None:
        self.field = field
        self.name = within + field.name
        self.of = 0
        self.missing = 0
        self.other: Counter[str] = Counter()
        self.faults = Tally()
        self.inside = [_Seen(one, f"{field.places[0][0]}.") for one in field.inside]

    def look(self, row: RowId, told: Mapping[str, object]) -> None:
        """Look at the field in one object of the row."""
        self.of += 1
        value = _value(told, self.field.places)
        if value is _ABSENT:
            if not self.field.optional:
                self.missing += 1
                self.faults.add(row)
            return
        kind = "null" if value is None else _JSON_TYPES[type(value)]
        if kind not in self.field.types:
            self.other[kind] += 1
            self.faults.add(row)
        if self.inside:
            for part in each(value):
                if isinstance(part, dict):
                    for one in self.inside:
                        one.look(row, part)

    def flat(self) -> Iterator["_Seen"]:
        """The field and those inside it."""
        yield self
        for one in self.inside:
            yield from one.flat()


def field_faults(found_in: SurveyedList, rows: Sequence[tuple[RowId, Mapping[str, object]]]) -> Iterator[FieldFault]:
    """The fields of the list that some row lacks, or has of another type, in the order that we read them in."""
    seen = [_Seen(field) for field in FIELDS[found_in]]
    for row, told in rows:
        for one in seen:
            one.look(row, told)
    for one in (inner for outer in seen for inner in outer.flat()):
        if one.faults.count:
            yield FieldFault(
                found_in=found_in,
                field=one.name,
                of=one.of,
                missing=one.missing,
                other_types=dict(one.other),
                ids=tuple(one.faults.ids),
            )


def _value(told: Mapping[str, object], places: tuple[tuple[str, ...], ...]) -> object:
    """What stands at the first of these places that is not null; null if it is null everywhere."""
    found: object = _ABSENT
    for place in places:
        value: object = told
        for key in place:  # thousands of rows, each with dozens of fields: a plain dict is what JSON gives
            value = value.get(key, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is not _ABSENT and value is not None:
            return value
        found = None if value is None else found
    return found
