"""Scores how well a call fits what an entry wants, with the evidence for it and the doubts about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dcimanager.endpoints import Endpoint
from dcimanager.learning.description import shape_of
from dcimanager.learning.features import Features
from dcimanager.learning.keys import BodyMatch, match_body
from dcimanager.learning.language import FILLER, concepts_of
from dcimanager.learning.wish_forms import Way, Wish
from dcimanager.marks import Mark

POINTS = {"path": 4, "operationId": 2, "summary": 3, "tags": 1, "description": 1}
"""What it counts that this part of a call says what an entry wants."""
WHOLE_TAIL = 2
"""Every word after the path's last place is understood."""
STRANGE_WORD = -2
FITTING_KEY = 2
FITTING_ANSWER = 1
SAME_AS_KNOWN = 2
"""A documented or seen call of our table: it tells two good candidates apart."""
SAME_AS_KNOWN_READ = 4
"""The same where nothing is destroyed or handed out."""
SAME_SERVICE = 1
FIRST_COMBINATION = 1
OFTEN_ENOUGH = 2


@dataclass(frozen=True)
class Candidate:
    """A call that may be an entry's."""

    features: Features
    way: Way
    score: float
    body: BodyMatch
    evidence: tuple[str, ...]
    doubts: tuple[str, ...] = field(default=())


def candidates(wish: Wish, calls: Sequence[Features], ours: Endpoint, main_service: str) -> list[Candidate]:
    """The calls that can be meant by an entry, the best first; of two versions of one call only the newer."""
    found = []
    for features in calls:
        ways = [one for way in wish.ways if (one := _candidate(wish, way, features, ours, main_service)) is not None]
        if ways:
            found.append(max(ways, key=lambda one: one.score - len(one.doubts)))
    newest: dict[tuple[str, str], int] = {}
    for one in found:
        rest, version = one.features.version
        key = (rest, one.features.call.method)
        newest[key] = max(newest.get(key, 0), version)
    kept = [
        one for one in found if one.features.version[1] == newest[one.features.version[0], one.features.call.method]
    ]
    if any(not one.features.old for one in kept):
        kept = [one for one in kept if not one.features.old]
    if wish.strict:
        kept = [_beside_older(one, found) for one in kept]
    return sorted(kept, key=lambda one: -one.score)


def _beside_older(one: Candidate, found: Sequence[Candidate]) -> Candidate:
    """The candidate, with a doubt if an older version of it is in use: the newer one may do something else."""
    rest, version = one.features.version
    for other in found:
        same = other.features.version[0] == rest and other.features.call.method == one.features.call.method
        if same and other.features.version[1] < version and not other.features.old:
            return replace(one, doubts=(*one.doubts, f"an older version is in use, too: {other.features.call.title}"))
    return one


def _candidate(wish: Wish, way: Way, features: Features, ours: Endpoint, main_service: str) -> Candidate | None:
    call = features.call
    if call.method not in way.methods or len(set(features.places)) != len(features.places):
        return None
    if frozenset(features.places) not in way.places or _forbidden(wish, way, features):
        return None
    evidence: list[str] = []
    doubts = [way.doubt] if way.doubt else []
    score = 0.0
    if way.says:
        said = _said(way, features)
        if said is None or (way.in_path and not features.path_concepts & {"owner", "user"}):
            return None
        combination, _, places = said
        score += sum(POINTS[place] for place in places) or OFTEN_ENOUGH
        score += FIRST_COMBINATION if combination == way.says[0] else 0
        evidence.append(f"{' and '.join(places) or 'path and texts together'} say {', '.join(sorted(combination))}")
        if wish.strict and not set(places) & {"path", "operationId", "summary"}:
            doubts.append("neither path nor summary says what it does")
    else:
        score += POINTS["path"]
    about = frozenset().union(*way.says, *way.places) | way.tail | way.collection
    if call.summary and not about & (features.sources["summary"] | features.sources["description"]):
        doubts.append(f"its summary says something else: {call.summary}")
    if way.collection and not _ends_on(way, features.last):
        return None
    score += len(features.places)
    strange = _strange(way, features)
    if not strange:
        score += WHOLE_TAIL
        if features.places:
            evidence.append(f"its path has {', '.join(f'{{{place}}}' for place in features.places)}")
    else:
        score += STRANGE_WORD * len(strange)
        doubts.append(f"its path also says {', '.join(strange)}")
    matched = match_body(way.keys, call.body or ())
    if any(key.need for key in matched.lacking):
        return None
    score += _keys(matched, evidence, doubts)
    fitting = wish.answer & features.answers
    if fitting:
        score += FITTING_ANSWER * min(len(fitting), OFTEN_ENOUGH)
        evidence.append(f"its answer tells {', '.join(sorted(fitting))}")
    if (call.method, call.shape) == (ours.method, shape_of(ours.path)) and ours.mark in (Mark.DOCUMENTED, Mark.SEEN):
        score += SAME_AS_KNOWN if wish.strict else SAME_AS_KNOWN_READ
        evidence.append(f"the table has it, {ours.mark.value}")
    if call.service == main_service:
        score += SAME_SERVICE
    doubts += _general_doubts(wish, way, features)
    return Candidate(features, way, score, matched, tuple(evidence), tuple(doubts))


