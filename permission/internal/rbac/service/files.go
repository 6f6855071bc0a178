package service

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
)

// files are the policy files as they were read last.
type files struct {
	table      *rbac.Table
	conditions []rbac.Conditional
	seen       [2]look
}

// look is what a file looked like.
type look struct {
	modified time.Time
	size     int64
	sum      [sha256.Size]byte
	failure  string
}

// young is how long after a change a file is read again although its time and
// size say that nothing happened: another change may share them.
const young = 3 * time.Second

// path finds a file.
func (s *Service) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(s.Dir, file)
}

// readFiles reads the files that the settings name. A file that there is not,
// and one that cannot be taken as a whole, is an error.
func (s *Service) readFiles(settings *rbac.Settings) (files, error) {
	var out files
	if settings.CSVFile != "" {
		data, seen, err := s.read("policies-csv-file", settings.CSVFile, rbac.MaxCSVBytes)
		if err != nil {
			return out, err
		}
		if out.table, err = rbac.ReadCSV(settings.CSVFile, data); err != nil {
			return out, err
		}
		out.seen[0] = seen
	}
	if settings.ConditionsFile != "" {
		limits := settings.Limits()
		data, seen, err := s.read("conditionalPoliciesFile", settings.ConditionsFile, limits.Bytes)
		if err != nil {
			return out, err
		}
		if out.conditions, err = rbac.ReadConditions(settings.ConditionsFile, data, limits); err != nil {
			return out, err
		}
		out.seen[1] = seen
	}
	return out, nil
}

// read reads a file. One that is far over its limit is not read to the end.
func (s *Service) read(key, file string, limit int) ([]byte, look, error) {
	fail := func(err error) ([]byte, look, error) {
		var of *fs.PathError
		if errors.As(err, &of) {
			err = of.Err // the path is that of the configuration, not of this machine
		}
		return nil, look{}, fault.Newf(fault.Invalid, "permission.rbac.%s: read %s: %w", key, file, err)
	}
	info, err := os.Stat(s.path(file))
	if err != nil {
		return fail(err)
	}
	if info.IsDir() {
		return fail(errors.New("it is a folder"))
	}
	if info.Size() > int64(limit)+1 {
		return nil, look{}, fault.Newf(fault.TooLarge, "permission.rbac.%s: %s has %d bytes, more than the limit of %d", key, file, info.Size(), limit)
	}
	data, err := os.ReadFile(s.path(file))
	if err != nil {
		return fail(err)
	}
	return data, look{info.ModTime(), info.Size(), sha256.Sum256(data), ""}, nil
}

// CheckFiles reads the files again if they have changed and the configuration
// wants it. What cannot be read leaves what is in force alone, and is logged
// once.
func (s *Service) CheckFiles(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.active.Load() || !s.settings.Reload || !s.changed() {
		return
	}
	read, err := s.readFiles(&s.settings)
	if err == nil {
		err = s.checkRules(read.conditions)
	}
	if err != nil {
		s.problem = s.problemOf(err)
		s.Policy.Use(s.Policy.Model(), s.state(s.Policy.Model()))
		s.Logger.ErrorContext(ctx, "the changed policy files are refused, what was read before stays", "error", err)
		s.note(ctx, audit.Failed, err.Error())
		return
	}
	read.seen = s.files.seen // changed has taken them in
	s.files, s.problem, s.loadedAt = read, nil, s.Clock()
	s.use(ctx)
	s.Logger.InfoContext(ctx, "the changed policy files are in force")
	s.note(ctx, audit.Succeeded, "")
}

// changed looks at the files and remembers what it saw.
func (s *Service) changed() bool {
	changed := false
	for i, file := range []string{s.settings.CSVFile, s.settings.ConditionsFile} {
		if file == "" {
			continue
		}
		seen, before := s.look(file, s.files.seen[i]), s.files.seen[i]
		changed = changed || seen.sum != before.sum || seen.failure != before.failure
		s.files.seen[i] = seen
	}
	return changed
}

// look looks at a file; it reads only what may be new.
func (s *Service) look(file string, before look) look {
	info, err := os.Stat(s.path(file))
	if err != nil {
		return look{failure: err.Error()}
	}
	same := info.ModTime().Equal(before.modified) && info.Size() == before.size && before.failure == ""
	if same && s.Clock().Sub(info.ModTime()) > young {
		return before
	}
	if info.Size() > rbac.MaxCSVBytes { // no file may be that large; reading says so
		return look{modified: info.ModTime(), size: info.Size(), failure: fmt.Sprint(info.Size(), " bytes")}
	}
	data, err := os.ReadFile(s.path(file))
	if err != nil {
		return look{failure: err.Error()}
	}
	return look{info.ModTime(), info.Size(), sha256.Sum256(data), ""}
}

// note tells the audit log of changed files.
func (s *Service) note(ctx context.Context, status audit.Status, why string) {
	ctx = identity.NewContext(ctx, identity.System("permission"))
	s.Audit.Note(ctx, audit.Event{
		Plugin: "permission", Name: "policy-file-change", Severity: audit.High, Status: status, Reason: why,
		Target: s.settings.CSVFile, Meta: map[string]any{"files": s.fileNames(), "actionType": "create_or_update", "source": string(rbac.FromCSV)},
	})
}

// problemOf finds the place in an error, which begins with file:line.
func (s *Service) problemOf(err error) *policy.Problem {
	p := &policy.Problem{Message: err.Error()}
	for _, file := range s.fileNames() {
		if rest, ok := strings.CutPrefix(p.Message, file+":"); ok {
			p.File = file
			digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
			p.Line, _ = strconv.Atoi(digits) // no digits: no line
		}
	}
	return p
}

// checkRules returns an error with code invalid for conditions with rules that
// the plugin of the resource type does not have.
func (s *Service) checkRules(conditions []rbac.Conditional) error {
	var errs []error
	for _, c := range conditions {
		if r, _, ok := s.Registry.Resource(c.ResourceType); ok {
			if err := rbac.CheckCondition(r, c.Condition); err != nil {
				errs = append(errs, fault.At(fault.Position{File: c.At.File, Line: c.At.Line}, "%w", err))
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fault.Newf(fault.Invalid, "%w", errors.Join(errs...))
}
