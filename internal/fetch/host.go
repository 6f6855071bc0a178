package fetch

import (
	"context"
	"io/fs"
	"net/url"
	"time"
)

// Options are the options of a read. The zero value is fine.
type Options struct {
	// ETag, when not empty, makes a read of unchanged content return an error
	// with code not_modified.
	ETag string
	// Token replaces the host's own credentials.
	Token string
}

// File is the content of one file. URL is where it really came from. Data is
// shared with the cache: do not change it.
type File struct {
	URL      string
	Data     []byte
	ETag     string
	Revision string
	Modified time.Time
}

// Tree is a folder at one revision. FS holds it below its own root.
type Tree struct {
	FS       fs.FS
	ETag     string
	Revision string
}

// Info is what a host knows of a URL without reading it.
type Info struct {
	// Integration is the type of the host, such as the name of a forge.
	Integration string
	// Title is for people.
	Title string
	// EditURL opens the file for editing; empty when it cannot be edited there.
	EditURL string
	// FolderURL is the folder that holds the file.
	FolderURL string
	// RepoURL is the repository's page, Owner and Repo its names, Path the
	// file's path inside it, Branch the branch or commit named by the URL.
	RepoURL, Owner, Repo, Path, Branch string
}

// Host reads the URLs of the hosts that it says are its own. Implementations
// are safe for concurrent use and return errors that carry codes.
type Host interface {
	Serves(u *url.URL) bool
	Describe(u *url.URL) Info
	Read(ctx context.Context, u *url.URL, opts Options) (File, error)
	Tree(ctx context.Context, u *url.URL, opts Options) (Tree, error)
	Search(ctx context.Context, u *url.URL, opts Options) ([]File, error)
}
