"""A training loop runs only while cycles are asked for."""

from benchmarks.peers.protocol import Pace


class Script:
    """A line whose requests are known beforehand."""

    def __init__(self, *cycles):
        self.requests = list(cycles)
        self.sent = []

    def receive(self):
        if not self.requests:
            raise SystemExit(0)
        return {"cycles": self.requests.pop(0)}

    def send(self, answer):
        self.sent.append(answer)


class Counter:
    """Ten tokens a cycle."""

    def __init__(self):
        self.tokens = 0

    def take(self):
        found, self.tokens = self.tokens, 0
        return {"tokens": found}


def test_a_loop_answers_after_the_cycles_that_were_asked_for():
    line, counter = Script(2, 1), Counter()
    pace = Pace(line, counter)
    done = 0
    try:
        pace.begin()
        while True:
            counter.tokens += 10
            pace.note_loss(done / 2)  # two batches, each with its share
            pace.note_loss(done / 2)
            done += 1
            pace.end_cycle()
    except SystemExit:
        pass
    assert done == 3
    ready, first, second = line.sent
    assert ready == {"ready": True}
    assert (first["cycles"], first["tokens"], first["loss"]) == (2, 20, 0.5)
    assert (second["cycles"], second["tokens"], second["loss"]) == (1, 10, 2.0)
    assert first["seconds"] > 0
    assert first["peak_memory"] > 0
