package archive

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// tree is an immutable file system in memory, once it is filled.
type tree struct {
	nodes map[string]*node
}

// node is a file, or a folder when children is not nil.
type node struct {
	name     string
	data     []byte
	modified time.Time
	children map[string]*node
}

func newTree() *tree {
	return &tree{nodes: map[string]*node{".": {name: ".", children: map[string]*node{}}}}
}

// put adds a file and the folders above it; a second file of the name replaces
// the first. It reports false when a name is both file and folder.
func (t *tree) put(name string, data []byte, modified time.Time) bool {
	if old, ok := t.nodes[name]; ok && old.children != nil {
		return false
	}
	folder := t.folder(path.Dir(name))
	if folder == nil {
		return false
	}
	n := &node{name: path.Base(name), data: data, modified: modified}
	t.nodes[name], folder.children[n.name] = n, n
	return true
}

func (t *tree) folder(name string) *node {
	if n, ok := t.nodes[name]; ok {
		if n.children == nil {
			return nil
		}
		return n
	}
	parent := t.folder(path.Dir(name))
	if parent == nil {
		return nil
	}
	n := &node{name: path.Base(name), children: map[string]*node{}}
	t.nodes[name], parent.children[n.name] = n, n
	return n
}

// Open opens a file or folder.
func (t *tree) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.children != nil {
		return &openFolder{node: n, entries: n.list()}, nil
	}
	return &openFile{node: n, Reader: bytes.NewReader(n.data)}, nil
}

// ReadFile returns a copy of a file's content.
func (t *tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	if n.children != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	return slices.Clone(n.data), nil
}

// ReadDir lists a folder by name.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if n.children == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	return n.list(), nil
}

// Stat describes a file or folder.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{n}, nil
}

func (t *tree) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, ok := t.nodes[name]
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

func (n *node) list() []fs.DirEntry {
	entries := make([]fs.DirEntry, 0, len(n.children))
	for _, child := range n.children {
		entries = append(entries, fs.FileInfoToDirEntry(info{child}))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// info is the fs.FileInfo of a node.
type info struct{ n *node }

func (i info) Name() string       { return i.n.name }
func (i info) Size() int64        { return int64(len(i.n.data)) }
func (i info) ModTime() time.Time { return i.n.modified }
func (i info) IsDir() bool        { return i.n.children != nil }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.IsDir() {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// openFile is an open file; reading and seeking are the reader's.
type openFile struct {
	node *node
	*bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return info{f.node}, nil }
func (f *openFile) Close() error               { return nil }

// openFolder is an open folder with the entries that were not read yet.
type openFolder struct {
	node    *node
	entries []fs.DirEntry
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return info{f.node}, nil }
func (f *openFolder) Close() error               { return nil }

func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.node.name, Err: fs.ErrInvalid}
}

func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n >= len(f.entries) {
		all := f.entries
		f.entries = nil
		if n > 0 && len(all) == 0 {
			return nil, io.EOF
		}
		return all, nil
	}
	some := f.entries[:n]
	f.entries = f.entries[n:]
	return some, nil
}
