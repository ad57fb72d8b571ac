"""The life of a service as a picture: `python -m tools.life`, and docs/steps.md."""

from ledger.states import ALIVE, BY_A_PERSON, State


def picture() -> str:
    """The moves as a Mermaid state diagram; HELD is drawn once, for all."""
    lines = ["stateDiagram-v2", "    [*] --> NEW"]
    lines += [f"    {a} --> {b}" for a, moves in ALIVE.items() for b in State if b in moves]
    lines += [f"    {a} --> {b}: a person brought it back" for a, b in BY_A_PERSON.items()]
    lines += [
        '    state "any state" as any',
        "    any --> HELD: a person is needed",
        "    HELD --> any: a person decided",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(picture())
