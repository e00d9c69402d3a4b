"""The driver of Ray's actors, with threads in their place."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fake_ray import DeathError, FakeRay
from tests.prediction.fake_pipeline import FakePipeline, OpenFake, job
from trainer.errors import InputError
from trainer.prediction.answer_log import parse_line
from trainer.prediction.run import predict_files

WORDS = ["a", "good", "film", "was", "very", "dull", "in", "paris"]


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    lines = [f"{i},{' '.join(WORDS[: i * 5 % 9])}" for i in range(50)]  # the text of some is empty
    path.write_text("\n".join(["id,text", *lines]) + "\n")
    return path


@pytest.fixture(autouse=True)
def ray(monkeypatch, tmp_path):
    fake = FakeRay()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "node"))
    monkeypatch.setattr("os.umask", lambda mask: mask)  # of this process
    for module in ("run", "ray_workers"):
        monkeypatch.setattr(f"trainer.prediction.{module}.import_ray", lambda option: fake)
    monkeypatch.setattr("trainer.prediction.chunks.CHUNK", 8)
    yield fake
    assert not list(tmp_path.glob("node/*"))


@dataclass
class OpenDying(OpenFake):
    """Opens a pipeline in a process of its own, which ends in some of its passes."""

    passes: Path | None = None  # a file of their numbers
    deaths: tuple[int, ...] = ()
    device: str = "cpu"

    def __call__(self):
        return _Dying(self)


class _Dying(FakePipeline):
    def __init__(self, given):
        super().__init__()
        self.given, self.device = given, given.device

    def forward(self, features, task=None):
        if self.given.passes is not None:
            number = self.given.passes.stat().st_size if self.given.passes.exists() else 0
            with self.given.passes.open("a") as file:
                file.write(".")
            if number in self.given.deaths:
                raise DeathError
        return super().forward(features, task)


def on_ray(source, output, **options):
    return job(source, output, on_error="skip", engine="ray", threads=1, **options)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_actors_write_the_bytes_of_one_process_though_some_die(rows, tmp_path, ray, suffix):
    one, two = tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"
    predict_files(job(rows, one, on_error="skip"), OpenFake())
    dying = OpenDying(passes=tmp_path / "passes", deaths=(0, 3))
    totals = predict_files(on_ray(rows, two, workers=2), dying)
    assert two.read_bytes() == one.read_bytes()
    assert rejects(two) == rejects(one) != ""
    assert totals.rows == 50 and totals.written < 50
    # Two, and one for each death; two workers may meet the same one.
    assert len(ray.started) >= 4 and not ray.running
    assert all(options == {"num_cpus": 1, "num_gpus": 0} for options in ray.started)


def rejects(output):
    return Path(f"{output}.rejects.jsonl").read_text()


def test_a_run_goes_on_with_another_engine(rows, tmp_path, capsys):
    output = tmp_path / "a.csv"
    dying = OpenDying(passes=tmp_path / "passes", deaths=(3, 4, 5))
    with pytest.raises(InputError, match=r"3 processes have died \(killed\) at .*rows.csv, row 25"):
        predict_files(on_ray(rows, output), dying)
    assert not output.exists()
    predict_files(job(rows, output, on_error="skip", threads=1), OpenFake())
    assert "24 rows are done already; going on" in capsys.readouterr().out
    predict_files(job(rows, tmp_path / "b.csv", on_error="skip"), OpenFake())
    assert output.read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_answers_are_logged_by_the_process_that_started(rows, tmp_path):
    log = tmp_path / "answers.jsonl"
    totals = predict_files(on_ray(rows, tmp_path / "a.csv", workers=2, log=log), OpenFake())
    lines = [parse_line(line) for line in log.read_text().splitlines()]
    assert len(lines) == totals.written and len({line["id"] for line in lines}) == len(lines)
    assert all("text" not in line for line in map(json.loads, log.read_text().splitlines()))


def test_a_bad_row_ends_the_run_with_its_place(rows, tmp_path, ray):
    with pytest.raises(InputError, match=r"rows.csv, row 1: column 'text' must be a non-empty"):
        predict_files(job(rows, tmp_path / "a.csv", engine="ray"), OpenFake())
    assert not ray.running and not (tmp_path / "a.csv").exists()


def test_a_node_that_cannot_open_the_model_is_named(rows, tmp_path, monkeypatch):
    class Twice(OpenFake):
        def __call__(self):
            if (tmp_path / "opened").exists():
                raise InputError("there is no folder 'model'")
            (tmp_path / "opened").touch()
            return super().__call__()

    monkeypatch.setattr("socket.gethostname", lambda: "far")
    with pytest.raises(InputError, match="^node far: there is no folder 'model'"):
        predict_files(on_ray(rows, tmp_path / "a.csv"), Twice())


@dataclass
class OpenOther(OpenFake):
    """Opens another pipeline the second time."""

    noted: Path | None = None
    device: str = "cpu"
    fingerprint: str = "fake"

    def __call__(self):
        pipe = FakePipeline()
        if self.noted.exists():
            pipe.device, pipe.model.fingerprint = self.device, self.fingerprint
        self.noted.touch()
        return pipe


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"device": "cuda:0"}, "a worker computes on cuda, and this process on cpu, .* --device"),
        ({"fingerprint": "new"}, "the model has changed"),
    ],
)
def test_a_node_with_another_model_or_device_is_refused(rows, tmp_path, other, message):
    with pytest.raises(InputError, match=message):
        predict_files(
            on_ray(rows, tmp_path / "a.csv"), OpenOther(noted=tmp_path / "noted", **other)
        )


def test_gpus_are_divided_among_actors(rows, tmp_path, ray):
    ray._gpus = 2
    predict_files(on_ray(rows, tmp_path / "a.csv", workers=3), OpenDying(device="cuda"))
    assert {options["num_gpus"] for options in ray.started} == {0.5}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "dask"}, "engine.* = 'dask'"),
        ({"address": "auto"}, "--address = auto: is of a Ray cluster; set --engine ray"),
        ({"engine": "ray", "address": "here"}, "--address = here: expected HOST:PORT of a Ray"),
        ({"engine": "ray", "address": "127.0.0.1:9"}, "no Ray cluster answers"),
        ({"engine": "ray", "workers": 5, "threads": 1}, "--workers = 5, .* need 5 CPUs"),
    ],
)
def test_wrong_options_are_refused(rows, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        predict_files(job(rows, tmp_path / "a.csv", **options), OpenFake())
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
