"""Pushes from this process to the look-alike; from others: test_loads_everywhere."""

import json
import shutil
from types import SimpleNamespace

import pytest

from tests.cards.toy_cards import FACTS
from tests.hub.folders import CARD, model_folder
from trainer.cards import facts_to_json, write_card
from trainer.errors import InputError
from trainer.hub import push as pushing
from trainer.hub import push_errors
from trainer.hub.push import Destination, check_destination, push, stale_files
from trainer.runs.train import publish


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("made") / "model", adapters=("mood", "near"))


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    monkeypatch.setattr(pushing, "RETRY_DELAYS", (0, 0, 0))
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    shutil.copytree(made, tmp_path / "model")
    return tmp_path / "model"


def push_to(folder, repo="me/model", message=pushing.MESSAGE, **options):
    return push(folder, check_destination(Destination(repo, **options)), message)


class TestPushing:
    def test_the_repository_holds_the_folder(self, hub, me, folder):
        address = push_to(folder, message="the first")
        files = hub.files("me/model")
        newest, initial = hub.history("me/model")
        assert newest.title == "the first" and address.endswith(newest.oid)
        assert initial.title == "initial commit"
        for name in ("model.safetensors", "handler.py", "README.md", "figures/mood.png"):
            assert files[name] == (folder / name).read_bytes()
        assert not any(name.endswith((".bin", ".pt", ".yaml")) for name in files)

    def test_a_name_alone_is_the_user_s_own(self, hub, me, folder):
        push_to(folder, "model")
        assert "model.safetensors" in hub.files("me/model")

    def test_the_clubs_repositories_are_open(self, hub, me, folder):
        push_to(folder, "club/model")
        assert "model.safetensors" in hub.files("club/model")

    def test_a_new_repository_is_private_when_asked(self, hub, me, folder):
        push_to(folder, private=True)
        assert hub.repo("me/model").private
        push_to(folder, "me/other")
        assert not hub.repo("me/other").private

    def test_stale_files_are_deleted_and_others_stay(self, hub, me, folder):
        push_to(folder)
        repo = hub.repo("me/model")
        head = repo.at("main")
        repo.branches["main"] = repo.add(
            head.oid, "by hand", "me", {**head.files, "NOTES.md": head.files["README.md"]}
        ).oid
        shutil.rmtree(folder / "adapters" / "near")
        (folder / "metrics.json").unlink()
        push_to(folder)
        files = hub.files("me/model")
        assert "adapters/mood/adapter_config.json" in files
        assert not any(name.startswith("adapters/near") for name in files)
        assert "metrics.json" not in files
        assert files["NOTES.md"] == CARD.encode() and ".gitattributes" in files

    def test_an_unchanged_folder_makes_no_commit(self, hub, me, folder):
        push_to(folder)
        push_to(folder)
        assert len(hub.history("me/model")) == 2

    def test_a_branch_is_pushed_to(self, hub, me, folder):
        push_to(folder)
        hub.repo("me/model").branches["dev"] = hub.repo("me/model").branches["main"]
        (folder / "metrics.json").write_text("{}")
        push_to(folder, revision="dev")
        assert hub.files("me/model", "dev")["metrics.json"] == b"{}"
        assert hub.files("me/model")["metrics.json"] != b"{}"

    def test_a_pull_request_leaves_the_branch_alone(self, hub, me, folder, monkeypatch):
        push_to(folder)
        monkeypatch.setenv("HF_TOKEN", hub.add_user("guest"))
        (folder / "metrics.json").write_text("{}")
        address = push_to(folder, create_pr=True)
        assert address == f"{hub.url}/me/model/discussions/1"
        assert hub.files("me/model")["metrics.json"] != b"{}"
        assert hub.files("me/model", "refs/pr/1")["metrics.json"] == b"{}"

    def test_the_published_card_names_the_repository(self, hub, me, folder):
        facts_to_json(FACTS, folder / "card_facts.json")
        write_card(FACTS, folder / "README.md")
        push_to(folder)
        assert b'repo = "me/model"' in hub.files("me/model")["README.md"]
        assert "card_facts.json" not in hub.files("me/model")

    def test_a_card_that_was_edited_is_published_as_it_is(self, hub, me, folder):
        facts_to_json(FACTS, folder / "card_facts.json")
        push_to(folder)
        assert hub.files("me/model")["README.md"] == CARD.encode()


