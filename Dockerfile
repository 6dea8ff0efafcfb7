# The controller with OpenTofu, as an ordinary user. Data lies in /var/lib/lockstep: mount a volume there.
FROM ghcr.io/opentofu/opentofu:1.10-minimal AS tofu

FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/lockstep && /opt/lockstep/bin/pip install --no-cache-dir '.[postgres]'

FROM python:3.13-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends git openssh-client tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /home/lockstep lockstep \
    && install -d -o lockstep -g lockstep -m 0700 /var/lib/lockstep
COPY --from=tofu /usr/local/bin/tofu /usr/local/bin/tofu
COPY --from=build /opt/lockstep /opt/lockstep
COPY sample-repo /usr/share/lockstep/sample-repo
ENV PATH=/opt/lockstep/bin:$PATH \
    LOCKSTEP_DATA_DIR=/var/lib/lockstep \
    LOCKSTEP_LISTEN=0.0.0.0:8080 \
    LOCKSTEP_LOG_FORMAT=json
USER 10001
WORKDIR /var/lib/lockstep
VOLUME /var/lib/lockstep
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
# SIGTERM drains: no new work, what is applied ends within the grace of the container's stop timeout.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "lockstep"]
CMD ["serve"]
