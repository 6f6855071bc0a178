package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission/permissionplugin"
)

// policyCommands look at policies.
type policyCommands struct {
	Check    policyCheckCommand    `cmd:"" help:"Say what is wrong with a policy."`
	Explain  policyExplainCommand  `cmd:"" help:"Say why a user may do something or not."`
	Test     policyTestCommand     `cmd:"" help:"Hold a policy against expectations."`
	Simulate policySimulateCommand `cmd:"" help:"Say what another policy would change."`
}

// policyCheckCommand says what is wrong.
type policyCheckCommand struct {
	configFlags
	File string `arg:"" optional:"" help:"Policy file. Default: the policy of the configuration."`
}

// Run implements the command. A file needs no configuration.
func (c *policyCheckCommand) Run(ctx context.Context, env *environment) (err error) {
	file := c.File
	if file == "" {
		cfg, err := config.Load(ctx, c.sources(env))
		if err != nil {
			return err
		}
		if file, err = policyFile(cfg); err != nil {
			return err
		}
		if file == "" {
			return c.inline(ctx, env, cfg.Source(policyKey))
		}
	}
	p, closeAll, err := c.scratch(ctx, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	ok, err := p.permissions.Check(env.Stdout, file)
	if err == nil && !ok {
		return errNo
	}
	return err
}

// inline checks a policy that is part of the configuration, by loading it.
func (c *policyCheckCommand) inline(ctx context.Context, env *environment, at fault.Position) error {
	sources := c.sources(env)
	sources.Environ = append(slices.Clone(sources.Environ), databaseInMemory...)
	sources.Environ = append(sources.Environ, "APP_CONFIG_permission_enabled=true")
	_, closeAll, err := c.quiet(ctx, env, sources, false)
	if fault.CodeOf(err) == fault.Invalid {
		fmt.Fprintln(env.Stdout, err)
		return errNo
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "%s: nothing to complain about\n", at)
	return closeAll()
}

// policyKey is where the configuration has the policy.
const policyKey = "permission.policy"

// policyFile finds the policy file of the configuration; it is empty when the
// policy is part of the configuration.
func policyFile(cfg *config.Config) (string, error) {
	switch v := cfg.Value(policyKey).(type) {
	case string:
		return besides(cfg.Source(policyKey), v), nil
	case map[string]any:
		if name, ok := v["file"].(string); ok {
			return besides(cfg.Source(policyKey+".file"), name), nil
		}
		return "", nil
	}
	return "", fault.New(fault.Invalid, "the configuration has no permission.policy; name a policy file")
}

// besides is the path of a file that another one names.
func besides(at fault.Position, name string) string {
	if filepath.IsAbs(name) || !filepath.IsAbs(at.File) {
		return name
	}
	path := filepath.Join(filepath.Dir(at.File), name)
	if dir, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(dir, path); err == nil && !strings.HasPrefix(short, "..") {
			return short
		}
	}
	return path
}

// policyExplainCommand explains a decision.
type policyExplainCommand struct {
	configFlags
	URL        string `help:"Ask this running server instead of the configured database." placeholder:"URL"`
	Token      string `help:"Bearer token for --url, such as the one that stagedoor token prints." env:"STAGEDOOR_TOKEN"`
	User       string `required:"" help:"Ref of the user, such as user:default/jane." placeholder:"REF"`
	Permission string `required:"" help:"Permission, such as catalog.entity.read." placeholder:"NAME"`
	Resource   string `help:"Ref of the resource, such as component:default/cart." placeholder:"REF"`
	JSON       bool   `help:"The whole explanation as JSON."`
}

// Run implements the command.
func (c *policyExplainCommand) Run(ctx context.Context, env *environment) (err error) {
	call, done := remote(c.URL, c.Token), func() error { return nil }
	if c.URL == "" {
		p, closeAll, err := c.local(ctx, env, false)
		if err != nil {
			return err
		}
		call, done = own(p), closeAll
	}
	defer func() { err = errors.Join(err, done()) }()
	status, answer, err := call(ctx, http.MethodPost, "/api/permission/explain", map[string]string{
		"user": c.User, "permission": c.Permission, "resourceRef": c.Resource,
	})
	if err != nil {
		return err
	}
	if err := expect(status, answer, http.StatusOK); err != nil {
		return err
	}
	if c.JSON {
		var out bytes.Buffer
		if err := json.Indent(&out, answer, "", "  "); err != nil {
			return fmt.Errorf("read the explanation: %w", err)
		}
		fmt.Fprintln(env.Stdout, out.String())
		return nil
	}
	return explainText(env, answer)
}

// explained is an explanation as far as people read it.
type explained struct {
	User, Result, Reason string
	Ownership            []string
	Statements           []struct {
		Source struct {
			File, Statement string
			Line            int
		}
		Matched, Decided bool
		Why              string
		Holds            *bool
	}
	Verdicts *verdict
}

type verdict struct {
	Op, Rule string
	Params   map[string]any
	Holds    bool
	Children []verdict
}

