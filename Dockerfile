# The action's image. Two environments that never meet: /opt/speaking talks to GitHub as root and holds no torch;
# /opt/analysis runs the pull request's own code as `worker`. It belongs to `installer`, who runs the `install` input: what is
# measured first cannot change what measures the rest.
#
#   docker build -t model-complexity .                                       CPU, what action.yml uses
#   docker build -t model-complexity:cuda --target cuda .                    CUDA 13.0 (not built in CI)
#   docker build --build-arg TORCH_INDEX=https://a.mirror.example/cpu .      torch from somewhere else
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
    && install -d -o installer -g installer /opt/analysis
ENV MODEL_COMPLEXITY_PYTHON=/opt/analysis/bin/python \
    MODEL_COMPLEXITY_WORKER_USER=worker \
    MODEL_COMPLEXITY_INSTALL_USER=installer
# No shell: dash drops variables with a hyphen in their name, such as INPUT_MAX-CONFIGS. -I: nothing is imported from the
# working directory, which belongs to the pull request, nor named by PYTHON* variables. -u: the log appears as it happens.
ENTRYPOINT ["/opt/speaking/bin/python", "-I", "-u", "-m", "model_complexity"]

FROM system AS speaking
RUN python -m venv --without-pip /opt/speaking
COPY action/requirements/speaking.txt /tmp/speaking.txt
RUN python -m pip --python /opt/speaking/bin/python install --no-cache-dir --no-deps --only-binary :all: \
    --require-hashes -r /tmp/speaking.txt
COPY action/model_complexity /opt/model-complexity/model_complexity
RUN /opt/speaking/bin/python -c 'import pathlib, sysconfig; \
pathlib.Path(sysconfig.get_path("purelib"), "model-complexity.pth").write_text("/opt/model-complexity\n")' \
    && /opt/speaking/bin/python -m compileall -q /opt/model-complexity \
    && chmod -R u=rwX,go=rX /opt/model-complexity /opt/speaking

FROM system AS cuda
ARG TORCH=2.13.0+cu130
ARG TORCH_INDEX=https://download.pytorch.org/whl/cu130
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY action/requirements/analysis.txt /opt/model-complexity/requirements/analysis.txt
USER 10002
# With its dependencies, unlike the CPU build: torch pins the nvidia-* packages that it was built with.
RUN python -m venv /opt/analysis \
    && /opt/analysis/bin/pip install --no-cache-dir --retries 2 --extra-index-url "${TORCH_INDEX}" \
       -c /opt/model-complexity/requirements/analysis.txt "torch==${TORCH}" pip setuptools \
    && /opt/analysis/bin/pip install --no-cache-dir --no-deps --no-build-isolation \
       -r /opt/model-complexity/requirements/analysis.txt \
    && /opt/analysis/bin/pip check
# GitHub's runner requires root for its file commands; the pull request's code is started as worker.
# hadolint ignore=DL3002
USER 0
COPY --from=speaking /opt/speaking /opt/speaking
COPY --from=speaking /opt/model-complexity/model_complexity /opt/model-complexity/model_complexity

FROM system AS cpu
ARG TORCH=2.13.0+cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
USER 10002
# In a layer of its own, for it is by far the largest and changes least. A local version (+cpu) cannot be published on
# PyPI, so only the index named here, or a wheel that pip's own configuration offers, can answer.
RUN python -m venv /opt/analysis \
    && /opt/analysis/bin/pip install --no-cache-dir --retries 2 --no-deps --extra-index-url "${TORCH_INDEX}" "torch==${TORCH}"
COPY action/requirements/analysis.txt /opt/model-complexity/requirements/analysis.txt
# pip and setuptools first: they build the packages that have no wheel, so that what builds is pinned too.
RUN /opt/analysis/bin/pip install --no-cache-dir -c /opt/model-complexity/requirements/analysis.txt pip setuptools \
    && /opt/analysis/bin/pip install --no-cache-dir --no-deps --no-build-isolation \
       -r /opt/model-complexity/requirements/analysis.txt \
    && /opt/analysis/bin/pip check
# GitHub's runner requires root for its file commands; the pull request's code is started as worker.
# hadolint ignore=DL3002
USER 0
COPY --from=speaking /opt/speaking /opt/speaking
COPY --from=speaking /opt/model-complexity/model_complexity /opt/model-complexity/model_complexity
