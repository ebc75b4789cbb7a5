# The action's image, with two environments. /opt/host talks to GitHub as root and has no torch. /opt/worker runs the pull
# request's code as user `worker`. It belongs to user `installer`, who runs the `install` input: a measured config cannot
# change the environment of the next.
#
#   docker build -t model-complexity .                                       CPU, what action.yml uses
#   docker build -t model-complexity:cuda --target cuda .                    CUDA 13.0 (not built in CI)
#   docker build --build-arg TORCH_INDEX=https://a.mirror.example/cpu .      torch from another index
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS system
LABEL org.opencontainers.image.title="Model Complexity" \
      org.opencontainers.image.description="Flops, params and activations of every config that a pull request touches" \
      org.opencontainers.image.licenses="Apache-2.0"
# git reads the pull request's history; opencv-python, which mmengine and mmcv import, loads libGL and glib.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home --home-dir /home/worker --shell /usr/sbin/nologin worker \
    && useradd --uid 10002 --user-group --create-home --home-dir /home/installer --shell /usr/sbin/nologin installer \
    && install -d -o installer -g installer /opt/worker
ENV MODEL_COMPLEXITY_PYTHON=/opt/worker/bin/python \
    MODEL_COMPLEXITY_WORKER_USER=worker \
    MODEL_COMPLEXITY_INSTALL_USER=installer
# No shell: dash drops variables with a hyphen in their name, such as INPUT_MAX-CONFIGS. -I: nothing is imported from the
# working directory, which belongs to the pull request, nor named by PYTHON* variables. -u: the log appears as it happens.
ENTRYPOINT ["/opt/host/bin/python", "-I", "-u", "-m", "model_complexity"]

FROM system AS host
RUN python -m venv --without-pip /opt/host
COPY action/requirements/host.txt /tmp/host.txt
RUN python -m pip --python /opt/host/bin/python install --no-cache-dir --no-deps --only-binary :all: \
    --require-hashes -r /tmp/host.txt
COPY action/model_complexity /opt/model-complexity/model_complexity
RUN /opt/host/bin/python -c 'import pathlib, sysconfig; \
pathlib.Path(sysconfig.get_path("purelib"), "model-complexity.pth").write_text("/opt/model-complexity\n")' \
    && /opt/host/bin/python -m compileall -q /opt/model-complexity \
    && chmod -R u=rwX,go=rX /opt/model-complexity /opt/host

FROM system AS cuda
ARG TORCH=2.13.0+cu130
ARG TORCH_INDEX=https://download.pytorch.org/whl/cu130
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY action/requirements/worker.txt /opt/model-complexity/requirements/worker.txt
USER 10002
# With its dependencies, unlike the CPU build: torch pins the nvidia-* packages that it was built with.
RUN python -m venv /opt/worker \
    && /opt/worker/bin/pip install --no-cache-dir --retries 2 --extra-index-url "${TORCH_INDEX}" \
       -c /opt/model-complexity/requirements/worker.txt "torch==${TORCH}" pip setuptools \
    && /opt/worker/bin/pip install --no-cache-dir --no-deps --no-build-isolation \
       -r /opt/model-complexity/requirements/worker.txt \
    && /opt/worker/bin/pip check
# GitHub's runner requires root for its file commands; the pull request's code is started as worker.
# hadolint ignore=DL3002
USER 0
COPY --from=host /opt/host /opt/host
COPY --from=host /opt/model-complexity/model_complexity /opt/model-complexity/model_complexity

FROM system AS cpu
ARG TORCH=2.13.0+cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
USER 10002
# A separate layer: the largest, and the one that changes least. PyPI has no local versions (+cpu), so the wheel comes from
# this index or from one in pip's configuration.
RUN python -m venv /opt/worker \
    && /opt/worker/bin/pip install --no-cache-dir --retries 2 --no-deps --extra-index-url "${TORCH_INDEX}" "torch==${TORCH}"
COPY action/requirements/worker.txt /opt/model-complexity/requirements/worker.txt
# pip and setuptools first: they build the packages without a wheel, so they are pinned, too.
RUN /opt/worker/bin/pip install --no-cache-dir -c /opt/model-complexity/requirements/worker.txt pip setuptools \
    && /opt/worker/bin/pip install --no-cache-dir --no-deps --no-build-isolation \
       -r /opt/model-complexity/requirements/worker.txt \
    && /opt/worker/bin/pip check
# GitHub's runner requires root for its file commands; the pull request's code is started as worker.
# hadolint ignore=DL3002
USER 0
COPY --from=host /opt/host /opt/host
COPY --from=host /opt/model-complexity/model_complexity /opt/model-complexity/model_complexity