class TestFailuresOnTheWay:
    @pytest.mark.parametrize("drop", ["before", "half", "after"])
    @pytest.mark.parametrize(
        "method, path", [("POST", "/commit/"), ("PUT", "/lfs/"), ("POST", "/preupload/")]
    )
    def test_a_lost_connection_is_retried(self, hub, me, folder, method, path, drop):
        hub.fail(method, path, drop=drop)
        push_to(folder)
        assert hub.files("me/model")["metrics.json"] == (folder / "metrics.json").read_bytes()
        assert len(hub.history("me/model")) == 2

    def test_an_upload_of_weights_that_fails_is_one_message(self, hub, me, folder, monkeypatch):
        def fail(*arguments, **options):
            raise ConnectionError("Request error: 404 Not Found")  # as hf_xet does

        monkeypatch.setattr("trainer.hub.push.RETRY_DELAYS", (0, 0))
        monkeypatch.setattr("trainer.hub.push.HfApi.create_commit", fail)
        with pytest.raises(InputError, match="connection to .* failed .*404.*push again"):
            push_to(folder)

    @pytest.mark.parametrize("status", [500, 503, 429, 412])
    def test_a_transient_refusal_is_retried(self, hub, me, folder, status):
        hub.fail("POST", "/commit/", status=status, times=2)
        push_to(folder)
        assert hub.count("POST", "/commit/") == 3

    def test_what_was_uploaded_is_not_sent_again(self, hub, me, folder):
        hub.fail("POST", "/commit/", status=503, times=4)
        with pytest.raises(InputError, match="refused with status 503.*push again"):
            push_to(folder)
        assert list(hub.files("me/model")) == [".gitattributes"]
        uploads = hub.count("PUT", "/lfs/")
        push_to(folder)
        assert hub.count("PUT", "/lfs/") == uploads == 4
        assert "model.safetensors" in hub.files("me/model")

    def test_somebody_else_s_commit_is_not_undone(self, hub, me, folder, monkeypatch):
        push_to(folder)
        (folder / "metrics.json").write_text("{}")
        repo, look = hub.repo("me/model"), pushing.HfApi.model_info

        def and_then_somebody_commits(self, *args, **options):
            found = look(self, *args, **options)
            if len(hub.history("me/model")) == 2 and hub.count("POST", "/preupload/") == 1:
                head = repo.at("main")
                files = {**head.files, "NOTES.md": head.files["README.md"]}
                repo.branches["main"] = repo.add(head.oid, "meanwhile", "you", files).oid
            return found

        where = check_destination(Destination("me/model"))
        monkeypatch.setattr(pushing.HfApi, "model_info", and_then_somebody_commits)
        push(folder, where)
        assert hub.files("me/model")["metrics.json"] == b"{}"
        assert "NOTES.md" in hub.files("me/model")
        assert [commit.title for commit in hub.history("me/model")][1] == "meanwhile"

    def test_a_pull_request_is_never_made_twice(self, hub, me, folder):
        push_to(folder)
        (folder / "metrics.json").write_text("{}")
        hub.fail("POST", "/commit/", drop="after")
        with pytest.raises(InputError, match="check the pull requests"):
            push_to(folder, create_pr=True)
        assert len(hub.repo("me/model").pull_requests) == 1


class TestAtTheEndOfARun:
    @pytest.fixture
    def args(self, folder, tmp_path):
        return SimpleNamespace(
            output_dir=str(folder),
            hub_model_id="me/run",
            hub_revision=None,
            hub_private_repo=True,
            hub_token=None,
        )

    def test_it_is_published(self, hub, me, folder, args, capsys):
        publish(folder, args)
        assert hub.repo("me/run").private and "model.safetensors" in hub.files("me/run")
        assert f"published: {hub.url}/me/run/commit/" in capsys.readouterr().out

    @pytest.mark.parametrize("method, path", [("POST", "/commit/"), ("GET", "/whoami")])
    def test_a_failure_says_how_to_go_on(self, hub, me, folder, args, method, path):
        hub.fail(method, path, status=400)
        with pytest.raises(InputError, match=f"publish it with hybrid-mtl push {folder} me"):
            publish(folder, args)


