# Veason with Ray, for the machines of a cluster; see docs/how-to/scale.md.
#
#   docker build -t veason:cuda --build-arg DEVICE=cuda .
#   docker build -t REGISTRY/veason-ray:1 -f deploy/ray.Dockerfile --build-arg VEASON=veason:cuda .
ARG VEASON=veason:cuda

# hadolint ignore=DL3006
FROM ${VEASON}
USER root
# KubeRay asks wget whether a machine is well.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/*
COPY .ci/ray/requirements.txt /build/.ci/ray/requirements.txt
RUN pip install -r /build/.ci/ray/requirements.txt "s3fs>=2025.3"
USER 10001
ENV RAY_USAGE_STATS_ENABLED=0
ENTRYPOINT []
HEALTHCHECK NONE
