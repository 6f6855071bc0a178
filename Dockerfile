# A static binary on a distroless base, run by nobody.
#
#   docker build -t stagedoor .
#   docker run -p 7007:7007 -v stagedoor:/data stagedoor

FROM node:20-bookworm-slim AS ui
WORKDIR /src
COPY ui/package.json ui/package-lock.json ui/.npmrc ui/
RUN cd ui && npm ci --no-audit --no-fund
COPY . .
RUN cd ui && npm run build

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY --from=ui /src .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/stagedoor ./cmd/stagedoor \
 && install -d -o 65532 -g 65532 /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/stagedoor /usr/local/bin/stagedoor
COPY --from=build --chown=65532:65532 /out/data /data
COPY app-config.yaml catalog-info.yaml /srv/
COPY examples /srv/examples
COPY docs /srv/docs
COPY catalog/internal/rest/openapi.yaml /srv/catalog/internal/rest/openapi.yaml
WORKDIR /srv
ENV APP_CONFIG_backend_database_connection_directory=/data
VOLUME /data
EXPOSE 7007
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/stagedoor"]
CMD ["serve"]
