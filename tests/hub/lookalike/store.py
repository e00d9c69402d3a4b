"""The users, repositories, commits, branches and pull requests of the Hub look-alike."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".onnx", ".png", ".gz", ".parquet")


class HubError(Exception):
    """An error response in the Hub's wording.

    Attributes:
        status: of the HTTP answer.
        code: the header `X-Error-Code`, which clients tell errors apart by.
        message: the header `X-Error-Message`.
    """

    def __init__(self, status: int, code: str | None, message: str):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class User:
    """A user with one token."""

    name: str
    orgs: tuple[str, ...] = ()
    role: str = "write"

    def may_write(self, namespace: str) -> bool:
        return self.role == "write" and namespace in (self.name, *self.orgs)


@dataclass(frozen=True)
class File:
    """A file of a commit."""

    content: bytes
    is_lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def oid(self) -> str:
        """Return the hash that clients compare: git's, or the content's for LFS."""
        if self.is_lfs:
            return self.sha256
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()


@dataclass(frozen=True)
class Commit:
    """A commit: the complete tree and its parent."""

    oid: str
    parent: str | None
    title: str
    author: str
    files: dict[str, File]


@dataclass
class Repo:
    """A repository, whose initial commit holds `.gitattributes`."""

    kind: str
    id: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pull_requests: list[str] = field(default_factory=list)

    def __post_init__(self):
        attributes = "".join(f"*{suffix} filter=lfs\n" for suffix in LFS_SUFFIXES)
        first = {".gitattributes": File(attributes.encode(), False)}
        self.branches["main"] = self.add(None, "initial commit", "hub", first).oid

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    def add(self, parent: str | None, title: str, author: str, files: dict[str, File]) -> Commit:
        seed = f"{self.kind}/{self.id}/{parent}/{title}/{len(self.commits)}"
        commit = Commit(hashlib.sha1(seed.encode()).hexdigest(), parent, title, author, files)
        self.commits[commit.oid] = commit
        return commit

    def at(self, revision: str) -> Commit:
        """Return the commit of a branch, a tag, a pull request or a (short) hash."""
        oid = self.refs().get(revision) or self.tags.get(revision)
        if oid is None and len(revision) >= 7:
            oid = next((o for o in self.commits if o.startswith(revision)), None)
        if oid is None:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return self.commits[oid]

    def refs(self) -> dict[str, str]:
        """Return each ref that can be committed to -> its newest commit."""
        requests = {f"refs/pr/{n}": oid for n, oid in enumerate(self.pull_requests, start=1)}
        return {**self.branches, **requests}

    def history(self, revision: str) -> list[Commit]:
        """Return the commits of a revision, newest first."""
        found = [self.at(revision)]
        while found[-1].parent is not None:
            found.append(self.commits[found[-1].parent])
        return found

    def commit(
        self,
        revision: str,
        lines: list[dict[str, Any]],
        author: str,
        blobs: dict[str, bytes],
        pr: bool,
    ) -> Commit:
        """Apply the lines of a commit request; a pull request does not change the branch."""
        if revision not in self.refs():
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        head = self.at(revision)
        header = lines[0]["value"]
        if header.get("parentCommit") not in (None, head.oid) and not pr:
            raise HubError(412, None, "A commit has happened since. Please refresh and try again.")
        files = dict(head.files)
        for line in lines[1:]:
            _apply(files, line["key"], line["value"], blobs)
        commit = self.add(head.oid, header["summary"], author, files)
        if pr:
            self.pull_requests.append(commit.oid)
        elif revision.startswith("refs/pr/"):
            self.pull_requests[int(revision.split("/")[-1]) - 1] = commit.oid
        else:
            self.branches[revision] = commit.oid
        return commit


def _apply(
    files: dict[str, File], key: str, value: dict[str, Any], blobs: dict[str, bytes]
) -> None:
    path = value["path"]
    if key == "file":
        files[path] = File(base64.b64decode(value["content"]), False)
    elif key == "lfsFile":
        if value["oid"] not in blobs:
            raise HubError(400, None, f"LFS object of {path} was not uploaded")
        files[path] = File(blobs[value["oid"]], True)
    elif key == "deletedFile":
        if files.pop(path, None) is None:
            raise HubError(404, "EntryNotFound", "A file with this name doesn't exist")
    elif key == "deletedFolder":
        for name in [name for name in files if name.startswith(path.rstrip("/") + "/")]:
            del files[name]
    else:
        raise HubError(400, None, f"unknown operation {key}")
