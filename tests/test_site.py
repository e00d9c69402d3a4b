"""The README and the pages: every link, command, option and block of code is valid."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs_blocks import ROOT, blocks
from trainer.cli.commands import COMMANDS
from trainer.cli.option_help import read_index
from trainer.config.packaged_configs import packaged_configs

DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
DOCUMENTS = [*PAGES, "../README.md"]
# Run as they stand, by the tests named here or by this one.
API = [page for page in PAGES if page.startswith("api/") and page != "api/index.md"]


def text_of(document):
    return (DOCS / document).resolve().read_text(encoding="utf-8")


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200 and len(README.split()) <= 1200


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files(document):
    """Those within the site, with their sections, are also checked when it is built."""
    text = re.sub(r"^```.*?^```", "", text_of(document), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    local = [link for link in links if not link.startswith(("http://", "https://"))]
    folder = (DOCS / document).resolve().parent
    folder = ROOT if document == "changelog.md" else folder
    missing = [link for link in local if not (folder / link).exists()]
    # The list of a site's pages is beside them.
    assert [link for link in missing if link != "llms.txt"] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_and_targets_that_are_named_exist(document):
    text = text_of(document)
    folders = "configs|docs|modeling_hybrid_mtl|scripts|tests|trainer/data/sample"
    named = re.findall(rf"(?<![\w/.-])((?:{folders})/[\w./-]*\w)", text)
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []
    (phony,) = re.findall(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= set(phony.split())


def commands_of(document):
    """Yield the arguments of each `hybrid-mtl` in blocks of a shell and in code within text."""
    text = text_of(document)
    lines = [
        line
        for block in blocks(document, "bash")
        for line in re.sub(r"<<'END'.*?^END$", "", block, flags=re.DOTALL | re.MULTILINE)
        .replace("\\\n", " ")
        .splitlines()
    ]
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += [code.replace("\n", " ") for code in re.findall(r"`(hybrid-mtl [^`]+)`", text)]
    for line in lines:
        words = shlex.split(line, comments=True)
        starts = [i for i, word in enumerate(words) if word == "hybrid-mtl"]
        starts += [i + 1 for i in range(len(words) - 1) if words[i : i + 2] == ["-m", "trainer"]]
        for start in starts:
            rest = words[start + 1 :]
            ends = [i for i, word in enumerate(rest) if word in ("&", ">", "|", "&&", ";")]
            yield rest[: ends[0]] if ends else rest


def known_options(name):
    """The options of a command; those of training, which a preview has too, are in its index."""
    module = COMMANDS[name].load()
    if hasattr(module, "create_parser") and name != "preview-augmentation":
        return {o for a in module.create_parser()._actions for o in a.option_strings}
    index = read_index()
    names = [entry["name"] for entries in index["groups"].values() for entry in entries]
    return {
        f"--{name}" for name in ("help", "help-all", "init", "data", *names, *index["study_keys"])
    }


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_and_their_options_exist(document):
    for words in commands_of(document):
        name, *rest = words or ["--help"]
        if name.startswith("-") or not re.fullmatch(r"[a-z-]+", name):
            continue  # such as COMMAND
        assert name in COMMANDS, words
        known = known_options(name)
        for word in rest:
            option = word.partition("=")[0]
            if option.startswith("--") and not option.startswith(("--tasks.", "--phases.")):
                assert option in known, f"{document}: hybrid-mtl {' '.join(words)}"
        is_packaged = name in ("train", "evaluate", "search") and rest[:1]
        if is_packaged and re.fullmatch(r"[a-z_]+", rest[0]):
            assert rest[0] in packaged_configs(), words


@pytest.mark.parametrize("document", DOCUMENTS)
def test_code_is_valid(document):
    for block in blocks(document, "python"):
        compile(block, document, "exec")
    for block in blocks(document, "yaml"):
        assert yaml.safe_load(block) is not None


@pytest.mark.parametrize("document", API)
def test_examples_of_the_api_give_what_their_comments_say(document):
    (block,) = blocks(document, "python")
    names: dict = {}
    exec(block, names)
    last, _, said = block.strip().splitlines()[-1].partition("  # ")
    assert eval(last, names) == eval(said)


def test_every_configuration_is_shown():
    text = text_of("configurations.md")
    assert [name for name in packaged_configs() if f"../configs/{name}.yaml" not in text] == []


def test_the_list_for_language_models_names_pages():
    links = re.findall(r"\]\(([^)]+)\.html\)", (DOCS / "llms.txt").read_text())
    assert links and [link for link in links if not (DOCS / f"{link}.md").exists()] == []


@pytest.mark.slow
def test_the_site_is_built_without_warnings_and_loads_nothing_from_other_sites(tmp_path):
    pytest.importorskip("furo", reason="the extra 'docs' is not installed")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
        + [str(DOCS), str(tmp_path / "site")],
        check=True,
        cwd=ROOT,
    )
    for page in PAGES:
        html = (tmp_path / "site" / Path(page).with_suffix(".html")).read_text()
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="(?:https?:)?//[^"]*"', html)
        loaded += re.findall(r'<link[^>]*rel="stylesheet"[^>]*href="(?:https?:)?//[^"]*"', html)
        assert loaded == [], page
    index = (tmp_path / "site/searchindex.js").read_text()
    assert '"pcgrad"' in index and (tmp_path / "site/llms.txt").is_file()
