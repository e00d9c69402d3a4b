"""The folder of a Hugging Face Space: the app and a model, without this project."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import yaml
from huggingface_hub import HfApi, get_token

import trainer.app
from trainer.app.model_title import folder_title
from trainer.app.serve import AppOptions
from trainer.cards.facts import one_line
from trainer.cards.render import in_markdown
from trainer.errors import InputError
from trainer.hub.push_files import publication
from trainer.loading.trained_model import check_whole_models
from trainer.saving.files import check_writable

PACKAGE = "hybrid_mtl_app"
MODEL_FOLDER = "model"
PYTHON_VERSION = "3.11"
# The requirements of the Space: the versions that the app is tested with.
REQUIREMENTS = {
    "gradio": "6.31.0",
    "huggingface_hub": "2.4.0",
    "starlette": "1.10.0",
    "torch": "2.13.0",
    "transformers": "5.23.0",
}
# The index of torch without CUDA, for Spaces on CPUs.
CPU_TORCH = "--extra-index-url https://download.pytorch.org/whl/cpu\n"
# Folders of a published model that predictions do not need.
UNUSED_FOLDERS = ("adapters", "merged")
APP = '''"""The Space's page; see the README."""

from pathlib import Path

from {package}.serve import AppOptions, serve

HERE = Path(__file__).parent

serve(
    AppOptions(
        model={model},
        revision={revision!r},
        title={title!r},
        feedback={feedback},
        feedback_repo={feedback_repo!r},
        feedback_public={feedback_public!r},
        max_rows={max_rows!r},
        # The project is not installed here: the model is loaded with its own code.
        trust_remote_code=True,
    )
)
'''
README = """---
{metadata}---

# {title}

Shows predictions of {model} for one text or two texts, and finds paraphrases in a small corpus.
{feedback}
To run it on your machine: `pip install -r requirements.txt`, then `python app.py`.
"""
WITH_FEEDBACK = """
Corrected predictions are committed to the dataset `{repo}` every few minutes. The Space needs a
secret `HF_TOKEN` with write access to it.
"""


def write_space(target: Path, options: AppOptions) -> None:
    """Write the Space's folder atomically.

    A local model is copied into it; a Hub model is referenced by its current commit.

    Args:
        target: a new or empty folder.
        options: the app's options; feedback goes only to `feedback_repo`, as a Space's disk is not
            persistent.

    Raises:
        InputError: if the folder is not empty or not writable, or there is no such model.
    """
    check_writable(target.absolute().parent, "space")
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"space: '{target}' already exists; choose a new folder")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.absolute().parent))
    try:
        staged.chmod(0o755)
        _fill(staged, options)
        if target.is_dir():
            target.rmdir()
        os.replace(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _fill(folder: Path, options: AppOptions) -> None:
    source = Path(options.model)
    if source.is_dir():
        if options.revision is not None:
            raise InputError(
                f"revision: '{source}' is a folder; only Hub repositories have revisions"
            )
        _copy_model(source, folder / MODEL_FOLDER)
        model, revision = f'str(HERE / "{MODEL_FOLDER}")', None
    else:
        model, revision = repr(options.model), _resolve_commit(options.model, options.revision)
    title = one_line(options.title or _title(source))
    repo = options.feedback_repo
    app = APP.format(
        package=PACKAGE,
        model=model,
        revision=revision,
        title=title,
        feedback='HERE / "feedback"' if repo else None,
        feedback_repo=repo,
        feedback_public=options.feedback_public,
        max_rows=options.max_rows,
    )
    (folder / "app.py").write_text(app, encoding="utf-8")
    (folder / "requirements.txt").write_text(
        CPU_TORCH + "".join(f"{name}=={version}\n" for name, version in REQUIREMENTS.items())
    )
    (folder / "README.md").write_text(_readme(title, options, revision), encoding="utf-8")
    package = Path(trainer.app.__file__).parent
    shutil.copytree(package, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))


def _copy_model(source: Path, target: Path) -> None:
    """Copy the files that a push would publish, with the same checks."""
    files = publication(source, get_token()).files
    check_whole_models(source)
    for name, path in files.items():
        if name.split("/")[0] not in UNUSED_FOLDERS:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)


def _resolve_commit(repo: str, revision: str | None) -> str | None:
    """Return the current commit of a revision of a Hub repository."""
    try:
        return HfApi().model_info(repo, revision=revision).sha
    except Exception as error:  # network, access and name errors have unrelated types
        raise InputError(
            f"there is no folder '{repo}', and no Hub model of that name: {error}"
        ) from error


def _title(source: Path) -> str:
    """Return the title of a model's card, or the name of its repository."""
    if not source.is_dir():
        return source.name
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    return folder_title(source, config["tasks"])


def _readme(title: str, options: AppOptions, revision: str | None) -> str:
    metadata = {
        "title": title,
        "emoji": "⚖️",
        "colorFrom": "blue",
        "colorTo": "green",
        "sdk": "gradio",
        "sdk_version": REQUIREMENTS["gradio"],
        "python_version": PYTHON_VERSION,
        "app_file": "app.py",
        "pinned": False,
    }
    model = f"the model in `{MODEL_FOLDER}/`"
    if revision is not None:
        metadata["models"] = [options.model]
        model = f"`{options.model}` (commit `{revision}`)"
    repo = options.feedback_repo
    if repo:
        metadata["datasets"] = [repo]
    return README.format(
        metadata=yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True),
        title=in_markdown(title),
        model=model,
        feedback=WITH_FEEDBACK.format(repo=repo) if repo else "",
    )
