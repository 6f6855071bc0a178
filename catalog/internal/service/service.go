package service

import (
	"log/slog"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/permission"
)

// Deps is what a [Service] is made of. Index and Authorizer are required.
type Deps struct {
	Index      *index.Index
	Authorizer permission.Authorizer
	// Audit takes the changes that callers ask for; nil takes none.
	Audit  audit.Log
	Logger *slog.Logger
	// ReadOnly refuses to register, change and remove locations.
	ReadOnly bool
	// Strict answers as Backstage does where the default is better.
	Strict bool
}

// Model describes the kinds. [model.Model] is the one that counts.
type Model interface{ Kinds() []model.KindInfo }

// KindInfo describes a kind.
type KindInfo = model.KindInfo

// Parts are what a new configuration may replace while the service runs.
type Parts struct {
	Engine   Engine
	Pipeline Pipeline
	Model    Model
}

// Service is the catalog for its callers. Its methods authorise the principal
// in their context and are safe for concurrent use. Methods other than those
// that only read the read model may be called once it has its parts.
type Service struct {
	deps Deps
	log  *slog.Logger
	now  atomic.Pointer[Parts]

	counted    countCache
	conditions conditionCache
}

// Use makes the service work with the parts from now on. Calls that are under
// way end with those they began with.
func (s *Service) Use(p Parts) { s.now.Store(&p) }

// Ready reports whether the service has its parts.
func (s *Service) Ready() bool { return s.now.Load() != nil }

func (s *Service) parts() *Parts {
	if p := s.now.Load(); p != nil {
		return p
	}
	panic("catalog: the service is used before it was started") // a bug in the order of the start
}

var (
	_ catalog.Reader = (*Service)(nil)
	_ catalog.Feed   = (*Service)(nil)
)

// New returns a service.
func New(deps Deps) *Service {
	if deps.Audit == nil {
		deps.Audit = audit.Discard
	}
	s := &Service{deps: deps, log: deps.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Strict reports whether answers are those of Backstage where the default is
// better.
func (s *Service) Strict() bool { return s.deps.Strict }
