package service

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// PushEvent is what a push to a repository changed.
type PushEvent struct {
	// RepoURL is the repository's page.
	RepoURL string
	// Branch is what was pushed to, Default whether it is the default branch.
	Branch  string
	Default bool
	// Commit is the new head.
	Commit string
	// Files are the paths that were added, modified or removed, sorted.
	Files []string
	// All is set when the event does not list every file.
	All bool
	// Deleted is set when the branch is gone.
	Deleted bool
}

// githubPush is the part of GitHub's push event that counts.
type githubPush struct {
	Ref        string `json:"ref"`
	After      string `json:"after"`
	Deleted    bool   `json:"deleted"`
	Forced     bool   `json:"forced"`
	Repository struct {
		HTMLURL       string `json:"html_url"`
		URL           string `json:"url"`
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`
	Commits []struct {
		Added    []string `json:"added"`
		Modified []string `json:"modified"`
		Removed  []string `json:"removed"`
	} `json:"commits"`
	Size *int `json:"size"`
}

// maxPushCommits is how many commits GitHub lists in one event.
const maxPushCommits = 2048

// ParseGitHubPush reads the payload of a GitHub push event: JSON as bytes or
// text, or decoded. ok is false for a push that touches no branch, such as of
// a tag.
func ParseGitHubPush(payload any) (e PushEvent, ok bool, err error) {
	data, err := payloadBytes(payload)
	if err != nil {
		return PushEvent{}, false, err
	}
	var p githubPush
	if err := json.Unmarshal(data, &p); err != nil {
		return PushEvent{}, false, fault.Newf(fault.Invalid, "read push event: %w", err)
	}
	branch, isBranch := strings.CutPrefix(p.Ref, "refs/heads/")
	if !isBranch {
		return PushEvent{}, false, nil
	}
	repo := p.Repository.HTMLURL
	if repo == "" {
		repo = p.Repository.URL
	}
	if !strings.HasPrefix(repo, "https://") && !strings.HasPrefix(repo, "http://") {
		return PushEvent{}, false, fault.New(fault.Invalid, "read push event: repository.html_url is missing")
	}
	e = PushEvent{
		RepoURL: strings.TrimSuffix(repo, "/"), Branch: branch, Default: branch == p.Repository.DefaultBranch,
		Commit: p.After, Deleted: p.Deleted,
		All: p.Forced || len(p.Commits) >= maxPushCommits || p.Size != nil && *p.Size > len(p.Commits),
	}
	for _, c := range p.Commits {
		e.Files = append(e.Files, c.Added...)
		e.Files = append(e.Files, c.Modified...)
		e.Files = append(e.Files, c.Removed...)
	}
	slices.Sort(e.Files)
	e.Files = slices.Compact(e.Files)
	return e, true, nil
}

func payloadBytes(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case []byte:
		return p, nil
	case json.RawMessage:
		return p, nil
	case string:
		return []byte(p), nil
	}
	data, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("read push event: %w", err)
	}
	return data, nil
}

// URLs lists the URLs by which locations may have read the changed files. A
// location that names the default branch as HEAD is found too.
func (e PushEvent) URLs() []string {
	branches := []string{e.Branch}
	if e.Default {
		branches = append(branches, "HEAD")
	}
	var out []string
	for _, file := range e.Files {
		for _, b := range branches {
			out = append(out, e.RepoURL+"/blob/"+b+"/"+file, e.RepoURL+"/tree/"+b+"/"+file)
		}
	}
	return out
}

// Prefixes lists the beginnings of all URLs of the branch.
func (e PushEvent) Prefixes() []string {
	branches := []string{e.Branch}
	if e.Default {
		branches = append(branches, "HEAD")
	}
	var out []string
	for _, b := range branches {
		out = append(out, e.RepoURL+"/blob/"+b+"/", e.RepoURL+"/tree/"+b+"/")
	}
	return out
}
