"""GitHub's JSON objects, valid by GitHub's OpenAPI description."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.support.github_server.state import Comment, Pull, Repository

Json = dict[str, Any]


def _words(text: str) -> list[str]:
    return text.split()


SOME_TIME = "2026-01-02T03:04:05Z"
REPOSITORY_LINKS = _words(
    "archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads "
    "events forks git_commits git_refs git_tags git issue_comment issue_events issues keys labels languages merges "
    "milestones notifications pulls releases ssh stargazers statuses subscribers subscription tags teams trees clone hooks "
    "svn"
)
USER_LINKS = _words("followers following gists starred subscriptions organizations repos events received_events")


def number_of(text: str) -> int:
    """Return a stable id for a name."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:7], 16) + 1


def user(api: str, login: str) -> Json:
    url = f"{api}/users/{login}".replace("[", "%5B").replace("]", "%5D")
    links = {f"{name}_url": f"{url}/{name}" for name in USER_LINKS}
    return {
        "login": login,
        "id": number_of(login),
        "node_id": f"U_{number_of(login)}",
        "avatar_url": f"{url}/avatar",
        "gravatar_id": "",
        "url": url,
        "html_url": url,
        "type": "Bot" if login.endswith("[bot]") else "User",
        "site_admin": False,
        "user_view_type": "public",
        **links,
    }


def private_user(api: str, login: str) -> Json:
    """Return the authenticated user."""
    texts = dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio"))
    counts = dict.fromkeys(
        _words(
            "public_repos public_gists followers following private_gists total_private_repos owned_private_repos disk_usage "
            "collaborators"
        ),
        0,
    )
    times = {"created_at": SOME_TIME, "updated_at": SOME_TIME}
    private = {"two_factor_authentication": True, "user_view_type": "private"}
    return {**user(api, login), **texts, **counts, **times, **private}


def repository(api: str, item: Repository, *, fork: bool = False) -> Json:
    url = f"{api}/repos/{item.full_name}"
    flags = dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True)
    counts = dict.fromkeys(
        _words("forks forks_count stargazers_count watchers watchers_count open_issues open_issues_count"), 0
    )
    nothing = dict.fromkeys(("description", "homepage", "language", "license", "mirror_url"))
    return {
        "id": number_of(item.full_name),
        "node_id": f"R_{number_of(item.full_name)}",
        "name": item.name,
        "full_name": item.full_name,
        "owner": user(api, item.owner),
        "private": item.private,
        "fork": fork,
        "url": url,
        "html_url": f"{api}/{item.full_name}",
        "default_branch": item.default_branch,
        "size": 1,
        "has_pages": False,
        "has_discussions": False,
        "archived": False,
        "disabled": False,
        "visibility": "private" if item.private else "public",
        **{f"{name}_url": f"{url}/{name}" for name in REPOSITORY_LINKS},
        "clone_url": f"{api}/{item.full_name}.git",
        **dict.fromkeys(("pushed_at", "created_at", "updated_at"), SOME_TIME),
        **flags,
        **counts,
        **nothing,
    }


def full_repository(api: str, item: Repository) -> Json:
    return {**repository(api, item), "network_count": 0, "subscribers_count": 0}


def pull(api: str, item: Pull, base: Repository, comments: int) -> Json:
    url, issue = (
        f"{api}/repos/{item.repository}/pulls/{item.number}",
        f"{api}/repos/{item.repository}/issues/{item.number}",
    )
    html = f"{api}/{item.repository}/pull/{item.number}"
    links = {
        "self": url,
        "html": html,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{api}/repos/{item.repository}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{api}/repos/{item.repository}/statuses/{item.head_sha}",
    }
    nothing = dict.fromkeys(
        ("body", "milestone", "assignee", "auto_merge", "merged_by", "merged_at", "merge_commit_sha")
    )
    counts = dict.fromkeys(("additions", "deletions", "review_comments"), 0)
    return {
        "id": number_of(url),
        "node_id": f"PR_{number_of(url)}",
        "number": item.number,
        "title": f"Pull request {item.number}",
        "state": item.state,
        "locked": item.locked,
        "user": user(api, item.author),
        "labels": [],
        "created_at": SOME_TIME,
        "updated_at": SOME_TIME,
        "closed_at": None if item.state == "open" else SOME_TIME,
        "author_association": "CONTRIBUTOR",
        "draft": False,
        "merged": False,
        "mergeable": None,
        "mergeable_state": "unknown",
        "maintainer_can_modify": False,
        "comments": comments,
        "commits": 1,
        "changed_files": len(item.files),
        **nothing,
        **counts,
        "head": _end(api, item.head_ref, item.head_sha, _head_repository(item, base), item.author, fork=True),
        "base": _end(api, item.base_ref, item.base_sha, base, base.owner, fork=False),
        "_links": {name: {"href": href} for name, href in links.items()},
        **{f"{name}_url": href for name, href in links.items() if name != "self"},
        "url": url,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
    }


def _head_repository(item: Pull, base: Repository) -> Repository | None:
    if item.head_repository == base.full_name:
        return base
    return None if item.head_repository is None else Repository(item.head_repository)


def _end(api: str, ref: str, sha: str, repo: Repository | None, login: str, *, fork: bool) -> Json:
    return {
        "label": f"{repo.owner if repo else login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(api, repo.owner if repo else login),
        "repo": repository(api, repo, fork=fork) if repo else None,
    }


def pull_file(api: str, item: Pull, file: Json) -> Json:
    name, head = file["filename"], item.head_repository or item.repository
    return {
        "sha": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
        "status": "modified",
        "additions": 1,
        "deletions": 1,
        "changes": 2,
        "blob_url": f"{api}/{head}/blob/{item.head_sha}/{number_of(name)}",
        "raw_url": f"{api}/{head}/raw/{item.head_sha}/{number_of(name)}",
        "contents_url": f"{api}/repos/{head}/contents/{number_of(name)}?ref={item.head_sha}",
        "patch": "@@ -1 +1 @@\n-a\n+b",
        **file,
    }


def comment(api: str, item: Comment) -> Json:
    url, issue = (
        f"{api}/repos/{item.repository}/issues/comments/{item.id}",
        f"{api}/repos/{item.repository}/issues/{item.number}",
    )
    kinds = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")
    return {
        "id": item.id,
        "node_id": f"IC_{item.id}",
        "url": url,
        "html_url": f"{api}/{item.repository}/pull/{item.number}#issuecomment-{item.id}",
        "issue_url": issue,
        "user": user(api, item.author) if item.author else None,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "author_association": "NONE",
        "body": item.body,
        "reactions": {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(kinds, 0)},
        "performed_via_github_app": None,
    }
