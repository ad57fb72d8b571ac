"""What each entry of the table should be on this panel, how sure that is, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, cast

from pydantic import JsonValue

from dcimanager.endpoints import Dialect, Endpoint
from dcimanager.learning.description import Call, Description
from dcimanager.learning.enum_words import WordProposal, ended_words, propose_words
from dcimanager.learning.features import Features
from dcimanager.learning.keys import best_name, match_body
from dcimanager.learning.language import tokens
from dcimanager.learning.matching import Candidate, candidates
from dcimanager.learning.wanted_keys import OWNER, TRAFFIC_ANSWER, TRAFFIC_QUERY
from dcimanager.learning.wish_forms import Wish
from dcimanager.learning.wishes import WISHES

ENOUGH_STRICT = 6.0
"""Points of a call that destroys or hands out: its whole path says it, or two parts of it do."""
ENOUGH = 5.0
LEAST = 2.0
MARGIN = 3.0
"""Two calls that are nearer than this are rivals."""
POINTS_OF_A_DOUBT = 2.0


class Certainty(StrEnum):
    """How sure a proposal is. Only what is sure is written as it stands."""

    SURE = "sure"
    LIKELY = "likely"
    OPEN = "open"


@dataclass(frozen=True)
class Proposal:
    """One entry of the table on this panel; `method` and `path` are "" where nothing fits.

    `same`: it is what the table has already.
    """

    entry: str
    certainty: Certainty
    method: Literal["GET", "POST", "DELETE", ""] = ""
    path: str = ""
    body: Mapping[str, str] | None = None
    values: Mapping[str, JsonValue] | None = None
    evidence: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    same: bool = False

    @property
    def call(self) -> str:
        """Method and path as one text, "" where nothing fits."""
        return f"{self.method} {self.path}".strip()


@dataclass(frozen=True)
class Learned:
    """All that was learned of a panel."""

    proposals: tuple[Proposal, ...]
    words: tuple[WordProposal, ...]
    calls: int
    definitions: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def propose(description: Description, dialect: Dialect) -> Learned:
    """A proposal for each entry of the table but the Swagger page, and one for each word that the enums tell."""
    calls = [Features(call) for call in description.calls]
    if any(one.operation_word == "operation" for one in calls):
        # A panel that has operations has its tasks and jobs beside them: they are something else.
        calls = [one for one in calls if one.operation_word in ("", "operation")]
    services = Counter(one.call.service for one in calls if "server" in one.places)
    main_service = services.most_common(1)[0][0] if services else ""
    found = {
        wish.entry: _propose(wish, calls, dialect[wish.entry], main_service)
        for wish in WISHES
        if wish.entry in dialect.endpoints
    }
    found["owner_clear"] = _clear_by_setting(found, description.calls, dialect["owner_clear"])
    proposals = tuple(found[entry] for entry in dialect.endpoints if entry in found)
    words = tuple(propose_words(description.calls))
    return Learned(proposals, words, len(description.calls), description.definitions, description.skipped)


def _propose(wish: Wish, calls: Sequence[Features], ours: Endpoint, main_service: str) -> Proposal:
    fitting = candidates(wish, calls, ours, main_service)
    ranked = sorted((_with_values(wish.entry, one) for one in fitting), key=lambda pair: -_worth(pair[0]))
    usable = [(one, values) for one, values in ranked if values is not None and _worth(one) >= 0]
    if not usable:
        return Proposal(wish.entry, Certainty.OPEN, evidence=_other_methods(wish, calls, ours, main_service))
    best, values = usable[0]
    rivals = [one for one, _ in usable[1:] if _worth(one) > _worth(best) - MARGIN or _outdoes(wish, one, best)]
    doubts = best.doubts
    if rivals:
        doubts += (f"as good: {', '.join(one.features.call.title for one in rivals[:3])}",)
    proposal = Proposal(
        wish.entry,
        _certainty(wish, best, rivals),
        cast(Literal["GET", "POST", "DELETE"], best.features.call.method),
        _our_path(best.features),
        best.body.body,
        values,
        best.evidence,
        doubts,
    )
    return replace(proposal, same=_same(proposal, ours))


def _worth(one: Candidate) -> float:
    return one.score - POINTS_OF_A_DOUBT * len(one.doubts)


def _outdoes(wish: Wish, one: Candidate, best: Candidate) -> bool:
    """A call that says the same as well, and is only in doubt: where much hangs on it, that is a rival."""
    return wish.strict and one.score >= best.score


def _certainty(wish: Wish, best: Candidate, rivals: Sequence[Candidate]) -> Certainty:
    if not rivals and not best.doubts and best.score >= (ENOUGH_STRICT if wish.strict else ENOUGH):
        return Certainty.SURE
    if wish.strict and (rivals or len(best.doubts) > 1):
        return Certainty.OPEN
    return Certainty.LIKELY if _worth(best) >= LEAST else Certainty.OPEN


def _our_path(features: Features) -> str:
    """The panel's path with our words in braces."""
    places = iter(features.places)
    return "/".join(f"{{{next(places)}}}" if part.startswith("{") else part for part in features.call.path.split("/"))


