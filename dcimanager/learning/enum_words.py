"""The words of the panel that its enums tell, and what they mean where that is clear.

Source: docs/sources.md, panel 6 and 18.1; dcimanager/words.py has the meanings.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dcimanager.learning.description import Call
from dcimanager.learning.features import Features
from dcimanager.learning.language import concepts_in, concepts_of, tokens
from dcimanager.learning.schemas import Property
from dcimanager.words import WordKind

_MEANINGS: dict[WordKind, dict[str, str]] = {
    WordKind.OPERATION: {
        "finished": "ok finish finished complete completed success successful succeed succeeded done"
        " finished_ok completed_ok успешно завершено завершена выполнено выполнена",
        "ended": "cncl cancel canceled cancelled aborted abort interrupted terminated revoked killed user_canceled"
        " user_cancelled отменено отменена прервано прервана",
        "running": "running run in_progress inprogress progress processing executing pending queued waiting wait new"
        " started starting created scheduled active working preparing in_queue выполняется ожидает новая",
        "failed": "err fail failed failure error errored faulted crashed unsuccessful ошибка",
    },
    WordKind.POWER: {
        "on": "вкл включено on power_on powered_on poweron up enabled running",
        "off": "выкл выключено off power_off powered_off poweroff down disabled stopped",
        "unknown": "неизвестно unk unknown undefined undetermined unavailable not_available na n_a none",
    },
    WordKind.PORT: {
        "up": "вкл up on enabled enable admin_up port_up",
        "down": "выкл dn down off disabled disable shutdown admin_down port_down shut",
    },
    WordKind.STATE: {
        "in operation": "active in_operation operational in_service",
        "changing": "suspending resuming creating deleting activating deactivating blocking unblocking preparing"
        " changing installing diagnosing",
        "out of operation": "suspended blocked disabled error failed broken inactive out_of_operation out_of_service"
        " deleted decommissioned",
    },
    WordKind.ADDRESS: {
        "ready": "allocated active assigned used in_use ready ok",
        "changing": "allocating releasing deallocating assigning removing deleting creating pending changing",
    },
    WordKind.NETWORK: {"gives addresses": "active", "gives none": "container"},
}
_TOLD: dict[WordKind, tuple[tuple[str, str], ...]] = {
    # The order matters: "stopped with an error" failed, "not finished yet" still runs.
    WordKind.OPERATION: (
        ("failed", r"\bfail|(?<!without )(?<!no )\berror|unsuccess|ошибк|сбо[йя]|неудач"),
        ("ended", r"cancel|abort|interrupt|stopped by|ended by|отмен|прерва|останов"),
        (
            "running",
            r"\brunning|in progress|waiting|queue|still|not (?:yet )?(?:finished|started)"
            r"|выполняется|ожида|очеред|идет|идёт",
        ),
        ("finished", r"finished|completed|success|done|without errors|\bended well|успеш|заверш|выполнен|без ошибок"),
    ),
    WordKind.POWER: (("off", r"\boff\b|выключ"), ("on", r"\bon\b|включ"), ("unknown", r"unknown|неизвест")),
    WordKind.PORT: (("down", r"disabled|\bdown\b|\boff\b|выключ|отключ"), ("up", r"enabled|\bup\b|\bon\b|включ")),
    WordKind.STATE: (
        ("changing", r"\w{3}(?:ется|ются)\b|\bbeing\b|in transition"),
        (
            "out of operation",
            r"out of (?:operation|service)|\bblocked|not in use|не в работе|заблокир|сломан|неисправ|вывед",
        ),
        ("in operation", r"in (?:operation|service|use)|в работе|работает"),
    ),
    WordKind.ADDRESS: (
        ("changing", r"\w{3}(?:ется|ются)\b|\bbeing\b|in progress"),
        ("ready", r"\bassigned|\ballocated|\bin use|can be used|выдан\b|назначен\b|используется"),
    ),
    WordKind.NETWORK: (
        ("gives none", r"only contains|contains other|gives no|только содержит"),
        ("gives addresses", r"gives addresses|addresses are (?:given|taken)|выдаются адреса"),
    ),
}
_KINDS: tuple[tuple[WordKind, str, str], ...] = (
    # kind, the key's own name, what stands around it ("" anything)
    (WordKind.POWER, r"power(_?(status|state))?|pwr(_?(status|state))?", ""),
    (WordKind.PORT, r"adm(in)?_?(status|state)|(desired|set)_?(status|state)", ""),
    (WordKind.OPERATION, r"(operation|task|job)_?(status|state)", ""),
    (WordKind.PORT, r"adm(in)?", "port"),
    (WordKind.OPERATION, r"status|state|st|outcome|progress", "operation"),
    (WordKind.ADDRESS, r"status|state|st|binding", "address"),
    (WordKind.NETWORK, r"status|state|type|kind|usage", "network"),
    (WordKind.STATE, r"state|status|st|life_?cycle(_?(state|status))?|server_?(state|status)", "server"),
)
_NOT_PORT = frozenset({"oper", "link", "operational"})


@dataclass(frozen=True)
class WordProposal:
    """A word of the panel; `means` is None where its meaning is open. `told`: where it stands, and what says it."""

    kind: WordKind
    word: str
    means: str | None
    told: str


def propose_words(calls: Iterable[Call]) -> list[WordProposal]:
    """The words of all enums that say how something stands, each once; two meanings of one word leave it open."""
    found: dict[tuple[WordKind, str], WordProposal] = {}
    for call in calls:
        features = Features(call)
        for one in call.answer or ():
            kind = _kind_of(one, features) if one.enum else None
            for word in one.enum if kind is not None else ():
                proposal = _word(kind, word, one, call)
                if proposal is None:
                    continue
                key = proposal.kind, proposal.word
                known = found.get(key)
                if known is None or (known.means is None and proposal.means is not None):
                    found[key] = proposal
                elif proposal.means not in (None, known.means):
                    told = f"{known.told} means {known.means}; {proposal.told} means {proposal.means}"
                    found[key] = WordProposal(proposal.kind, proposal.word, None, told)
    return sorted(found.values(), key=lambda one: list(WordKind).index(one.kind))


def ended_words(found: Property) -> list[str]:
    """The words of an enum that end an operation by somebody's wish."""
    return [word for word in found.enum if meaning(WordKind.OPERATION, word, found.description) == "ended"]


