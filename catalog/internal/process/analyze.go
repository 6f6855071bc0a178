package process

import (
	"context"
	"net/url"
	"path"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// Analysis says what a repository holds already, or what could be put there:
// the answer of POST /analyze-location.
type Analysis struct {
	ExistingEntityFiles []ExistingFile    `json:"existingEntityFiles"`
	GenerateEntities    []GeneratedEntity `json:"generateEntities"`
}

// ExistingFile is an entity that stands in a file of the repository.
type ExistingFile struct {
	Location     catalog.Location `json:"location"`
	IsRegistered bool             `json:"isRegistered"`
	Entity       catalog.Entity   `json:"entity"`
}

// GeneratedEntity is a proposal.
type GeneratedEntity struct {
	Entity catalog.Entity `json:"entity"`
	Fields []FieldState   `json:"fields"`
}

// FieldState says how sure the analysis is of a field.
type FieldState struct {
	Field       string  `json:"field"`
	State       string  `json:"state"`
	Value       *string `json:"value"`
	Description string  `json:"description"`
}

// maxAnalyzedFiles bounds how many files of a repository are looked into.
const maxAnalyzedFiles = 100

// slugPrefixes are the annotations of the forges that everybody knows, by the
// type of the integration or the host.
var slugPrefixes = map[string]string{
	"github": "github.com", "github.com": "github.com",
	"gitlab": "gitlab.com", "gitlab.com": "gitlab.com",
	"azure": "dev.azure.com", "dev.azure.com": "dev.azure.com",
	"bitbucket": "bitbucket.org", "bitbucketCloud": "bitbucket.org", "bitbucketServer": "bitbucket.org", "bitbucket.org": "bitbucket.org",
}

// Analyze looks at a repository. Where an integration can list files, those
// named catalogFile (catalog-info.yaml when empty) are read and shown;
// otherwise, and when there is none, a Component is proposed. It returns an
// error with code invalid when the target is no URL, and the integration's own
// error when the forge cannot be asked.
func (p *Pipeline) Analyze(ctx context.Context, target, catalogFile string) (Analysis, error) {
	u, err := url.Parse(target)
	if err != nil || !u.IsAbs() || u.Host == "" {
		return Analysis{}, fault.New(fault.Invalid, "The given location.target is not a URL")
	}
	out := Analysis{ExistingEntityFiles: []ExistingFile{}, GenerateEntities: []GeneratedEntity{}}
	var info fetch.Info
	known := false
	if p.reader != nil {
		info, known = p.reader.Describe(target)
	}
	// Backstage looks into repositories of GitHub only.
	if known && info.RepoURL != "" && (!p.strict || info.Integration == "github") {
		if out.ExistingEntityFiles, err = p.existing(ctx, target, info, catalogFile); err != nil {
			return Analysis{}, err
		}
		if len(out.ExistingEntityFiles) > 0 {
			return out, nil
		}
	}
	out.GenerateEntities = append(out.GenerateEntities, GeneratedEntity{Entity: proposal(u, info), Fields: []FieldState{}})
	return out, nil
}

// existing reads the catalog files of the repository.
func (p *Pipeline) existing(ctx context.Context, target string, info fetch.Info, catalogFile string) ([]ExistingFile, error) {
	out := []ExistingFile{}
	files, err := p.catalogFiles(ctx, target, info, catalogFile)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		at := catalog.Location{Type: "url", Target: file}
		registered := false
		if p.registered != nil {
			if registered, err = p.registered(ctx, at); err != nil {
				return nil, err
			}
		}
		entities, _, err := p.DryRun(ctx, at)
		if ctx.Err() != nil {
			return nil, ctx.Err() //nolint:wrapcheck // the context's own
		}
		if err != nil {
			p.logger.InfoContext(ctx, "catalog file of an analysed repository cannot be used", "target", file, "error", err)
			continue
		}
		for _, e := range entities {
			out = append(out, ExistingFile{Location: at, IsRegistered: registered, Entity: e})
		}
	}
	return out, nil
}

// catalogFiles finds the files. A target that is itself a file is taken as it
// is.
func (p *Pipeline) catalogFiles(ctx context.Context, target string, info fetch.Info, name string) ([]string, error) {
	if name == "" {
		name = "catalog-info.yaml"
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if ext := path.Ext(info.Path); ext == ".yaml" || ext == ".yml" {
		return []string{target}, nil
	}
	pattern, err := searchPattern(target, info, name)
	if err != nil {
		return nil, err
	}
	files, err := p.reader.Search(ctx, pattern, fetch.Options{})
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.NotImplemented):
		return nil, nil
	case err != nil:
		return nil, err //nolint:wrapcheck // the integration words it
	}
	var out []string
	for i, file := range files {
		if i == maxAnalyzedFiles {
			break
		}
		out = append(out, file.URL)
	}
	return out, nil
}

// searchPattern names the file anywhere below the folder of the target, in
// the form of the forge's own links.
func searchPattern(target string, info fetch.Info, name string) (string, error) {
	pattern := strings.TrimSuffix(target, "/")
	if info.Path == "" && strings.EqualFold(pattern, strings.TrimSuffix(info.RepoURL, "/")) {
		branch := info.Branch
		if branch == "" {
			branch = "HEAD"
		}
		switch info.Integration {
		case "gitlab":
			pattern += "/-/blob/" + branch
		case "bitbucketServer":
			pattern += "/browse" // the branch stands in the query, the default needs none
		case "bitbucket", "bitbucketCloud", "gitea":
			pattern += "/src/" + branch
		default:
			pattern += "/blob/" + branch
		}
	}
	pattern = strings.Replace(pattern, "/tree/", "/blob/", 1)
	if _, err := url.Parse(pattern); err != nil {
		return "", fault.New(fault.Invalid, "The given location.target is not a URL")
	}
	return pattern + "/**/" + name, nil
}

// proposal is the Component that a repository without catalog file could have.
func proposal(u *url.URL, info fetch.Info) catalog.Entity {
	owner, name := info.Owner, info.Repo
	if name == "" {
		trimmed := strings.Trim(u.Path, "/")
		owner, name = path.Dir(trimmed), strings.TrimSuffix(path.Base("/"+trimmed), ".git")
	}
	if name == "/" || name == "" {
		owner, name = "", u.Hostname()
	}
	prefix := slugPrefixes[info.Integration]
	if prefix == "" {
		prefix = slugPrefixes[strings.ToLower(u.Hostname())]
	}
	meta := map[string]any{"name": name}
	if prefix != "" && owner != "" && owner != "." {
		meta["annotations"] = map[string]any{prefix + "/project-slug": owner + "/" + name}
	}
	return catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1",
		"kind":       "Component",
		"metadata":   meta,
		"spec":       map[string]any{"type": "other", "lifecycle": "unknown"},
	}
}
