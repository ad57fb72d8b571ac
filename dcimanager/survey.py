"""What is really there on a panel, told from the rows of its lists alone: nothing is asked here, nothing changed.

A row that cannot be read is named, counted and left out (safety rule 18); its words and fields still count.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from dcimanager.addresses import IpPool
from dcimanager.endpoints import Dialect
from dcimanager.listing import repeated_ids
from dcimanager.locations import Location
from dcimanager.os_templates import OsTemplate
from dcimanager.parsing import PanelData
from dcimanager.server_row import Server, tells_owner
from dcimanager.survey_fields import field_faults
from dcimanager.survey_findings import (
    FindingKind,
    RowId,
    Survey,
    SurveyedList,
    SurveyFinding,
    Tally,
    row_id,
    shown,
)
from dcimanager.survey_machines import Machine, machine_findings
from dcimanager.survey_words import unknown_words
from dcimanager.users import User

PanelRows = Mapping[SurveyedList, Sequence[JsonValue]]
"""The rows of each list as the panel gave them; a list that could not be read is not there."""

_SHAPES: Mapping[SurveyedList, type[PanelData]] = {
    SurveyedList.SERVERS: Server,
    SurveyedList.USERS: User,
    SurveyedList.TEMPLATES: OsTemplate,
    SurveyedList.POOLS: IpPool,
    SurveyedList.LOCATIONS: Location,
}


@dataclass(frozen=True)
class _Readable:
    """A row that one of our models could be made of."""

    row: RowId
    told: Mapping[str, JsonValue]
    read: PanelData


def survey_rows(rows: PanelRows, dialect: Dialect) -> tuple[Survey, list[Server]]:
    """What the rows show, and the servers that could be read. 10,000 servers take some seconds of pure computing."""
    objects = {
        name: [(row_id(row, at), row) for at, row in enumerate(listed) if isinstance(row, Mapping)]
        for name, listed in rows.items()
    }
    readable: dict[SurveyedList, list[_Readable]] = {}
    findings: list[SurveyFinding | None] = []
    for name, listed in rows.items():
        readable[name], unreadable = _read(name, listed)
        findings.append(unreadable.finding(FindingKind.ROW_UNREADABLE, name))
    machines = [
        Machine(one.row, one.told, one.read)
        for one in readable.get(SurveyedList.SERVERS, [])
        if isinstance(one.read, Server)
    ]
    findings += machine_findings(machines)
    findings.append(_in_one_location(readable))
    findings.append(_without_addresses(readable))
    words, left_out = unknown_words(objects.get(SurveyedList.SERVERS, []), dialect.vocabulary)
    survey = Survey(
        rows={name: len(listed) for name, listed in rows.items()},
        words=words,
        words_left_out=left_out,
        fields=[fault for name, told in objects.items() for fault in field_faults(name, told)],
        findings=[one for one in findings if one is not None],
    )
    return survey, [machine.server for machine in machines]


def _read(name: SurveyedList, listed: Sequence[JsonValue]) -> tuple[list[_Readable], Tally]:
    """The rows that can be read, and a count of the others with what is wrong with them."""
    readable: list[_Readable] = []
    unreadable = Tally()
    twice = repeated_ids(listed)
    for at, row in enumerate(listed):
        number = row_id(row, at)
        if not isinstance(row, dict):
            unreadable.add(number, f"{number}: it is no object")
        elif str(row.get("id")) in twice:
            unreadable.add(number, f"{number}: its id comes twice in the list")
        elif name is SurveyedList.SERVERS and not tells_owner(row):
            unreadable.add(number, f"{number}: it does not tell its owner")
        else:
            try:
                readable.append(_Readable(number, row, _SHAPES[name].model_validate(row)))
            except ValidationError as error:
                fault = error.errors(include_input=False, include_url=False)[0]
                where = ".".join(map(str, fault["loc"])) or "it"
                unreadable.add(number, shown(f"{number}: {where}: {fault['msg']}"))
            except Exception as error:  # a row can hold anything, and must not stop the survey of all others
                unreadable.add(number, f"{number}: {type(error).__name__}")
    return readable, unreadable


def _in_one_location(readable: Mapping[SurveyedList, list[_Readable]]) -> SurveyFinding | None:
    """Templates that an order for another location would not find. Those for diagnostics are not sold."""
    places = {one.read.id for one in readable.get(SurveyedList.LOCATIONS, []) if isinstance(one.read, Location)}
    servers = (one.read for one in readable.get(SurveyedList.SERVERS, []))
    places |= {one.location_id for one in servers if isinstance(one, Server) and one.location_id is not None}
    if len(places) < 2:
        return None
    at: dict[str, list[tuple[RowId, int | None]]] = defaultdict(list)
    for one in readable.get(SurveyedList.TEMPLATES, []):
        if isinstance(one.read, OsTemplate) and not one.read.is_tool:
            at[one.read.name].append((one.row, one.read.location_id))
    tally = Tally()
    for name, found in at.items():
        where = {place for _, place in found}
        if len(where) == 1 and None not in where:
            tally.add(found[0][0], shown(f"{name} in {found[0][1]}"))
    return tally.finding(FindingKind.TEMPLATE_IN_ONE_LOCATION, SurveyedList.TEMPLATES)


def _without_addresses(readable: Mapping[SurveyedList, list[_Readable]]) -> SurveyFinding | None:
    tally = Tally()
    for one in readable.get(SurveyedList.POOLS, []):
        if isinstance(one.read, IpPool) and one.read.free == 0:
            tally.add(one.row, shown(one.read.name))
    return tally.finding(FindingKind.POOL_EMPTY, SurveyedList.POOLS)