def _said(way: Way, features: Features) -> tuple[frozenset[str], str, list[str]] | None:
    """The combination that is said best, and the parts of the call that say it whole."""
    found: list[tuple[float, frozenset[str], list[str]]] = []
    for number, combination in enumerate(way.says):
        places = [place for place, concepts in features.sources.items() if combination <= concepts]
        together = features.sources["path"] | features.sources["summary"] | features.sources["operationId"]
        if places or combination <= together:
            points = sum(POINTS[place] for place in places) or OFTEN_ENOUGH
            found.append((points - number / 10, combination, places))
    if not found:
        return None
    _, combination, places = max(found, key=lambda one: one[0])
    return combination, places[0] if places else "", places


def _forbidden(wish: Wish, way: Way, features: Features) -> bool:
    """It says that it is another call."""
    wanted = frozenset().union(*way.says) if way.says else frozenset()
    never = way.never - wanted
    if never & (features.path_concepts | features.sources["operationId"]):
        return True
    if not wish.strict:
        return False
    if features.many:
        return True
    in_summary = never & features.sources["summary"]
    if in_summary & {"rack", "bulk", "old"}:
        return True
    return bool(in_summary) and not any(combination <= features.path_concepts for combination in way.says)


def _strange(way: Way, features: Features) -> list[str]:
    """The words after the path's last place that nothing explains."""
    known = way.tail | frozenset().union(*way.says) | way.collection | {"list"}
    words = features.tail
    if features.places == () and not way.collection:
        words = [word for word in words if word not in ("system", "main")]
    return [
        word for word in words if word not in FILLER and not concepts_of(word) & known and not _is_of_place(word, way)
    ]


def _ends_on(way: Way, words: Sequence[str]) -> bool:
    """The last word is the collection's; those before it say whose (ip-pools)."""
    whose = way.collection | frozenset().union(*way.says)
    return bool(words and concepts_of(words[-1]) & way.collection) and all(concepts_of(one) & whose for one in words)


def _is_of_place(word: str, way: Way) -> bool:
    return bool(concepts_of(word) & frozenset().union(*way.places))


def _keys(matched: BodyMatch, evidence: list[str], doubts: list[str]) -> float:
    score = 0.0
    for word, match in matched.matches.items():
        score += FITTING_KEY if match.key.need or match.key.vital else FITTING_KEY / 2
        kind = f" ({match.found.type})" if match.found.type else ""
        evidence.append(f"{word} is its key {match.found.name}{kind}")
        if match.doubt:
            doubts.append(match.doubt)
        if not match.by_name and match.key.need:
            doubts.append(f"only its description says that {match.found.name} is {word}")
    doubts += [f"it has no key for our {key.word}" for key in matched.lacking if key.vital]
    if matched.wanted:
        doubts.append(f"it requires {', '.join(one.name for one in matched.wanted)}, which we do not send")
    return score


def _general_doubts(wish: Wish, way: Way, features: Features) -> list[str]:
    call = features.call
    doubts = []
    if features.old:
        doubts.append("it is on its way out (deprecated)")
    if not call.placed:
        doubts.append("its definition does not say where its paths begin")
    if call.consumes and not any("json" in kind.lower() or kind == "*/*" for kind in call.consumes):
        doubts.append(f"it takes {', '.join(call.consumes)}, and we send JSON")
    required = [one.name for one in call.query if one.required]
    if required and wish.entry != "server_traffic":
        doubts.append(f"it requires {', '.join(required)} in its query, which we do not send")
    if wish.strict:
        # "Power on a server that is off": on and off say how things stand, too.
        others = (way.never - frozenset().union(*way.says) - {"on", "off"}) & features.sources["summary"]
        if others:
            doubts.append(f"its summary also speaks of {', '.join(sorted(others))}")
        if features.sources["description"] & {"rack", "bulk"}:
            doubts.append("its description speaks of more than the server")
    return doubts
