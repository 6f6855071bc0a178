package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// Sources says where a configuration comes from.
type Sources struct {
	// Paths are files or http(s) URLs, lowest layer first. Every one must
	// exist. When empty, the default files of Dir are read.
	Paths []string
	// Dir holds the default files: app-config.yaml, which must exist, then
	// those of app-config.<env>.yaml, app-config.local.yaml and
	// app-config.<env>.local.yaml that exist, for each <env> in the comma
	// list BACKSTAGE_ENV. Empty means the working directory. Relative Paths
	// start here, too.
	Dir string
	// Env looks up a variable for ${VAR}, $env and BACKSTAGE_ENV. Nil means
	// that none is set.
	Env func(name string) (string, bool)
	// Environ lists NAME=value pairs, of which those that begin with
	// APP_CONFIG_ are the highest layer.
	Environ []string
	// Client reads URLs. Nil means a client with a time limit of 10 s.
	Client *http.Client
}

// maxSourceBytes limits one file or answer.
const maxSourceBytes = 8 << 20

// Load reads all layers and returns the merged configuration. It reads again
// what it needs on every call and keeps nothing open. The error joins what is
// wrong in all layers; each line begins with file and line, and the code is
// fault.Invalid unless a source cannot be read at all (fault.NotFound,
// fault.Unavailable).
func Load(ctx context.Context, sources Sources) (*Config, error) {
	cfg, _, err := load(ctx, sources)
	return cfg, err
}

// load also returns the files it looked at, read or missing, for the watcher;
// these are complete even when it fails.
func load(ctx context.Context, sources Sources) (*Config, *footprint, error) {
	l := loader{ctx: ctx, sources: sources, seen: &footprint{}}
	layers, err := l.layers()
	if err != nil {
		return nil, l.seen, err
	}
	root := newObject(fault.Position{})
	var problems []error
	for _, layer := range layers {
		read, err := l.layer(layer)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		root = merge(root, read)
	}
	env, err := fromEnviron(sources.Environ)
	if err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, l.seen, errors.Join(problems...)
	}
	root = merge(root, env).withoutNulls()
	return &Config{root: root, layers: layers}, l.seen, nil
}

// footprint is everything that a configuration was read from.
type footprint struct{ files, urls []string }

type loader struct {
	ctx     context.Context //nolint:containedctx // lives for one Load
	sources Sources
	seen    *footprint
}

func (l *loader) env(name string) (string, bool) {
	if l.sources.Env == nil {
		return "", false
	}
	text, set := l.sources.Env(name)
	return strings.TrimSpace(text), set
}

// layers lists the files and URLs to read, lowest first.
func (l *loader) layers() ([]string, error) {
	dir, err := filepath.Abs(l.sources.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the configuration folder: %w", err)
	}
	var layers []string
	for _, path := range l.sources.Paths {
		if !isURL(path) {
			path = resolve(dir, path)
		}
		layers = append(layers, path)
	}
	if len(layers) > 0 {
		return layers, nil
	}
	var envs []string
	list, _ := l.env("BACKSTAGE_ENV")
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			envs = append(envs, name)
		}
	}
	layers = append(layers, filepath.Join(dir, "app-config.yaml"))
	optional := []string{}
	for _, env := range envs {
		optional = append(optional, "app-config."+env+".yaml")
	}
	optional = append(optional, "app-config.local.yaml")
	for _, env := range envs {
		optional = append(optional, "app-config."+env+".local.yaml")
	}
	for _, name := range optional {
		path := filepath.Join(dir, name)
		l.seen.files = append(l.seen.files, path)
		if _, err := os.Stat(path); err == nil {
			layers = append(layers, path)
		}
	}
	return layers, nil
}

func isURL(path string) bool {
	parsed, err := url.Parse(path)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Host != ""
}

// layer reads and resolves one source. An empty one gives nil.
func (l *loader) layer(path string) (*value, error) {
	t := transformer{env: l.env}
	in := scope{}
	var data []byte
	var err error
	if isURL(path) {
		data, err = l.fetch(path)
	} else {
		t.read = l.read
		in.dir = filepath.Dir(path)
		data, err = l.read(path)
	}
	if err != nil {
		return nil, fault.Wrap(readCode(err), plainReason(err), "read configuration "+path)
	}
	doc, err := yamlx.One(data, yamlx.Options{File: path})
	if err != nil {
		if first := doc.Tree(); first != nil {
			if hint := refuseConfigMap(fromTree(first)); hint != nil {
				return nil, hint
			}
		}
		return nil, err
	}
	if doc.Empty {
		return nil, nil
	}
	root := fromTree(doc.Tree())
	if root.kind != objectKind {
		return nil, fault.At(doc.Position(), "a configuration must be an object at its root, got %s", root.typeName())
	}
	if err := refuseConfigMap(root); err != nil {
		return nil, err
	}
	resolved := t.transform(root, "", in)
	if len(t.errors) > 0 {
		return nil, errors.Join(t.errors...)
	}
	if resolved != nil && resolved.kind != objectKind {
		return nil, fault.At(root.at, "a configuration must be an object at its root, got %s", resolved.typeName())
	}
	return resolved, nil
}

// refuseConfigMap recognises the Kubernetes object that configuration is often
// wrapped in. Read as it is, it would silently configure nothing.
func refuseConfigMap(root *value) error {
	kind := root.fields["kind"]
	if kind == nil || kind.scalar != "ConfigMap" || root.fields["data"] == nil && root.fields["binaryData"] == nil {
		return nil
	}
	inner := "data"
	if data := root.fields["data"]; data != nil && data.kind == objectKind {
		if keys := data.keys(); len(keys) > 0 {
			inner = joinKey("data", keys[0])
		}
	}
	return fault.At(kind.at, "this is a Kubernetes ConfigMap and not a configuration; save the text under %s as a file of its own, or mount the ConfigMap, and pass that file", inner)
}

func (l *loader) read(path string) ([]byte, error) {
	if !slices.Contains(l.seen.files, path) {
		l.seen.files = append(l.seen.files, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSourceBytes {
		return nil, fault.Newf(fault.TooLarge, "the file has %d bytes, more than the limit of %d", info.Size(), maxSourceBytes)
	}
	return os.ReadFile(path)
}

func (l *loader) fetch(address string) ([]byte, error) {
	l.seen.urls = append(l.seen.urls, address)
	request, err := http.NewRequestWithContext(l.ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	client := l.sources.Client
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "request")
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fault.Newf(fault.Unavailable, "the server answers %s", response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxSourceBytes+1))
	if err == nil && len(data) > maxSourceBytes {
		err = fault.Newf(fault.TooLarge, "the answer is longer than the limit of %d bytes", maxSourceBytes)
	}
	return data, err
}

// plainReason replaces the operating system's words for what people meet often.
func plainReason(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "the file does not exist")
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Forbidden, "the file may not be read by this user")
	}
	return err
}

func readCode(err error) fault.Code {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.NotFound
	case errors.Is(err, fs.ErrPermission):
		return fault.Forbidden
	}
	return fault.CodeOf(err)
}
