# syntax=docker/dockerfile:1
# One image for the API and for the jobs. The API is the default command; a job names its own:
# `python -m pipelines.trends`.
# Run it with a read-only root: docker run --read-only --tmpfs /tmp …

FROM python:3.13.9-slim-bookworm AS build
ENV PYTHONDONTWRITEBYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_PROGRESS=1 \
    UV_PROJECT_ENVIRONMENT=/app/.venv
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN python -m pip install --no-cache-dir --disable-pip-version-check "uv==0.9.11"
WORKDIR /app
# What changes seldom first: the packages of the lock file, without what plays AWS on a laptop and
# without what tests, and compiled here because the root is read-only later.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --locked --no-default-groups --no-install-project --compile-bytecode
COPY adapters adapters
COPY api api
COPY dbt dbt
COPY expectations expectations
COPY pipelines pipelines
COPY transforms transforms
RUN python -m compileall -q adapters api expectations pipelines transforms

FROM python:3.13.9-slim-bookworm
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    GX_ANALYTICS_ENABLED=false \
    POWERTOOLS_SERVICE_NAME=api \
    LUCA_API_HOST=0.0.0.0 \
    LUCA_API_PORT=8080
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin luca
WORKDIR /app
# Owned by root: the process cannot change its own code even where the root is not read-only.
COPY --from=build /app /app
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=2)"]
CMD ["python", "-m", "api"]
