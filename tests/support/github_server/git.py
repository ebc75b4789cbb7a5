"""Git behind the server: comparing commits, and smart HTTP through ``git http-backend``."""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.support.github_server.objects import Json, user
from tests.support.github_server.state import Repository

SERVICES = ("/info/refs", "/git-upload-pack")


@dataclass
class GitRequest:
    method: str
    path: str
    """Below the repository, e.g. ``/info/refs``."""
    query: str
    headers: dict[str, str]
    body: bytes


def smart_http(repository: Repository, request: GitRequest) -> tuple[int, dict[str, str], bytes]:
    """Serve a fetch as GitHub does: by any commit's SHA, and with partial clones."""
    if repository.git is None or request.path not in SERVICES or "git-receive-pack" in request.query:
        return 403, {"content-type": "text/plain"}, b"This server is for fetching only.\n"
    settings = {"uploadpack.allowAnySHA1InWant": "true", "uploadpack.allowFilter": "true", "safe.directory": "*"}
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": repository.git,
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "GIT_CONFIG_COUNT": str(len(settings)),
        **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(settings)},
        **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(settings.values())},
    }
    done = subprocess.run(["git", "http-backend"], input=request.body, env=environment, check=True, capture_output=True)
    return _cgi(done.stdout)


def _cgi(output: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = output.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n"))
    headers = {name.lower(): value for name, value in headers.items()}
    return int(headers.pop("status", "200").split()[0]), headers, body


def compare(api: str, repository: Repository, base: str, head: str, *, page: int, per_page: int) -> Json | None:
    """Return the comparison of two commits, or None without a common ancestor or commit."""
    merge_base = _git(repository, "merge-base", base, head)
    if merge_base is None:
        return None
    url = f"{api}/repos/{repository.full_name}/compare/{base}...{head}"
    ahead = (_git(repository, "rev-list", "--reverse", f"{base}..{head}") or "").split()
    behind = (_git(repository, "rev-list", f"{head}..{base}") or "").split()
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
    shown = ahead[(page - 1) * per_page : page * per_page]
    comparison: Json = {
        **dict.fromkeys(("url", "html_url", "permalink_url", "diff_url", "patch_url"), url),
        "base_commit": _commit(api, repository, base),
        "merge_base_commit": _commit(api, repository, merge_base),
        "status": status[bool(ahead), bool(behind)],
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [_commit(api, repository, sha) for sha in shown],
    }
    if page == 1:  # GitHub lists the files on the first page only, 300 at most
        comparison["files"] = _files(api, repository, merge_base, head)[:300]
    return comparison


def contents(api: str, repository: Repository, path: str, ref: str) -> Json | None:
    """Return a file at a commit, or None if there is no such file. Folders are not served."""
    blob = _git(repository, "rev-parse", "--verify", "--quiet", f"{ref}:{path}")
    text = None if blob is None else _git(repository, "cat-file", "blob", blob)
    if blob is None or text is None:
        return None
    content = f"{text}\n".encode()  # _git takes the last line's end away
    base = f"{api}/repos/{repository.full_name}"
    url = f"{base}/contents/{path}?ref={ref}"
    return {
        "type": "file",
        "encoding": "base64",
        "size": len(content),
        "name": path.rpartition("/")[2],
        "path": path,
        "content": base64.encodebytes(content).decode(),
        "sha": blob,
        **dict.fromkeys(("url", "html_url", "download_url"), url),
        "git_url": f"{base}/git/blobs/{blob}",
        "_links": {"self": url, "git": f"{base}/git/blobs/{blob}", "html": url},
    }


def _commit(api: str, repository: Repository, name: str) -> Json:
    shown = _git(repository, "show", "-s", "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%B", name) or ""
    sha, tree, parents, author, email, date, message = shown.split("\x00", 6)
    url = f"{api}/repos/{repository.full_name}/commits"
    person = {"name": author, "email": email, "date": date}
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": f"{url}/{sha}",
        "html_url": f"{url}/{sha}",
        "comments_url": f"{url}/{sha}/comments",
        "commit": {
            "url": f"{url}/{sha}",
            "author": person,
            "committer": person,
            "message": message.strip(),
            "comment_count": 0,
            "tree": {"sha": tree, "url": f"{url}/{tree}"},
        },
        **dict.fromkeys(("author", "committer"), user(api, "octocat")),
        "parents": [{"sha": parent, "url": f"{url}/{parent}"} for parent in parents.split()],
    }


def _files(api: str, repository: Repository, base: str, head: str) -> list[dict[str, Any]]:
    words = (_git(repository, "diff", "--raw", "--no-abbrev", "--no-renames", "-z", base, head) or "").split("\x00")
    kinds = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
    url = f"{api}/repos/{repository.full_name}/contents"
    return [
        {
            "sha": facts.split()[3],
            "filename": name,
            "status": kinds[facts.split()[4]],
            **dict.fromkeys(("additions", "deletions", "changes"), 0),
            **dict.fromkeys(("blob_url", "raw_url", "contents_url"), f"{url}/{facts.split()[3]}"),
        }
        for facts, name in zip(words[::2], words[1::2], strict=False)
    ]


def _git(repository: Repository, *arguments: str) -> str | None:
    if repository.git is None:
        return None
    command = ["git", "-c", "safe.directory=*", "-C", repository.git, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip("\n") if done.returncode == 0 else None