func explainText(env *environment, answer []byte) error {
	var x explained
	if err := json.Unmarshal(answer, &x); err != nil {
		return fmt.Errorf("read the explanation: %w", err)
	}
	w := env.Stdout
	fmt.Fprintf(w, "%s: %s\n", x.Result, x.Reason)
	fmt.Fprintf(w, "%s owns things by %s\n", x.User, strings.Join(x.Ownership, ", "))
	for _, s := range x.Statements {
		mark := " "
		switch {
		case s.Decided:
			mark = ">"
		case s.Matched:
			mark = "+"
		}
		fmt.Fprintf(w, "%s %s:%d %s: %s", mark, s.Source.File, s.Source.Line, s.Source.Statement, s.Why)
		if s.Holds != nil {
			fmt.Fprintf(w, "; its condition %s", map[bool]string{true: "holds", false: "does not hold"}[*s.Holds])
		}
		fmt.Fprintln(w)
	}
	if x.Verdicts != nil {
		fmt.Fprintln(w, "conditions:")
		x.Verdicts.write(env, "  ")
	}
	return nil
}

func (v *verdict) write(env *environment, indent string) {
	what := v.Op
	if v.Rule != "" {
		params, err := json.Marshal(v.Params)
		if err != nil {
			params = nil
		}
		what = v.Rule + " " + string(params)
	}
	fmt.Fprintf(env.Stdout, "%s%-5t %s\n", indent, v.Holds, what)
	for i := range v.Children {
		v.Children[i].write(env, indent+"  ")
	}
}

// policyTestCommand holds policies against expectations.
type policyTestCommand struct {
	configFlags
	Policy string   `help:"Test this policy instead of the one that the tests name." placeholder:"FILE"`
	JUnit  string   `name:"junit" help:"Also write a JUnit report to this file." placeholder:"FILE"`
	Files  []string `arg:"" name:"file" help:"Files of tests."`
}

// Run implements the command. It needs no configuration.
func (c *policyTestCommand) Run(ctx context.Context, env *environment) (err error) {
	p, closeAll, err := c.scratch(ctx, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	var suites []permissionplugin.Suite
	for _, file := range c.Files {
		suite, err := c.one(ctx, p, file)
		if err != nil {
			return err
		}
		suites = append(suites, suite)
	}
	if c.JUnit != "" {
		var report bytes.Buffer
		if err := permissionplugin.JUnit(&report, suites); err != nil {
			return err
		}
		if err := os.WriteFile(c.JUnit, report.Bytes(), 0o644); err != nil { //nolint:gosec // a report is for everybody
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if !permissionplugin.Report(env.Stdout, suites) {
		return errNo
	}
	return nil
}

func (c *policyTestCommand) one(ctx context.Context, p *Portal, file string) (suite permissionplugin.Suite, err error) {
	e, err := permissionplugin.ReadExpectations(file)
	if err != nil {
		return suite, err
	}
	name := c.Policy
	if name == "" {
		if e.Policy() == "" {
			return suite, fault.Newf(fault.Invalid, "%s names no policy; add policy: FILE, or use --policy", file)
		}
		name = filepath.Join(filepath.Dir(file), e.Policy())
	}
	entities := e.Entities()
	for _, f := range e.Catalog() {
		more, err := readEntities(filepath.Join(filepath.Dir(file), f))
		if err != nil {
			return suite, err
		}
		entities = append(entities, more...)
	}
	if err := p.catalog.LoadSample(entities); err != nil {
		return suite, fmt.Errorf("%s: %w", file, err)
	}
	return p.permissions.Test(ctx, name, e, p.catalog.Extensions().Reader())
}

// readEntities reads the entities of a file, without checking them.
func readEntities(file string) ([]catalog.Entity, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read entities: %w", err)
	}
	var out []catalog.Entity
	for _, doc := range yamlx.Parse(data, yamlx.Options{File: file}) {
		if doc.Err != nil {
			return nil, doc.Err
		}
		if doc.Empty {
			continue
		}
		e, ok := doc.Value.(map[string]any)
		if !ok || catalog.Entity(e).Kind() == "" || catalog.Entity(e).Name() == "" {
			return nil, fault.At(doc.Position(), "this is no entity: it has no kind or no metadata.name")
		}
		out = append(out, e)
	}
	return out, nil
}

// policySimulateCommand compares policies.
type policySimulateCommand struct {
	configFlags
	From         string `required:"" help:"Policy file to start from." placeholder:"FILE"`
	To           string `required:"" help:"Policy file to compare with." placeholder:"FILE"`
	FailOnChange bool   `help:"Answer no when something changes."`
	JSON         bool   `help:"The changes as JSON."`
}

// Run implements the command.
func (c *policySimulateCommand) Run(ctx context.Context, env *environment) (err error) {
	p, closeAll, err := c.local(ctx, env, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	changed, err := p.permissions.Simulate(ctx, env.Stdout, c.JSON, c.From, c.To, p.catalog.Extensions().Reader())
	if err == nil && changed && c.FailOnChange {
		return errNo
	}
	return err
}
