# One image for the web, marketplace and job runner parts; docker-compose.yml says which part a container is.
FROM python:3.13-slim-bookworm AS build
WORKDIR /srv/labeljury
COPY requirements.lock ./
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.13-slim-bookworm
RUN useradd --create-home --uid 10001 labeljury && install -d -o labeljury /var/lib/labeljury /var/lib/labeljury/media
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/labeljury
COPY alembic.ini ./
COPY migrations ./migrations
COPY hit_templates ./hit_templates
COPY app ./app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/srv/labeljury \
    PYTHONUNBUFFERED=1 \
    LABELJURY_DATA_DIR=/var/lib/labeljury \
    LABELJURY_LOG_JSON=true
USER 10001
VOLUME /var/lib/labeljury
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["serve"]
