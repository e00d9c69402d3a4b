from trainer.search.report.throttle import Throttled


def test_calls_take_a_twentieth_of_the_time():
    now, calls = [100.0], []

    def slow():
        calls.append(now[0])
        now[0] += 1.0

    call = Throttled(slow, lambda: now[0])
    while now[0] < 200:
        call()
        now[0] += 0.25
    assert len(calls) == 5 and calls[:2] == [100.0, 120.0]


def test_rare_calls_are_all_made():
    now, calls = [0.0], []
    call = Throttled(lambda: calls.append(now[0]), lambda: now[0])
    for now[0] in (0.0, 60.0, 120.0):
        call()
    assert calls == [0.0, 60.0, 120.0]
