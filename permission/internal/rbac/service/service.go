// Package service keeps the roles of a portal in force and changes those that
// came through the REST API: it authorises, checks, stores and tells the audit
// log.
//
// What not: it speaks no HTTP (package rest) and makes no decision about other
// things than roles (package rbac).
//
// Start reading at [Service.Configure], then [Service.AddRole].
package service

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
)

// Deps are what a [Service] is made of. All are required.
type Deps struct {
	Store      *store.Store
	Policy     *rbac.Policy
	Registry   *registry.Registry
	Authorizer permission.Authorizer
	Audit      audit.Log
	Clock      func() time.Time
	Logger     *slog.Logger
	// Dir is where relative paths of files begin.
	Dir string
}

// Service is safe for concurrent use.
type Service struct {
	Deps
	active atomic.Bool

	mu       sync.Mutex // held while what is in force changes
	settings rbac.Settings
	files    files
	stored   *store.Stored
	loadedAt time.Time
	problem  *policy.Problem
}

// New returns a service that is not in force.
func New(d Deps) *Service { return &Service{Deps: d} }

// Active reports whether roles are in force.
func (s *Service) Active() bool { return s.active.Load() }

// Configure puts the settings into force; nil ends roles. It reads the files
// and the database, when all plugins have told their rules. On an error, which
// names file and line, everything stays as it was.
func (s *Service) Configure(ctx context.Context, settings *rbac.Settings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if settings == nil {
		s.active.Store(false)
		return nil
	}
	if err := settings.Check(); err != nil {
		return err
	}
	files, err := s.readFiles(settings)
	if err == nil {
		err = s.checkRules(files.conditions)
	}
	if err != nil {
		return err
	}
	stored, err := s.Store.Load(ctx)
	if err != nil {
		return err
	}
	s.settings, s.files, s.stored, s.problem, s.loadedAt = *settings, files, stored, nil, s.Clock()
	s.use(ctx)
	s.active.Store(true)
	return nil
}

// use builds the model and puts it into force. The caller holds mu.
func (s *Service) use(ctx context.Context) {
	before := map[policy.Problem]bool{}
	for _, p := range s.Policy.Model().Skipped {
		before[p] = true
	}
	m := rbac.Build(rbac.Parts{
		Settings: s.settings, Table: s.files.table, ReadAt: s.loadedAt,
		Conditions: s.files.conditions, Stored: s.stored.List(),
	})
	for _, p := range m.Skipped {
		if !before[p] {
			s.Logger.WarnContext(ctx, "a line of the policy files is skipped", "file", p.File, "line", p.Line, "reason", p.Message)
		}
	}
	s.Policy.Use(m, s.state(m))
}

func (s *Service) state(m *rbac.Model) policy.State {
	state := policy.State{LoadedAt: s.loadedAt, Problem: s.problem, Skipped: m.Skipped}
	state.Files = s.fileNames()
	return state
}

// fileNames are the files as they are configured.
func (s *Service) fileNames() []string {
	return slices.DeleteFunc([]string{s.settings.CSVFile, s.settings.ConditionsFile}, func(file string) bool { return file == "" })
}

// Reload reads the database again.
func (s *Service) Reload(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.active.Load() {
		return nil
	}
	stored, err := s.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("load roles: %w", err)
	}
	s.stored = stored
	s.use(ctx)
	return nil
}

// checkEvery is how often the files are looked at.
const checkEvery = 300 * time.Millisecond

// Run follows the files, the database and the groups of the catalog until ctx
// ends.
func (s *Service) Run(ctx context.Context, feed catalog.Feed) error {
	if feed != nil {
		defer feed.Subscribe(s.Policy.Forget)()
	}
	heard := make(chan error, 1)
	go func() {
		heard <- s.Store.Listen(ctx, func() {
			if err := s.Reload(ctx); err != nil && ctx.Err() == nil {
				s.Logger.WarnContext(ctx, "roles that were changed elsewhere are not in force yet", "error", err)
			}
		})
	}()
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-heard:
			return err
		case <-ctx.Done():
			return <-heard
		case <-tick.C:
			s.CheckFiles(ctx)
		}
	}
}