def meaning(kind: WordKind, word: str, description: str) -> str | None:
    """What a word means: as the description tells it, else as the word itself is clear."""
    plain = "_".join(tokens(word))
    own = next((means for means, words in _MEANINGS[kind].items() if plain in words.split()), None)
    told = _told(kind, word, description)
    if own is not None and told is not None and own != told:
        return None
    return own or told


def _word(kind: WordKind | None, word: str, found: Property, call: Call) -> WordProposal | None:
    plain = word.strip().lower()
    if kind is None or not plain or plain.lstrip("-").isdecimal():
        return None
    return WordProposal(kind, plain, meaning(kind, word, found.description), f"{found.name} of {call.title}")


def _told(kind: WordKind, word: str, description: str) -> str | None:
    """What a description says right after the word: "`beendet` - finished without errors; ...", "x: ..., y: ..."."""
    escaped = re.escape(word)
    found = re.search(
        rf"(?<!\w)[`'\"]?{escaped}[`'\"]?\s*(?:[-–—:=(]|means|is)\s*([^;,.\n|)]+)", description, re.IGNORECASE
    )
    if found is None:
        return None
    meanings = [means for means, pattern in _TOLD.get(kind, ()) if re.search(pattern, found[1], re.IGNORECASE)]
    return meanings[0] if meanings else None


def _kind_of(found: Property, features: Features) -> WordKind | None:
    *around, name = found.name.replace("[]", "").split(".")
    plain = "_".join(tokens(name))
    parents: Sequence[str] = around[-1:] if around and around[-1] not in ("list", "items", "data", "result") else ()
    for kind, pattern, context in _KINDS:
        if not re.fullmatch(pattern, plain) or set(tokens(name)) & _NOT_PORT:
            continue
        if kind is WordKind.POWER and "pdu" in concepts_in(" ".join(around)):
            continue
        if not context or context in _context(parents, features, context):
            return kind
    if re.fullmatch("status|state", plain) and "port" in _context(parents, features, "port"):
        return WordKind.PORT
    return None


def _context(parents: Sequence[str], features: Features, context: str) -> frozenset[str]:
    """What a key belongs to: the object that it stands in, else the thing that the call is about."""
    if parents:
        words = tokens(parents[-1])
        named = (
            {"network"} if words and words[-1] in ("network", "networks", "ipnet", "ipnets", "net", "subnet") else set()
        )
        return concepts_of(words[-1]) | named if words else frozenset()
    if features.call.method != "GET":
        return frozenset()
    last = next((part for part in reversed(features.parts) if "{" not in part), "")
    words = tokens(last)
    named = (
        {"network"} if words and words[-1] in ("network", "networks", "ipnet", "ipnets", "subnet", "subnets") else set()
    )
    return (concepts_of(words[-1]) if words else frozenset()) | named
