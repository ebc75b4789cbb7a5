"""Find a container engine: docker, podman, or podman set up on a Debian machine without one.

Such a machine often has no image registry and lower limits than podman's defaults. The base image is then made from
Debian packages under its official name, so that the Dockerfile is built as shipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BASE_IMAGE = "docker.io/library/python:3.11-slim-bookworm"
SUITE = "bookworm"
PACKAGES = ("podman", "runc", "fuse-overlayfs", "uidmap", "conmon", "debootstrap")
"""What podman and the base image need on Debian (crun, podman's first choice, refuses a hybrid cgroup mount)."""
ROOTFS_PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
PIP_SETTINGS = ("index-url", "extra-index-url", "find-links", "trusted-host", "cert", "proxy")
"""The pip settings of this machine that also apply inside a build."""


class EngineError(RuntimeError):
    """No container engine is available. The message says what to do."""


@dataclass(frozen=True)
class Engine:
    """A container engine that builds and runs.

    Args:
        program: ``docker`` or ``podman``.
        environment: variables for its client, on top of this process's.
    """

    program: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run the client, unchecked, with stdout and stderr in one stream."""
        return subprocess.run(
            [self.program, *arguments],
            env={**os.environ, **self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )

    def works(self) -> bool:
        """Return whether the client is installed and reaches an engine."""
        return shutil.which(self.program) is not None and self("info").returncode == 0

    def build(self, tag: str, context: Path, *, timeout: float = 1500) -> None:
        """Build the Dockerfile in ``context`` with the layers of earlier builds.

        Raises:
            EngineError: the build failed; the message ends with its last lines.
        """
        flags = ["--layers", "--pull=never"] if self.program == "podman" else []
        done = self("build", *flags, "--tag", tag, str(context), timeout=timeout)
        if done.returncode != 0:
            raise EngineError(f"{self.program} build failed:\n{done.stdout[-6000:]}")


def find_engine(state: Path) -> Engine:
    """Return an engine that can build from ``BASE_IMAGE``; set one up if needed.

    Args:
        state: a folder for the set-up's files, kept between runs.

    Raises:
        EngineError: no engine, and not root on Debian.
    """
    docker = Engine("docker")
    if docker.works():
        return docker
    if os.geteuid() == 0 and Path("/etc/debian_version").exists():
        return _podman_on_debian(state)
    podman = Engine("podman")
    if podman.works():
        _ensure_pulled(podman)
        return podman
    raise EngineError("The end-to-end tests need docker or podman, or root on Debian to set podman up.")


def _ensure_pulled(podman: Engine) -> None:
    pulled = podman("pull", "--quiet", BASE_IMAGE, timeout=600)
    if pulled.returncode != 0:
        raise EngineError(f"podman cannot pull {BASE_IMAGE}:\n{pulled.stdout}")


def _podman_on_debian(state: Path) -> Engine:
    state.mkdir(parents=True, exist_ok=True)
    if not all(shutil.which(program) for program in ("podman", "runc", "conmon", "debootstrap")):
        _log("installing podman")
        noninteractive = {"DEBIAN_FRONTEND": "noninteractive"}
        _run_checked(["apt-get", "update", "-q"], noninteractive)
        _run_checked(["apt-get", "install", "-yq", "--no-install-recommends", *PACKAGES], noninteractive)
    settings = pip_settings()
    (state / "pip.conf").write_text(pip_conf(settings))
    mounts = [f"{state / 'pip.conf'}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in local_paths(settings))]
    (state / "containers.conf").write_text(containers_conf(mounts))
    podman = Engine(
        "podman",
        {
            "CONTAINERS_CONF": str(state / "containers.conf"),
            "STORAGE_DRIVER": os.environ.get("STORAGE_DRIVER", "overlay"),
        },
    )
    if not podman.works():
        raise EngineError(f"podman does not work here:\n{podman('info').stdout}")
    if (
        podman("image", "exists", BASE_IMAGE).returncode != 0
        and podman("pull", "--quiet", BASE_IMAGE, timeout=600).returncode != 0
    ):
        _import_base_image(podman, state)
    return podman


def _import_base_image(podman: Engine, state: Path) -> None:
    _log(f"no image registry: making {BASE_IMAGE} from Debian packages")
    root = state / "rootfs"
    shutil.rmtree(root, ignore_errors=True)
    _run_checked(
        ["debootstrap", "--variant=minbase", f"--include={ROOTFS_PACKAGES}", SUITE, str(root), debian_mirror()]
    )
    # As in the official image: pip may install over the distribution's packages, and `python` is Python.
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    archive = state / "rootfs.tar"
    _run_checked(
        [
            "tar",
            "-C",
            str(root),
            "--exclude=./proc/*",
            "--exclude=./sys/*",
            "--exclude=./dev/*",
            "-cf",
            str(archive),
            ".",
        ]
    )
    path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    imported = podman("import", "--change", f"ENV {path}", str(archive), BASE_IMAGE, timeout=300)
    archive.unlink()
    shutil.rmtree(root, ignore_errors=True)
    if imported.returncode != 0:
        raise EngineError(f"podman import failed:\n{imported.stdout}")


def debian_mirror() -> str:
    """Return the Debian archive that apt uses for ``SUITE``, or the official one."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)"],
        capture_output=True,
        text=True,
        check=False,
    )
    target = re.search(rf"^{SUITE} main (\S+)$", listed.stdout, re.MULTILINE)
    return target[1] if target else "http://deb.debian.org/debian"


def pip_settings() -> dict[str, str]:
    """Return this machine's pip settings that a build needs, from pip.conf and ``PIP_*`` variables."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    return parse_pip_settings(listed.stdout)


def parse_pip_settings(listing: str) -> dict[str, str]:
    """Parse ``pip config list``, e.g. ``global.find-links='/srv/wheels'``. Variables come last and win."""
    listed = dict(re.findall(r"^(?:global|install|:env:)\.([a-z-]+)='(.*)'$", listing, re.MULTILINE))
    return {name: listed[name].replace("\\n", " ") for name in PIP_SETTINGS if name in listed}


def pip_conf(settings: Mapping[str, str]) -> str:
    """Return a pip.conf with these settings."""
    return "".join(["[global]\n", *(f"{name} = {value}\n" for name, value in settings.items())])


def local_paths(settings: Mapping[str, str]) -> list[Path]:
    """Return the existing paths that the settings name; a build mounts them."""
    words = [word.removeprefix("file://") for value in settings.values() for word in value.split()]
    named = {Path(word) for word in words if word.startswith("/")}
    # An index may link to ../../files, so its parent is mounted.
    roots = {path.parent if path.name == "simple" else path for path in named}
    return sorted(path for path in roots if path.exists())


def containers_conf(mounts: Sequence[str]) -> str:
    """Return a containers.conf for root without systemd, bridges or raised limits."""
    volumes = ", ".join(f'"{mount}"' for mount in mounts)
    return f"""\
[containers]
# podman's defaults are higher and need CAP_SYS_RESOURCE
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
netns = "host"
log_driver = "k8s-file"
# this machine's pip settings, so that the Dockerfile needs none
volumes = [{volumes}]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def _log(message: str) -> None:
    print(f"e2e: {message}", file=sys.stderr, flush=True)


def _run_checked(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EngineError(f"{' '.join(command[:3])} ... failed:\n{done.stdout[-4000:]}")
