package service

import (
	"context"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
)

// Engine takes entities in. [ingest.Engine] is the one that counts.
type Engine interface {
	AddLocation(ctx context.Context, at catalog.Location, presence string, cause catalog.Cause) (store.Location, error)
	UpdateLocation(ctx context.Context, id string, at catalog.Location, cause catalog.Cause) (store.Location, error)
	DeleteLocation(ctx context.Context, id string, cause catalog.Cause) error
	Location(ctx context.Context, id string) (store.Location, error)
	LocationAt(ctx context.Context, at catalog.Location) (store.Location, error)
	Locations(ctx context.Context) ([]store.Location, error)
	Refresh(ctx context.Context, ref string, cause catalog.Cause) error
	RefreshLocationTargets(ctx context.Context, urls []string) (int, error)
	DeleteEntity(ctx context.Context, ref, uid string, cause catalog.Cause) error
	Push(ctx context.Context, source string, req ingest.PushRequest) (ingest.PushResult, error)
	DeletePushed(ctx context.Context, source, actor string) (int, error)
	History(ctx context.Context, ref string, before int64, limit int) ([]ingest.Version, error)
	Version(ctx context.Context, ref string, number int64) (ingest.Version, error)
	Explain(ctx context.Context, subject string) (ingest.Explanation, error)
	Unprocessed(ctx context.Context, failed bool) ([]ingest.UnprocessedEntity, error)
	Refusals(ctx context.Context) ([]ingest.Refused, error)
}

var _ Engine = (*ingest.Engine)(nil)

// Pipeline checks without storing. [process.Pipeline] is the one that counts.
type Pipeline interface {
	ValidateEntity(ctx context.Context, e catalog.Entity, at catalog.Location) []process.WireError
	DryRun(ctx context.Context, at catalog.Location) ([]catalog.Entity, []catalog.StatusItem, error)
	Analyze(ctx context.Context, target, catalogFile string) (process.Analysis, error)
}

var _ Pipeline = (*process.Pipeline)(nil)
