"""The routes of the Hub look-alike, which map requests to operations of the store."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tests.hub.lookalike.store import LFS_SUFFIXES, Commit, File, HubError, Repo, User

if TYPE_CHECKING:
    from tests.hub.lookalike.server import HubLookalike

DATE = "2026-01-02T03:04:05.000Z"
KIND = r"/api/(?P<kind>models|datasets|spaces)"
ID = r"(?P<id>[^/]+/[^/]+)"
REVISION = r"(?P<revision>[^/]+)"
ROUTES: list[tuple[str, str, Callable[[Request], Answer]]] = []


@dataclass
class Request:
    """A parsed request: its user, the parts of the path, and the rest."""

    hub: HubLookalike
    user: User | None
    parts: Mapping[str, str]
    query: Mapping[str, Any]
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def known_user(self) -> User:
        if self.user is None:
            raise HubError(401, None, "Invalid username or password.")
        return self.user

    def repo(self) -> Repo:
        """Return the repository of the path, if this user has read access."""
        kind = self.parts.get("kind") or "models"
        repo = self.hub.repos.get((kind, self.parts["id"]))
        mine = repo and self.user and repo.namespace in (self.user.name, *self.user.orgs)
        if repo is None or (repo.private and not mine):
            status = 401 if self.user is None else 404
            raise HubError(status, "RepoNotFound", "Repository not found")
        return repo

    def own_repo(self) -> Repo:
        """Return the repository of the path, if this user has write access."""
        user, repo = self.known_user(), self.repo()
        if not user.may_write(repo.namespace):
            raise HubError(403, None, "You don't have the required permissions to write here")
        return repo


@dataclass
class Answer:
    """Status, content (bytes or JSON-serializable) and headers of a response."""

    status: int
    content: Any = b""
    headers: dict[str, str] | None = None


def route(method: str, pattern: str) -> Callable:
    def register(function: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        ROUTES.append((method, pattern, function))
        return function

    return register


@route("GET", "/api/whoami-v2")
def who_am_i(request: Request) -> Answer:
    user = request.known_user()
    orgs = [{"name": name, "type": "org"} for name in user.orgs]
    auth = {"type": "access_token", "accessToken": {"displayName": "test", "role": user.role}}
    return Answer(200, {"type": "user", "name": user.name, "orgs": orgs, "auth": auth})


@route("POST", "/api/repos/create")
def create_repo(request: Request) -> Answer:
    user, wanted = request.known_user(), request.json
    namespace = wanted.get("organization") or user.name
    kind = wanted.get("type", "model") + "s"
    name = f"{namespace}/{wanted['name']}"
    url = f"{request.hub.url}/{'' if kind == 'models' else kind + '/'}{name}"
    if not user.may_write(namespace):
        raise HubError(403, None, f"You don't have the rights to create a {kind} under {namespace}")
    if (kind, name) in request.hub.repos:
        return Answer(409, {"error": "You already created this model repo", "url": url})
    private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    request.hub.repos[kind, name] = Repo(kind, name, private)
    return Answer(200, {"url": url, "name": name})


@route("POST", "/api/validate-yaml")
def validate_yaml(request: Request) -> Answer:
    found = re.match(r"---\n(.*?)\n---", request.json["content"], re.DOTALL)
    try:
        metadata = yaml.safe_load(found.group(1)) if found else {}
        wrong = None if isinstance(metadata, dict) else "is no mapping"
    except yaml.YAMLError as error:
        wrong = str(error)
    if wrong:
        return Answer(400, {"errors": [{"message": wrong}], "warnings": []})
    warnings = [] if metadata else [{"message": "empty or missing yaml metadata in repo card"}]
    return Answer(200, {"errors": [], "warnings": warnings})


@route("GET", f"{KIND}/{ID}/auth-check(?P<write>/write)?")
def auth_check(request: Request) -> Answer:
    if request.parts["write"]:
        request.own_repo()
    else:
        request.repo()
    return Answer(200, {})


@route("GET", f"{KIND}/{ID}(/revision/{REVISION})?")
def repo_info(request: Request) -> Answer:
    repo = request.repo()
    commit = repo.at(request.parts["revision"] or "main")
    info = {
        "id": repo.id,
        "modelId": repo.id,
        "sha": commit.oid,
        "private": repo.private,
        "lastModified": DATE,
        "tags": [],
        "siblings": [{"rfilename": path} for path in sorted(commit.files)],
    }
    return Answer(200, info)


@route("GET", f"{KIND}/{ID}/refs")
def refs(request: Request) -> Answer:
    repo = request.repo()
    named = {"branches": repo.branches, "tags": repo.tags}
    prefix = {"branches": "refs/heads/", "tags": "refs/tags/"}
    found: dict[str, list] = {
        sort: [
            {"name": name, "ref": prefix[sort] + name, "targetCommit": oid}
            for name, oid in names.items()
        ]
        for sort, names in named.items()
    }
    return Answer(200, {**found, "converts": []})


@route("POST", f"{KIND}/{ID}/branch/(?P<name>.+)")
def create_branch(request: Request) -> Answer:
    repo, name = request.own_repo(), request.parts["name"]
    if name in repo.branches:
        raise HubError(409, None, "Reference already exists")
    start = (json.loads(request.body or b"{}")).get("startingPoint", "main")
    repo.branches[name] = repo.at(start).oid
    return Answer(200, {})


@route("GET", f"{KIND}/{ID}/tree/{REVISION}(/(?P<path>.*))?")
def tree(request: Request) -> Answer:
    commit, inside = request.repo().at(request.parts["revision"]), request.parts["path"]
    entries = [
        _entry(path, file)
        for path, file in sorted(commit.files.items())
        if not inside or path == inside or path.startswith(inside + "/")
    ]
    if request.query.get("recursive", ["false"])[0].lower() != "true":
        start = len(inside) + 1 if inside else 0
        folders = {e["path"][start:].split("/")[0] for e in entries if "/" in e["path"][start:]}
        entries = [e for e in entries if "/" not in e["path"][start:]]
        entries += [
            {"type": "directory", "path": f"{inside}/{name}".lstrip("/"), "oid": "0" * 40}
            for name in sorted(folders)
        ]
    return Answer(200, entries)


def _entry(path: str, file: File) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "size": len(file.content), "oid": file.oid}
    if file.is_lfs:
        size = len(file.content)
        entry["lfs"] = {"oid": file.sha256, "size": size, "pointerSize": 130}
    return entry


@route("GET", f"{KIND}/{ID}/commits/{REVISION}")
def commits(request: Request) -> Answer:
    history = request.repo().history(request.parts["revision"])
    return Answer(200, [_account(commit) for commit in history])


def _account(commit: Commit) -> dict[str, Any]:
    authors = [{"user": commit.author}]
    account = {"id": commit.oid, "title": commit.title, "message": "", "date": DATE}
    return {**account, "authors": authors}


@route("POST", f"{KIND}/{ID}/preupload/{REVISION}")
def preupload(request: Request) -> Answer:
    repo = request.repo() if "create_pr" in request.query else request.own_repo()
    request.known_user()
    there = repo.at(request.parts["revision"]).files
    files = []
    for wanted in request.json["files"]:
        path = wanted["path"]
        mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
        oid = there[path].oid if path in there else None
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return Answer(200, {"files": files})


@route("POST", rf"/((?P<kind>datasets|spaces)/)?{ID}\.git/info/lfs/objects/batch")
def lfs_batch(request: Request) -> Answer:
    request.known_user()
    # A pull request has no branch, and requires no write access.
    request.own_repo() if "ref" in request.json else request.repo()
    objects = []
    for wanted in request.json["objects"]:
        entry: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] not in request.hub.blobs:
            entry["actions"] = {"upload": {"href": f"{request.hub.url}/lfs/{wanted['oid']}"}}
        objects.append(entry)
    return Answer(200, {"transfer": "basic", "objects": objects})


@route("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})")
def lfs_upload(request: Request) -> Answer:
    if hashlib.sha256(request.body).hexdigest() != request.parts["oid"]:
        raise HubError(400, None, "the content is not what its hash says")
    request.hub.blobs[request.parts["oid"]] = request.body
    return Answer(200)


@route("POST", f"{KIND}/{ID}/commit/{REVISION}")
def commit(request: Request) -> Answer:
    is_request = "create_pr" in request.query
    repo = request.repo() if is_request else request.own_repo()
    lines = [json.loads(line) for line in request.body.splitlines()]
    made = repo.commit(
        request.parts["revision"],
        lines,
        request.known_user().name,
        request.hub.blobs,
        pr=is_request,
    )
    url = f"{request.hub.url}/{repo.id}"
    answer = {"success": True, "commitOid": made.oid, "commitUrl": f"{url}/commit/{made.oid}"}
    if is_request:
        answer["pullRequestUrl"] = f"{url}/discussions/{len(repo.pull_requests)}"
    return Answer(200, answer)


@route("GET|HEAD", rf"/((?P<kind>datasets|spaces)/)?{ID}/resolve/{REVISION}/(?P<path>.+)")
def resolve(request: Request) -> Answer:
    found = request.repo().at(request.parts["revision"])
    headers = {"X-Repo-Commit": found.oid}
    file = found.files.get(request.parts["path"])
    if file is None:
        headers.update({"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        return Answer(404, {"error": "Entry not found"}, headers)
    headers.update({"ETag": f'"{file.oid}"', "Accept-Ranges": "bytes"})
    start = re.match(r"bytes=(\d+)-$", request.headers.get("Range", ""))
    if start and int(start[1]):
        size = len(file.content)
        headers["Content-Range"] = f"bytes {start[1]}-{size - 1}/{size}"
        return Answer(206, file.content[int(start[1]) :], headers)
    return Answer(200, file.content, headers)
