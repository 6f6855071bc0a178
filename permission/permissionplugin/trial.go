package permissionplugin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/statement"
	"github.com/stagedoor/stagedoor/permission/internal/trial"
)

// Check reads a policy file and writes what is wrong with it, one line for
// each mistake, unknown permissions included. It reports whether there is
// nothing. All plugins must be initialised.
func (p *Permission) Check(w io.Writer, file string) (bool, error) {
	s, findings, err := p.readPolicy(file)
	if err != nil && fault.CodeOf(err) != fault.Invalid && fault.CodeOf(err) != fault.TooLarge {
		return false, err
	}
	if err != nil {
		fmt.Fprintln(w, err)
		return false, nil
	}
	for _, f := range findings {
		fmt.Fprintln(w, f)
	}
	if len(findings) == 0 {
		n, word := len(s.Statements()), "statements"
		if n == 1 {
			word = "statement"
		}
		fmt.Fprintf(w, "%s: %d %s, nothing to complain about\n", file, n, word)
	}
	return len(findings) == 0, nil
}

func (p *Permission) readPolicy(file string) (policy.Source, []statement.Finding, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("read the policy: %w", err)
	}
	s, findings, err := statement.Parse(data, statement.Options{File: file, Registry: p.registry, Now: p.clock()})
	return s, findings, err
}

// Expectations is a file of tests of a policy.
type Expectations struct {
	inner *trial.Expectations
	file  string
}

// ReadExpectations reads a file of tests.
func ReadExpectations(file string) (*Expectations, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the tests: %w", err)
	}
	e, err := trial.ParseExpectations(file, data)
	if err != nil {
		return nil, err
	}
	return &Expectations{e, file}, nil
}

// Policy is the policy file that the tests name, or empty.
func (e *Expectations) Policy() string { return e.inner.Policy }

// Catalog are the files of entities that the tests name.
func (e *Expectations) Catalog() []string { return e.inner.Catalog }

// Entities are the entities that stand in the file of tests itself.
func (e *Expectations) Entities() []catalog.Entity { return e.inner.Entities }

// Suite is the outcome of the tests of one file.
type Suite = trial.Suite

// Report writes what failed, and how many tests there were. It reports whether
// everything passed.
func Report(w io.Writer, suites []Suite) bool { return trial.Report(w, suites) }

// JUnit writes a JUnit report.
func JUnit(w io.Writer, suites []Suite) error { return trial.JUnit(w, suites) }

// Test holds the policy in the file against the expectations. The catalog must
// have the entities.
func (p *Permission) Test(ctx context.Context, file string, e *Expectations, reader catalog.Reader) (Suite, error) {
	s, _, err := p.readPolicy(file)
	if err != nil {
		return Suite{}, err
	}
	outcomes, err := p.trial(reader).Test(ctx, s, e.inner)
	return Suite{Name: e.file, Outcomes: outcomes}, err
}

// Simulate writes which decisions differ between the policies of two files
// over the catalog. It reports whether any does.
func (p *Permission) Simulate(ctx context.Context, w io.Writer, asJSON bool, from, to string, reader catalog.Reader) (changed bool, err error) {
	before, _, err := p.readPolicy(from)
	if err != nil {
		return false, err
	}
	after, _, err := p.readPolicy(to)
	if err != nil {
		return false, err
	}
	s, err := p.trial(reader).Simulate(ctx, before, after)
	if err != nil {
		return false, err
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		err = enc.Encode(s)
	} else {
		s.Write(w)
	}
	return len(s.Changes) > 0, err
}

func (p *Permission) trial(reader catalog.Reader) trial.Deps {
	d := trial.Deps{Registry: p.registry, Reader: reader}
	if p.deps.Directory != nil {
		d.Directory = p.deps.Directory()
	}
	return d
}
