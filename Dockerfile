# One image, two commands: the gateway (default) and `python worker.py`.

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /app
RUN python -m venv .venv
COPY requirements/app.txt requirements/app.txt
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/app.txt
COPY . .
# Editable, because Firedoor is an application with three import roots, not a library.
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable . \
    && .venv/bin/python -m compileall -q firedoor workflows activities

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin firedoor
COPY --from=build /app /app
# The only place the process may write: evidence kept in files.
RUN install --directory --owner=firedoor --group=firedoor --mode=0700 /app/var
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Rules for credentials in findings, compiled once: their owner has to be who reads them.
RUN install --directory --owner=firedoor --group=firedoor --mode=0700 /app/.venv/share/firedoor/credential-rules
USER firedoor
RUN python -m firedoor.connectors.secret_scanner
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
CMD ["firedoor", "gateway", "--host", "0.0.0.0", "--port", "8080"]
