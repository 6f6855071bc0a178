package service

import (
	"log/slog"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/permission"
)

// Deps is what a [Service] is made of. All but Logger, ReadOnly and Strict are
// required.
type Deps struct {
	Index      *index.Index
	Engine     Engine
	Pipeline   Pipeline
	Model      Model
	Authorizer permission.Authorizer
	Clock      func() time.Time
	Logger     *slog.Logger
	// ReadOnly refuses to register, change and remove locations.
	ReadOnly bool
	// Strict answers as Backstage does where the default is better.
	Strict bool
}

// Model describes the kinds. [model.Model] is the one that counts.
type Model interface{ Kinds() []model.KindInfo }

// KindInfo describes a kind.
type KindInfo = model.KindInfo

// Service is the catalog for its callers. Its methods authorise the principal
// in their context and are safe for concurrent use.
type Service struct {
	deps Deps
	log  *slog.Logger
}

var (
	_ catalog.Reader = (*Service)(nil)
	_ catalog.Feed   = (*Service)(nil)
)

// New returns a service.
func New(deps Deps) *Service {
	s := &Service{deps: deps, log: deps.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Strict reports whether answers are those of Backstage where the default is
// better.
func (s *Service) Strict() bool { return s.deps.Strict }
