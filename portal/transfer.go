package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// peer makes calls of the REST API: of a running server, or of the portal that
// this command has opened itself.
type peer func(ctx context.Context, method, path string, body any) (status int, answer []byte, err error)

// remote is a running server.
func remote(base, token string) peer {
	client := &http.Client{Timeout: 2 * time.Minute}
	return func(ctx context.Context, method, path string, body any) (int, []byte, error) {
		in, err := encode(body)
		if err != nil {
			return 0, nil, err
		}
		req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, in)
		if err != nil {
			return 0, nil, fault.Newf(fault.Invalid, "%s is no URL: %w", base, err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := client.Do(req)
		if err != nil {
			return 0, nil, fault.Wrap(fault.Unavailable, err, "call "+base)
		}
		answer, err := io.ReadAll(res.Body)
		return res.StatusCode, answer, errors.Join(err, res.Body.Close())
	}
}

// own is the portal that this command has opened.
func own(p *Portal) peer {
	return func(ctx context.Context, method, path string, body any) (int, []byte, error) {
		in, err := encode(body)
		if err != nil {
			return 0, nil, err
		}
		return p.Call(ctx, identity.System("cli"), method, path, in)
	}
}

// encode renders the body of a request; nil is no body.
func encode(body any) (io.Reader, error) {
	if body == nil {
		return nil, nil //nolint:nilnil // no body is no error
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return bytes.NewReader(raw), nil
}

// expect turns an answer that is not the wanted status into an error with the
// message of the envelope.
func expect(status int, answer []byte, want ...int) error {
	for _, w := range want {
		if status == w {
			return nil
		}
	}
	var envelope struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(answer, &envelope) == nil && envelope.Error.Message != "" {
		return fault.Newf(fault.Unavailable, "the server answered %d: %s", status, envelope.Error.Message)
	}
	return fault.Newf(fault.Unavailable, "the server answered %d", status)
}

// exportCommand writes the entities of the catalog.
type exportCommand struct {
	configFlags
	URL    string   `help:"Export from this running server instead of the configured database." placeholder:"URL"`
	Token  string   `help:"Bearer token for --url, such as the one that stagedoor token prints." env:"STAGEDOOR_TOKEN"`
	Filter []string `help:"Filters as of GET /entities, such as kind=component." placeholder:"FILTER" sep:"none"`
	Out    string   `short:"o" help:"Write to this file instead of the standard output." placeholder:"FILE"`
}

// Run implements the command.
func (c *exportCommand) Run(ctx context.Context, env *environment) (err error) {
	call, done, err := c.peer(ctx, env, c.URL, c.Token)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	query := url.Values{"filter": c.Filter, "order": {"asc:metadata.name"}}
	status, answer, err := call(ctx, http.MethodGet, "/api/catalog/entities?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	if err := expect(status, answer, http.StatusOK); err != nil {
		return err
	}
	var entities []map[string]any
	if err := json.Unmarshal(answer, &entities); err != nil {
		return fmt.Errorf("decode entities: %w", err)
	}
	return c.write(env, entities)
}

// write writes what an author would have written: without the parts that the
// catalog adds. A file is complete or not there.
func (c *exportCommand) write(env *environment, entities []map[string]any) error {
	var out bytes.Buffer
	for i, e := range entities {
		if i > 0 {
			out.WriteString("---\n")
		}
		delete(e, "relations")
		delete(e, "status")
		if meta, ok := e["metadata"].(map[string]any); ok {
			delete(meta, "uid")
			delete(meta, "etag")
		}
		text, err := yamlx.Marshal(e)
		if err != nil {
			return fmt.Errorf("write entity: %w", err)
		}
		out.Write(text)
	}
	if c.Out == "" {
		_, err := env.Stdout.Write(out.Bytes())
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(c.Out), ".export-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", c.Out, err)
	}
	_, err = temp.Write(out.Bytes())
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), c.Out)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", c.Out, err), os.Remove(temp.Name()))
	}
	return nil
}

// importCommand copies the registered locations of a Backstage.
type importCommand struct {
	configFlags
	URL     string `required:"" help:"The Backstage back end, such as https://backstage.example.com." placeholder:"URL"`
	Token   string `help:"Bearer token for it." env:"BACKSTAGE_TOKEN"`
	To      string `help:"Register with this running Stagedoor instead of the configured database." placeholder:"URL"`
	ToToken string `help:"Bearer token for --to." env:"STAGEDOOR_TOKEN"`
	DryRun  bool   `help:"Only list what would be registered."`
}

// Run implements the command. It registers what is new and says what it did
// with each location; locations that are there already are left alone.
func (c *importCommand) Run(ctx context.Context, env *environment) (err error) {
	status, answer, err := remote(c.URL, c.Token)(ctx, http.MethodGet, "/api/catalog/locations", nil)
	if err != nil {
		return err
	}
	if err := expect(status, answer, http.StatusOK); err != nil {
		return fmt.Errorf("list locations of %s: %w", c.URL, err)
	}
	var found []struct {
		Data struct{ Type, Target string }
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return fmt.Errorf("decode locations of %s: %w", c.URL, err)
	}
	call, done := peer(nil), func() error { return nil }
	if !c.DryRun {
		if call, done, err = c.peer(ctx, env, c.To, c.ToToken); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, done()) }()
	var added, known, failed int
	for _, l := range found {
		where := l.Data.Type + ":" + l.Data.Target
		if c.DryRun {
			fmt.Fprintln(env.Stdout, "would register", where)
			continue
		}
		status, answer, err := call(ctx, http.MethodPost, "/api/catalog/locations", map[string]string{"type": l.Data.Type, "target": l.Data.Target})
		if err == nil {
			err = expect(status, answer, http.StatusCreated, http.StatusConflict)
		}
		switch {
		case err != nil:
			failed++
			fmt.Fprintln(env.Stdout, "refused   ", where, "-", err)
		case status == http.StatusConflict:
			known++
			fmt.Fprintln(env.Stdout, "known     ", where)
		default:
			added++
			fmt.Fprintln(env.Stdout, "registered", where)
		}
	}
	fmt.Fprintf(env.Stdout, "%d registered, %d known already, %d refused\n", added, known, failed)
	if failed > 0 {
		return errNo
	}
	return nil
}

// peer is the running server at base, or the configured database when there is
// no base.
func (f configFlags) peer(ctx context.Context, env *environment, base, token string) (peer, func() error, error) {
	if base != "" {
		return remote(base, token), func() error { return nil }, nil
	}
	p, closeAll, err := f.open(ctx, env, "", false)
	if err != nil {
		return nil, nil, err
	}
	if err := p.LoadOffline(ctx); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return own(p), closeAll, nil
}
