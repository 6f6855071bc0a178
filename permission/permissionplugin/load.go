package permissionplugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/rest"
	"github.com/stagedoor/stagedoor/permission/internal/statement"
)

// The keys of the configuration.
const (
	enabledKey = "permission.enabled"
	policyKey  = "permission.policy"
	rolesKey   = "permission.rbac"
)

// configured is where the configuration says that the policy is: a file, or a
// tree within it.
type configured struct {
	enabled bool
	file    string // as configured
	inline  *yamlx.Tree
}

// settings reads the keys of the configuration. permission.policy is the name
// of a file, an object {file: …}, or the policy itself.
func (p *Permission) settings() (configured, error) {
	var c configured
	if err := p.config.Decode(enabledKey, &c.enabled); err != nil {
		return c, err
	}
	var raw any
	if err := p.config.Decode(policyKey, &raw); err != nil {
		return c, err
	}
	switch v := raw.(type) {
	case nil:
	case string:
		c.file = v
	case map[string]any:
		file, given := v["file"]
		if !given {
			c.inline = p.tree(policyKey, v)
			break
		}
		name, ok := file.(string)
		if !ok || name == "" || len(v) > 1 {
			return c, fault.At(p.at(policyKey), "%s is the name of a file, {file: name}, or a policy with statements", policyKey)
		}
		c.file = name
	default:
		return c, fault.At(p.at(policyKey), "%s is the name of a file, {file: name}, or a policy with statements", policyKey)
	}
	return c, nil
}

func (p *Permission) at(path string) fault.Position {
	if p.deps.Position != nil {
		if at := p.deps.Position(path); at.Line > 0 {
			return at
		}
	}
	return fault.Position{File: "the configuration"}
}

// tree gives a value of the configuration its places, without the folder:
// everybody may see which line decides, but not where things are on the machine.
func (p *Permission) tree(path string, v any) *yamlx.Tree {
	t := &yamlx.Tree{Value: v, At: p.at(path)}
	t.At.File = filepath.Base(t.At.File)
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			t.Items = append(t.Items, p.tree(fmt.Sprintf("%s[%d]", path, i), item))
		}
	case map[string]any:
		t.Keys = slices.Sorted(maps.Keys(v))
		t.Fields = map[string]*yamlx.Tree{}
		for key, x := range v {
			t.Fields[key] = p.tree(path+"."+key, x)
		}
	}
	return t
}

// load reads the configured policy and puts it into force. p.loading is held.
func (p *Permission) load(ctx context.Context) error {
	c, err := p.settings()
	if err != nil {
		return err
	}
	p.files.set(p.path(c.file))
	source, findings, err := p.source(ctx, c)
	if err != nil {
		return err
	}
	for _, f := range findings {
		p.log.WarnContext(ctx, "policy", "problem", f.String())
	}
	p.authorizer.Use(source)
	p.refused.Store(nil)
	return p.roles.endUnless(ctx, source)
}

func (p *Permission) source(ctx context.Context, c configured) (policy.Source, []statement.Finding, error) {
	options := statement.Options{File: c.file, Registry: p.registry, Now: p.clock()}
	switch {
	case p.deps.SkipPolicy:
		return policy.AllowAll("no policy is looked at"), nil, nil
	case !c.enabled:
		if c.file != "" || c.inline != nil {
			p.log.WarnContext(ctx, "a policy is configured, but not in force", "policy", policyKey, "because", enabledKey+" is not true")
		}
		return policy.AllowAll("permission.enabled is false: users may do everything"), nil, nil
	case p.brought != nil:
		return policy.Plain(p.brought, p.registry), nil, nil
	case p.config.Has(rolesKey) && (c.file != "" || c.inline != nil):
		return nil, nil, fault.At(p.at(policyKey), "%s and %s are both configured, but only one policy can decide", policyKey, rolesKey)
	case p.config.Has(rolesKey):
		s, err := p.roles.configure(ctx, p)
		return s, nil, err
	case c.inline != nil:
		options.File = c.inline.At.File
		s, findings, err := statement.FromTree(c.inline, options)
		return s, findings, err
	case c.file != "":
		data, err := read(p.path(c.file))
		if err != nil {
			return nil, nil, fault.Newf(fault.Invalid, "%s: the policy file %s %w", p.at(policyKey), c.file, err)
		}
		p.files.isNew(data)
		s, findings, err := statement.Parse(data, options)
		return s, findings, err
	}
	p.log.WarnContext(ctx, "users may do everything: "+enabledKey+" is true, but no policy is configured", "policy", policyKey, "roles", rolesKey)
	return policy.AllowAll("no policy is configured: users may do everything"), nil, nil
}

