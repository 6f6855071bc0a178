package plugin

import (
	"context"
	"io/fs"
	"net/url"
	"time"
)

// URLs reads what stands behind URLs.
type URLs interface {
	Reader() URLReader
	// Add registers an integration's hosts. Only during Init.
	Add(h URLHost)
}

// URLReader reads files and trees by the URL a person would copy from the
// browser. It refuses hosts that no integration and no backend.reading.allow
// entry names (code forbidden), and returns not_found, not_modified,
// unavailable and too_large where they apply. Safe for concurrent use.
type URLReader interface {
	// Read reads one file.
	Read(ctx context.Context, target string, opts ReadOptions) (File, error)
	// Tree reads the folder at the URL.
	Tree(ctx context.Context, target string, opts ReadOptions) (Tree, error)
	// Search reads the files that match the URL, whose path may hold the
	// wildcards * and **. Without a wildcard it is Read.
	Search(ctx context.Context, target string, opts ReadOptions) ([]File, error)
	// Describe says what the integrations know of the URL.
	Describe(target string) (URLInfo, bool)
}

// ReadOptions are the options of a read. The zero value is fine.
type ReadOptions struct {
	// ETag, when not empty, makes a read of unchanged content return an error
	// with code not_modified.
	ETag string
	// Token replaces the integration's own credentials.
	Token string
}

// File is the content of one file. URL is where it really came from.
type File struct {
	URL      string
	Data     []byte
	ETag     string
	Revision string // the commit, where the host tells
	Modified time.Time
}

// Tree is a folder at one revision. FS holds it below its own root.
type Tree struct {
	FS       fs.FS
	ETag     string
	Revision string
}

// URLInfo is what an integration knows of a URL.
type URLInfo struct {
	// Integration is the type, such as github.
	Integration string
	// Title is for people: the host.
	Title string
	// EditURL opens the file for editing; empty when it cannot be edited there.
	EditURL string
	// FolderURL is the folder that holds the file, in the form that
	// backstage.io/source-location uses.
	FolderURL string
	// RepoURL is the repository's page, Owner and Repo its names, Path the
	// file's path inside it, Branch the branch or commit named by the URL.
	RepoURL, Owner, Repo, Path, Branch string
}

// URLHost is an integration's side of a [URLReader]: it serves the hosts it
// says are its own.
type URLHost interface {
	Serves(u *url.URL) bool
	Describe(u *url.URL) URLInfo
	Read(ctx context.Context, u *url.URL, opts ReadOptions) (File, error)
	Tree(ctx context.Context, u *url.URL, opts ReadOptions) (Tree, error)
	Search(ctx context.Context, u *url.URL, opts ReadOptions) ([]File, error)
}
