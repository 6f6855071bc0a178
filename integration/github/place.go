package github

import (
	"net/url"
	"strings"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	refs "github.com/stagedoor/stagedoor/integration/internal/place"
)

// place is what a GitHub URL names. Where the branch ends and the path begins
// cannot be told from the URL alone, so both are kept together in rest.
type place struct {
	owner, repo string
	// kind is blob, tree, raw, edit, blame, or empty for the repository itself.
	kind string
	// rest are the parts behind the kind, decoded: the ref, then the path.
	rest []string
	// full is set when rest began with refs/heads or refs/tags.
	full string
	// repoURL is the repository's page.
	repoURL string
}

// parsePlace reads a URL of the host or of its raw files.
func parsePlace(u *url.URL, h *hostSettings) (place, error) {
	escaped := strings.Trim(u.EscapedPath(), "/")
	origin := u.Scheme + "://" + u.Host
	raw := false
	if base, _ := url.Parse(h.RawBaseURL); base != nil && strings.EqualFold(base.Host, u.Host) {
		if below, ok := strings.CutPrefix("/"+escaped+"/", strings.TrimRight(base.EscapedPath(), "/")+"/"); ok &&
			(base.Host != h.Host || base.Path != "") {
			escaped, raw = strings.Trim(below, "/"), true
			origin = u.Scheme + "://" + h.Host
		}
	}
	parts, ok := refs.Parts(escaped)
	if !ok {
		return place{}, notARepository(u)
	}
	if len(parts) < 2 {
		return place{}, notARepository(u)
	}
	p := place{owner: parts[0], repo: strings.TrimSuffix(parts[1], ".git")}
	p.repoURL = origin + "/" + url.PathEscape(p.owner) + "/" + url.PathEscape(p.repo)
	parts = parts[2:]
	switch {
	case raw:
		p.kind, p.rest = "raw", parts
	case len(parts) == 0:
		return p, nil
	case isKind(parts[0]):
		p.kind, p.rest = parts[0], parts[1:]
	default:
		return place{}, notARepository(u)
	}
	if len(p.rest) == 0 {
		return place{}, notARepository(u)
	}
	if len(p.rest) > 2 && p.rest[0] == "refs" && (p.rest[1] == "heads" || p.rest[1] == "tags") {
		p.full, p.rest = p.rest[1], p.rest[2:]
	}
	return p, nil
}

func isKind(s string) bool {
	return s == "blob" || s == "tree" || s == "raw" || s == "edit" || s == "blame"
}

func notARepository(u *url.URL) error {
	clean := *u
	clean.User = nil
	return fail.New(fail.Invalid, "%s does not name a file or folder of a repository; write https://%s/owner/repo/blob/branch/path", clean.String(), u.Host)
}

// slug is the key of the repository in maps.
func (p place) slug() string { return p.owner + "/" + p.repo }

// url renders a URL of the repository of another kind.
func (p place) url(kind, ref, path string) string {
	return p.repoURL + "/" + kind + "/" + refs.Escape(ref) + "/" + refs.Escape(path)
}
