package process

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// ParseLocation reads type:target. The error is a TypeError in the words of
// Backstage.
func ParseLocation(ref string) (catalog.Location, error) {
	kind, target, ok := strings.Cut(ref, ":")
	kind, target = strings.TrimSpace(kind), strings.TrimSpace(target)
	if !ok || kind == "" || target == "" {
		return catalog.Location{}, &named{
			name: "TypeError", code: "invalid",
			msg: "Unable to parse location ref '" + ref + "', expected '<type>:<target>', e.g. 'url:https://host/path'",
		}
	}
	if kind == "http" || kind == "https" {
		return catalog.Location{}, &named{
			name: "TypeError", code: "invalid",
			msg: "Invalid location ref '" + ref + "', please prefix it with 'url:', e.g. 'url:" + ref + "'",
		}
	}
	return catalog.Location{Type: kind, Target: target}, nil
}

// resolveTarget makes the target of a Location absolute, seen from the place
// where the Location stands.
func (p *Pipeline) resolveTarget(base catalog.Location, kind, target string) (string, error) {
	switch kind {
	case "file":
		if base.Type == "file" && !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(base.Target), target)
		}
		return filepath.Clean(target), nil
	case "url":
		return resolveURL(p.reader, target, base.Target)
	}
	return target, nil
}

// resolveURL makes a reference absolute. In a repository, a reference that
// begins with a slash starts at the repository's root, and the query of the
// base, which may name the branch, is kept.
func resolveURL(reader URLReader, ref, base string) (string, error) {
	if u, err := url.Parse(ref); err == nil && u.IsAbs() {
		return withoutDots(ref, u), nil
	}
	b, err := url.Parse(base)
	if err != nil || !b.IsAbs() {
		return "", errInvalidURL
	}
	var r *url.URL
	if r, err = url.Parse(ref); err != nil {
		return "", errInvalidURL
	}
	if reader != nil {
		if info, ok := reader.Describe(base); ok {
			return resolveInRepo(b, r, info.Path), nil
		}
	}
	out := b.ResolveReference(r)
	return withoutDots(out.String(), out), nil
}

// withoutDots takes . and .. out of the path, encoded ones too, so that what is
// compared is what is read.
func withoutDots(ref string, u *url.URL) string {
	dotted := false
	for part := range strings.SplitSeq(u.Path, "/") {
		dotted = dotted || part == "." || part == ".."
	}
	if !dotted {
		return ref
	}
	clean := *u
	clean.RawPath = ""
	return clean.ResolveReference(&clean).String()
}

func resolveInRepo(base, ref *url.URL, file string) string {
	out := base.ResolveReference(ref)
	if strings.HasPrefix(ref.Path, "/") && ref.Host == "" {
		root := strings.TrimSuffix(strings.TrimSuffix(base.Path, strings.TrimPrefix(file, "/")), "/")
		out.Path, out.RawPath = root+ref.Path, ""
	}
	out.RawQuery = base.RawQuery
	return withoutDots(out.String(), out)
}

var errInvalidURL error = &named{name: "TypeError", code: "invalid", msg: "Invalid URL"}