def _same(proposal: Proposal, ours: Endpoint) -> bool:
    values = ours.values if proposal.values is None else proposal.values
    body = ours.body if proposal.body is None else proposal.body
    theirs = (proposal.method, proposal.path, dict(body), dict(values))
    return theirs == (ours.method, ours.path, dict(ours.body), dict(ours.values))


def _other_methods(wish: Wish, calls: Sequence[Features], ours: Endpoint, main_service: str) -> tuple[str, ...]:
    """A call that would fit, were its method one that the table can hold."""
    ways = tuple(replace(way, methods=frozenset({"PUT", "PATCH"})) for way in wish.ways if "GET" not in way.methods)
    other = candidates(replace(wish, ways=ways), calls, ours, main_service)
    if not other:
        return ("no call of the panel's description fits",)
    return (f"{other[0].features.call.title} would fit, but the table has no such method",)


def _with_values(entry: str, one: Candidate) -> tuple[Candidate, dict[str, JsonValue] | None]:
    """The candidate, perhaps with a further doubt, and its values; None where it cannot be meant after all."""
    matches = one.body.matches
    if entry == "operation_end" and "status" in matches:
        status = matches["status"].found
        ended = ended_words(status)
        if status.enum and not ended:
            return one, None
        if not ended:
            return _doubting(one, f"it does not say which word of {status.name} ends an operation"), {}
        chosen = "canceled" if "canceled" in ended else ended[0]
        return one if len(ended) == 1 else _doubting(one, f"{', '.join(ended)} all end it"), {"ended": chosen}
    if entry == "user_create" and "role" in matches:
        role = matches["role"].found
        users = [word for word in role.enum if set(tokens(word)) & {"user", "client", "customer"}]
        if not role.enum:
            return one, {}
        exact = [word for word in users if len(tokens(word)) == 1]
        if len(exact or users) == 1:
            return one, {"user": (exact or users)[0]}
        return _doubting(one, f"it does not say which {role.name} a client has"), {}
    if entry == "address_add" and "family" in matches:
        family = matches["family"].found
        four = [word for word in family.enum if "".join(tokens(word)) in ("ipv4", "v4", "4", "inet", "ip4")]
        if len(four) == 1:
            number = family.type in ("integer", "number")
            return one, {"ipv4": int(four[0]) if number and four[0].isdecimal() else four[0]}
        if family.enum or family.type in ("integer", "number"):
            return _doubting(one, f"it does not say how {family.name} names IPv4"), {}
        return one, {}
    if entry == "ip_pool_settings" and "deallocation_pools" not in {key.name for key in one.features.call.answer or ()}:
        return _doubting(one, "its answer does not tell deallocation_pools, which we read"), {}
    if entry == "ptr_set":
        return one, {"none": ""}  # no description says how a name is taken away; an empty one is what the table has
    if entry == "rescue_start":
        return one, {"kind": "recovery"}  # no description says what its templates are called; so does the table
    if entry == "server_traffic":
        return _traffic(one)
    return one, {}


def _traffic(one: Candidate) -> tuple[Candidate, dict[str, JsonValue] | None]:
    call = one.features.call
    query = [key.name for key in call.query]
    answer = [key.name for key in call.answer or () if "." not in key.name and "[" not in key.name]
    values: dict[str, JsonValue] = {}
    for words, names in ((TRAFFIC_QUERY, query), (TRAFFIC_ANSWER, answer)):
        for word, patterns in words.items():
            if (name := best_name(patterns, names)) is not None:
                values[word] = name
    if "received" not in values and "sent" not in values:
        return one, None
    for word in ("from", "to", "received", "sent"):
        if word not in values:
            one = _doubting(one, f"it does not say which key is {word}")
    left = [key.name for key in call.query if key.required and key.name not in values.values()]
    if left:
        one = _doubting(one, f"it requires {', '.join(left)} in its query, which we do not send")
    return one, values


def _doubting(one: Candidate, doubt: str) -> Candidate:
    return replace(one, doubts=(*one.doubts, doubt))


def _clear_by_setting(found: Mapping[str, Proposal], calls: Sequence[Call], ours: Endpoint) -> Proposal:
    """Taking the owner away by the call that sets it, with null, where the panel has no call of its own for it."""
    cleared, setting = found["owner_clear"], found["owner_set"]
    if cleared.path or setting.certainty is Certainty.OPEN:
        return cleared
    call = next(
        (one for one in calls if one.method == setting.method and _our_path(Features(one)) == setting.path), None
    )
    matched = match_body((OWNER,), (call.body or ()) if call is not None else ()).matches.get("owner")
    if matched is None:
        return cleared
    told = {"null", "none", "empty"} & set(tokens(matched.found.description))
    certainty: Certainty = setting.certainty
    doubts = setting.doubts
    if not matched.found.nullable:
        certainty = Certainty.LIKELY if told else Certainty.OPEN
        doubts += (f"it does not say that {matched.found.name} may be null",)
    evidence = ("no call of its own takes the owner away", f"{matched.found.name} of {setting.call} may be null")
    proposal = replace(
        setting,
        entry="owner_clear",
        certainty=certainty,
        evidence=evidence if matched.found.nullable or told else evidence[:1],
        doubts=doubts,
    )
    return replace(proposal, same=_same(proposal, ours))
