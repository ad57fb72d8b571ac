"""What hosts' ledgers hold: a value that changes here makes their rows unreadable."""

from ledger.hold_reasons import CAPS, CLIENT, GONE, HARDWARE, PRESS, HoldReason
from ledger.step_names import StepName


def test_the_reasons_for_held_keep_their_values() -> None:
    assert {reason.name: reason.value for reason in HoldReason} == {
        "CLIENT_CHANGED": "client-changed",
        "WANTED_AGAIN": "wanted-again",
        "BURST": "burst",
        "CEILING": "ceiling",
        "RESTORED": "restored",
        "OWNER_CHANGED": "owner-changed",
        "HARDWARE_CHANGED": "hardware-changed",
        "SERVER_VANISHED": "server-vanished",
        "NO_IDENTITY": "no-identity",
        "ANSWER_LOST": "answer-lost",
        "INSTALLATION_REPLACED": "installation-replaced",
        "WIPE_UNPROVEN": "wipe-unproven",
        "TERMINATION_CAP": "termination-cap",
        "WIPE_CAP": "wipe-cap",
        "BREAKS_OFF": "breaks-off",
    }


def test_the_steps_of_the_journal_keep_their_values() -> None:
    assert {step.name: step.value for step in StepName} == {
        "OWNER": "owner",
        "ADDRESSES": "addresses",
        "MORE_ADDRESSES": "more-addresses",
        "MORE_IPV6": "more-ipv6-addresses",
        "GIVE_BACK": "give-back-addresses",
        "PTR": "ptr",
        "DEPLOY_OS": "deploy-os",
        "OS_GIVEN_UP": "os-given-up",
        "POWER_RESET": "power-reset",
        "RESCUE": "rescue",
        "RESCUE_LEFT": "rescue-left",
        "CLEAR_OWNER": "clear-owner",
    }


def test_every_reason_has_something_to_press_and_what_is_pressed_fits_it() -> None:
    assert set(PRESS) == set(HoldReason)
    assert {reason for reason, ways in PRESS.items() if "accept-hardware" in ways} == set(HARDWARE)
    assert {reason for reason, ways in PRESS.items() if "forget-server" in ways} == set(GONE)
    assert {reason for reason, ways in PRESS.items() if "retry --past-cap" in ways} == set(CAPS)
    assert {reason for reason, ways in PRESS.items() if "hand-over" in ways} == set(CLIENT)
