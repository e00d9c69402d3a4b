"""A Space's folder names its model, versions and feedback, and is written atomically."""

import ast
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from huggingface_hub import RepoCard
from huggingface_hub.errors import RepositoryNotFoundError

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

import trainer.app
from tests.modeling.toy_models import TASKS, toy_model, toy_tokenizer
from trainer.app.serve import AppOptions
from trainer.errors import InputError
from trainer.hub import space
from trainer.hub.space import write_space

ROOT = Path(__file__).parents[2]
PACKAGE = sorted(Path(trainer.app.__file__).parent.glob("*.py"))


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "my-model"
    toy_model().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    (folder / "run_config.yaml").write_text("data_dir: /home/me\n")
    (folder / "training_args.bin").write_bytes(b"pickle")
    for part in ("checkpoint-1", "figures"):
        (folder / part).mkdir()
    (folder / "figures" / "mood.png").write_bytes(b"PNG")
    return folder


def options_of(app: Path) -> dict:
    """Return the source of the arguments of AppOptions in a Space's app.py."""
    calls = [node for node in ast.walk(ast.parse(app.read_text())) if isinstance(node, ast.Call)]
    (call,) = [c for c in calls if getattr(c.func, "id", "") == "AppOptions"]
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}


def test_a_local_model_is_copied_without_unused_files(model, tmp_path):
    write_space(tmp_path / "space", AppOptions(str(model), max_rows=7))
    written = {p.name for p in (tmp_path / "space").iterdir()}
    assert written == {"app.py", "requirements.txt", "README.md", "hybrid_mtl_app", "model"}
    copied = {path.name for path in (tmp_path / "space/model").iterdir()}
    assert copied >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert copied >= {path.name for path in model.glob("*_hybrid_mtl.py")}
    assert "handler.py" in copied and (tmp_path / "space/model/figures/mood.png").is_file()
    assert not copied & {"run_config.yaml", "training_args.bin", "checkpoint-1"}
    package = tmp_path / "space/hybrid_mtl_app"
    assert sorted(path.name for path in package.iterdir()) == [path.name for path in PACKAGE]
    options = options_of(tmp_path / "space/app.py")
    assert options["model"] == "str(HERE / 'model')" and options["title"] == repr(", ".join(TASKS))
    assert options["feedback"] == "None" and options["max_rows"] == "7"
    for path in (tmp_path / "space").rglob("*.py"):
        assert str(tmp_path) not in path.read_text()


def test_the_metadata_is_what_the_hub_reads(model, tmp_path):
    repo = "me/my-feedback"
    options = AppOptions(str(model), title="A: title", feedback_repo=repo)
    write_space(tmp_path / "space", options)
    card = RepoCard.load(
        tmp_path / "space/README.md", repo_type="space", ignore_metadata_errors=False
    )
    data = card.data.to_dict()
    assert data["title"] == "A: title" and data["app_file"] == "app.py" and data["sdk"] == "gradio"
    assert data["sdk_version"] == space.REQUIREMENTS["gradio"] and data["datasets"] == [repo]
    assert f"`{repo}`" in card.text and "HF_TOKEN" in card.text
    written = options_of(tmp_path / "space/app.py")
    assert (written["feedback"], written["feedback_repo"]) == ("HERE / 'feedback'", repr(repo))
    assert written["feedback_public"] == "False"


def test_the_requirements_are_the_tested_versions(model, tmp_path):
    write_space(tmp_path / "space", AppOptions(str(model)))
    source, *lines = (tmp_path / "space/requirements.txt").read_text().splitlines()
    assert source == "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert set(lines) <= set((ROOT / "constraints.txt").read_text().splitlines())
    assert {line.split("==")[0] for line in lines} == {
        "gradio", "huggingface_hub", "starlette", "torch", "transformers",
    }  # fmt: skip


def test_a_model_of_the_hub_is_named_with_its_commit(tmp_path, monkeypatch):
    requests = []

    def model_info(self, repo, revision=None):
        requests.append((repo, revision))
        return SimpleNamespace(sha="f" * 40)

    monkeypatch.setattr(space.HfApi, "model_info", model_info)
    write_space(tmp_path / "space", AppOptions("me/my-model", revision="v1"))
    assert requests == [("me/my-model", "v1")]
    options = options_of(tmp_path / "space/app.py")
    assert (options["model"], options["revision"]) == ("'me/my-model'", repr("f" * 40))
    assert not (tmp_path / "space/model").exists()
    data = RepoCard.load(tmp_path / "space/README.md", repo_type="space").data.to_dict()
    assert data["models"] == ["me/my-model"]


def test_what_cannot_be_written_is_refused_and_leaves_nothing(model, tmp_path, monkeypatch):
    full = tmp_path / "full"
    full.mkdir()
    (full / "README.md").write_text("mine")
    with pytest.raises(InputError, match="full' already exists; choose a new folder"):
        write_space(full, AppOptions(str(model)))
    (model / "config.json").unlink()
    with pytest.raises(InputError, match="does not contain a trained hybrid-mtl model"):
        write_space(tmp_path / "space", AppOptions(str(model)))
    with pytest.raises(InputError, match="only Hub repositories have revisions"):
        write_space(tmp_path / "space", AppOptions(str(model), revision="main"))

    def model_info(self, repo, revision=None):
        answer = httpx.Response(404, request=httpx.Request("GET", "http://hub"))
        raise RepositoryNotFoundError("no such repository", response=answer)

    monkeypatch.setattr(space.HfApi, "model_info", model_info)
    with pytest.raises(InputError, match="there is no folder 'me/nothing', and no Hub"):
        write_space(tmp_path / "space", AppOptions("me/nothing"))
    assert {path.name for path in tmp_path.iterdir()} == {"full", "my-model"}
    assert [path.name for path in full.iterdir()] == ["README.md"]


def test_an_empty_folder_is_taken(model, tmp_path):
    (tmp_path / "space").mkdir()
    write_space(tmp_path / "space", AppOptions(str(model)))
    assert (tmp_path / "space/app.py").is_file()


@pytest.mark.parametrize("source", PACKAGE, ids=lambda path: path.name)
def test_the_package_imports_what_a_space_installs_and_its_own_files(source):
    installed = {*space.REQUIREMENTS, *sys.stdlib_module_names}
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= installed
        elif isinstance(node, ast.ImportFrom) and node.level:
            modules = [node.module] if node.module else [alias.name for alias in node.names]
            assert node.level == 1 and {f"{name}.py" for name in modules} <= {
                p.name for p in PACKAGE
            }
        elif isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] in installed