def refused(message, folder, *args, **options):
    with pytest.raises(InputError, match=message) as refusal:
        push_to(folder, *args, **options)
    assert "\n" not in str(refusal.value)


class TestRefusals:
    def test_no_token(self, hub, folder):
        refused("log in with `hf auth login`, or set the env", folder)
        assert hub.seen == []

    def test_an_invalid_token(self, hub, folder, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_old")
        refused("token is invalid or expired: .*hf auth login --force", folder)

    def test_a_token_that_may_only_read(self, hub, folder, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", hub.add_user("me", role="read"))
        refused("is read-only; create one with write access", folder)

    def test_a_namespace_of_somebody_else(self, hub, me, folder):
        refused(
            "no permission to create 'you/model'.*create repositories of me, club",
            folder,
            "you/model",
        )
        assert ("models", "you/model") not in hub.repos

    def test_a_repository_of_somebody_else(self, hub, me, folder, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", hub.add_user("you"))
        push_to(folder, "you/model")
        monkeypatch.setenv("HF_TOKEN", me)
        refused("no write access to 'you/model': .*--create_pr", folder, "you/model")

    def test_a_private_repository_of_somebody_else(self, hub, me, folder, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", hub.add_user("you"))
        push_to(folder, "you/model", private=True)
        monkeypatch.setenv("HF_TOKEN", me)
        refused("'you/model', or it is private", folder, "you/model")

    def test_a_revision_that_is_missing(self, hub, me, folder):
        refused("is a new repository and has no branch 'dev'", folder, revision="dev")
        push_to(folder)
        message = r"has no branch 'dev' \(branches: main\); create it with `hf repos branch crea"
        refused(message, folder, revision="dev")
        refused("has no revision 'refs/pr/7'", folder, revision="refs/pr/7")

    def test_a_public_repository_where_a_private_one_is_wanted(self, hub, me, folder):
        push_to(folder)
        refused("exists and is public; make it private in its settings", folder, private=True)

    def test_a_repository_that_holds_another_model(self, hub, me, folder):
        push_to(folder)
        repo = hub.repo("me/model")
        head = repo.at("main")
        other = type(head.files["config.json"])(json.dumps({"model_type": "llama"}).encode(), False)
        files = {**head.files, "config.json": other}
        repo.branches["main"] = repo.add(head.oid, "llama", "me", files).oid
        refused(r"holds another model \(of type llama\)", folder)
        del files["config.json"]
        repo.branches["main"] = repo.add(head.oid, "weights", "me", files).oid
        refused(r"holds another model \(of type unknown\)", folder)

    def test_a_pull_request_without_a_repository(self, hub, me, folder):
        refused("there is no repository 'me/model' to open a pull", folder, create_pr=True)

    def test_a_pull_request_to_a_branch(self, hub, me, folder):
        refused("pull requests are opened against main", folder, create_pr=True, revision="dev")

    @pytest.mark.parametrize("name", ["a/b/c", "me/", "me/a b"])
    def test_an_invalid_name(self, hub, me, folder, name):
        refused("is not a valid repository name", folder, name)

    def test_a_card_that_the_hub_does_not_understand(self, hub, me, folder):
        (folder / "README.md").write_text("---\ntags: [a\n---\n")
        refused("the Hub rejected the model card: .*Correct the folder's README.md", folder)

    def test_no_hub(self, hub, me, folder):
        hub.__exit__()
        refused("the connection to http://127.0.0.1.* failed", folder)

    def test_offline(self, hub, me, folder, monkeypatch):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        refused("HF_HUB_OFFLINE is set", folder)


def test_stale_are_only_files_that_a_push_writes():
    there = ["model.safetensors", "old_hybrid_mtl.py", "adapters/x/adapter_config.json", "a.py"]
    there += ["merged/x/config.json", "LICENSE", ".gitattributes", "figures/deep/a.png"]
    assert stale_files(there, ["model.safetensors"]) == [
        "adapters/x/adapter_config.json",
        "merged/x/config.json",
        "old_hybrid_mtl.py",
    ]


def test_errors_that_are_not_the_hub_s_are_not_translated():
    with pytest.raises(KeyError), push_errors.translate_errors("me/model"):
        raise KeyError("a mistake of ours")
