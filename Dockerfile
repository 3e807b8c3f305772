# Veason in a container; how to run it: docs/how-to/self-hosting.md
#
#   docker build -t veason .                              for CPUs
#   docker build -t veason:cuda --build-arg DEVICE=cuda . for NVIDIA GPUs, with the published models
#
# For CPUs, `--build-arg TORCH_INDEX=ADDRESS` takes torch from another index: PyTorch's own has wheels without CUDA, which
# are some 4 GB smaller.
ARG DEVICE=cpu

FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_CONSTRAINT=/build/.ci/constraints.txt
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home veason \
    && install --directory --owner veason --group veason /data
WORKDIR /build
COPY .ci/constraints.txt .ci/constraints.txt

FROM base AS torch-cpu
ARG TORCH_INDEX=""
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchvision

FROM base AS torch-cuda
RUN pip install torch torchvision bitsandbytes

# hadolint ignore=DL3006
FROM torch-${DEVICE} AS veason
# sam2 ships as source, and is built against the torch that is here.
RUN pip install --upgrade setuptools wheel \
    && SAM2_BUILD_CUDA=0 pip install --no-build-isolation sam2
COPY pyproject.toml LICENSE ./
COPY docs/package.md docs/package.md
COPY veason veason
COPY veason_nano veason_nano
RUN pip install --no-build-isolation ".[decord,endpoint,mcp,metrics,parquet]" \
    && rm -rf /build/veason /build/veason_nano /build/build /build/*.egg-info

USER 10001
WORKDIR /data
ENV HF_HOME=/data/models
VOLUME /data
EXPOSE 7860
HEALTHCHECK --start-period=120s --interval=30s --timeout=5s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/health/live', timeout=4)"]
ENTRYPOINT ["veason"]
CMD ["serve", "--host", "0.0.0.0", "--port", "7860", "--no-browser", "--project", "/data/labels"]