// path is where a configured file is: relative names start from the folder of
// the file that has them, or else from the working directory.
func (p *Permission) path(file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	for _, key := range []string{policyKey + ".file", policyKey} {
		if at := p.at(key); filepath.IsAbs(at.File) {
			return filepath.Join(filepath.Dir(at.File), file)
		}
	}
	return filepath.Join(p.deps.Dir, file)
}

// read reads a file without the path in its errors, which people may see who
// need not know the machine.
func read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return nil, fmt.Errorf("cannot be read: %w", pathErr.Err)
	}
	return data, err
}

// reload takes up a changed configuration or policy. One that is broken is
// refused: it is logged and shown, and the last good one stays in force.
func (p *Permission) reload() {
	if !p.started.Load() {
		return
	}
	ctx := identity.NewContext(context.Background(), identity.System(p.ID()))
	p.loading.Lock()
	defer p.loading.Unlock()
	before, refused := p.summary(), p.refused.Load()
	err := p.load(ctx)
	e := audit.Event{Plugin: p.ID(), Name: "policy-reload", Severity: audit.High, Status: audit.Succeeded}
	switch {
	case err != nil:
		problem := problemOf(err)
		p.refused.Store(problem)
		p.log.ErrorContext(ctx, "the changed policy is refused, the last good one stays", "error", err.Error())
		e.Status, e.Reason, e.Target = audit.Failed, err.Error(), problem.File
	case before == p.summary() && refused == nil:
		return // another part of the configuration changed
	default:
		state := p.authorizer.Source().State()
		n := len(p.authorizer.Source().Statements())
		p.log.InfoContext(ctx, "policy loaded", "statements", n)
		e.Target, e.Meta = strings.Join(state.Files, ", "), map[string]any{"statements": n}
	}
	p.audit.Note(ctx, e)
}

// summary is a text that changes when the policy in force says something else.
func (p *Permission) summary() string {
	source := p.authorizer.Source()
	var b strings.Builder
	b.WriteString(string(source.State().Default))
	for _, s := range source.Statements() {
		b.WriteString("\n" + s.Source.Statement + "\n" + s.Text)
	}
	return b.String()
}

// describe describes the policy in force.
func (p *Permission) describe() rest.PolicyJSON {
	out := rest.PolicyJSON{Statements: []policy.Statement{}, Files: []string{}, Default: "deny", Problem: p.refused.Load()}
	if c, err := p.settings(); err == nil {
		out.Enabled = c.enabled
	}
	source := p.authorizer.Source()
	if source == nil {
		return out
	}
	out.Statements = append(out.Statements, source.Statements()...)
	state := source.State()
	if out.Files = append(out.Files, state.Files...); len(out.Files) > 0 {
		out.File = out.Files[0]
	}
	if !state.LoadedAt.IsZero() {
		out.LoadedAt = &state.LoadedAt
	}
	if state.Default == permission.Allow {
		out.Default = "allow"
	}
	if out.Problem == nil {
		out.Problem = state.Problem
	}
	out.Skipped = state.Skipped
	return out
}

var place = regexp.MustCompile(`^(.+?):(\d+)(?::\d+)?: `)

// problemOf finds the place in the text of an error.
func problemOf(err error) *policy.Problem {
	out := &policy.Problem{Message: err.Error()}
	first, _, _ := strings.Cut(err.Error(), "\n")
	if m := place.FindStringSubmatch(first); m != nil {
		out.File = m[1]
		out.Line, _ = strconv.Atoi(m[2])
	}
	return out
}
