from answers.breaker import FAILURES, PROBE_SECONDS, Breaker, asking_anyway, is_urgent


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def opened(clock: Clock) -> Breaker:
    breaker = Breaker("WHMCS", now=clock)
    for _ in range(FAILURES):
        assert breaker.refusal() is None
        breaker.failed()
    return breaker


def test_one_answer_in_between_keeps_it_closed() -> None:
    breaker = Breaker("The panel main")
    for _ in range(5):
        for _ in range(FAILURES - 1):
            breaker.failed()
        breaker.answered()
    assert breaker.refusal() is None
    assert not breaker.is_open


def test_open_it_lets_one_call_pass_every_few_seconds_until_an_answer_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    for _ in range(2):
        assert "WHMCS did not answer 5 times in a row and is asked again every 5 s" in (breaker.refusal() or "")
        clock.time += PROBE_SECONDS
        assert breaker.refusal() is None
    assert breaker.refusal() is not None
    breaker.answered()
    assert breaker.refusal() is None


def test_who_must_know_and_who_is_urgent_are_let_through() -> None:
    breaker = opened(Clock())
    with asking_anyway():
        assert breaker.refusal() is None
    assert breaker.refusal() is not None
    token = is_urgent.set(True)
    assert breaker.refusal() is None
    is_urgent.reset(token)
    assert breaker.refusal() is not None
