package authserver

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/stagedoor/stagedoor/internal/fetch"
)

const (
	maxDocument     = 16 << 10
	documentTimeout = 5 * time.Second
	documentTTL     = 5 * time.Minute
	refusalTTL      = 30 * time.Second
	maxDocuments    = 256
)

// document is a client id metadata document
// (draft-ietf-oauth-client-id-metadata-document).
type document struct {
	ClientID      string   `json:"client_id"`
	ClientName    string   `json:"client_name,omitempty"`
	RedirectURIs  []string `json:"redirect_uris"`
	ResponseTypes []string `json:"response_types,omitempty"`
	GrantTypes    []string `json:"grant_types,omitempty"`
	Scope         string   `json:"scope,omitempty"`
	AuthMethod    string   `json:"token_endpoint_auth_method,omitempty"`
}

// parseDocumentID checks the form of a URL client id. Plain http is for
// programs on the developer's own machine.
func parseDocumentID(id string, development bool) (*url.URL, error) {
	bad := func(why string) (*url.URL, error) {
		return nil, refuse(codeInvalidClient, "Invalid client_id: %s", why)
	}
	if len(id) > maxURI {
		return bad("it is too long")
	}
	u, err := url.Parse(id)
	if err != nil || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return bad("it is no URL")
	}
	segments := strings.Split(u.Path, "/")
	switch {
	case u.Scheme != "https" && (!development || !loopback(u)):
		return bad("it must use https")
	case u.Hostname() == "":
		return bad("it must name a host")
	case u.Path == "" || u.Path == "/":
		return bad("it must have a path")
	case slices.Contains(segments, ".") || slices.Contains(segments, ".."):
		return bad("the path must not contain dot segments")
	case u.Fragment != "" || strings.Contains(id, "#"):
		return bad("it must not contain a fragment")
	case u.User != nil:
		return bad("it must not contain credentials")
	case u.RawQuery != "" || u.ForceQuery:
		return bad("it must not contain a query string")
	}
	return u, nil
}

// documents fetches metadata documents and remembers them for a while, failures
// too, so that nobody can make the portal knock at another's door at will. It
// is safe for concurrent use.
type documents struct {
	fetch func(ctx context.Context, u *url.URL, development bool) ([]byte, error)
	now   func() time.Time

	flights singleflight.Group
	mu      sync.Mutex
	known   map[string]cachedDocument
}

type cachedDocument struct {
	document document
	err      error
	until    time.Time
}

// newDocuments uses the lookup for names, nil for the system's.
func newDocuments(now func() time.Time, lookup fetch.Guard) *documents {
	return &documents{fetch: fetcher{guard: lookup}.get, now: now, known: map[string]cachedDocument{}}
}

// get returns the document at the address, which has been checked. Problems
// are an *[Error] that tells the client's developer what is wrong.
func (d *documents) get(ctx context.Context, cfg *Settings, u *url.URL, id string) (document, error) {
	d.mu.Lock()
	hit, ok := d.known[id]
	d.mu.Unlock()
	if ok && d.now().Before(hit.until) {
		return hit.document, hit.err
	}
	// The fetch serves everybody who waits for it, so it does not end with one.
	result := d.flights.DoChan(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), documentTimeout)
		defer cancel()
		raw, err := d.fetch(ctx, u, cfg.development)
		entry := cachedDocument{until: d.now().Add(documentTTL)}
		if err == nil {
			entry.document, err = parseDocument(raw, id)
		}
		if err != nil {
			entry.err, entry.until = err, d.now().Add(refusalTTL)
		}
		d.remember(id, entry)
		return entry, nil
	})
	select {
	case <-ctx.Done():
		return document{}, ctx.Err()
	case r := <-result:
		entry, _ := r.Val.(cachedDocument)
		return entry.document, entry.err
	}
}

func (d *documents) remember(id string, entry cachedDocument) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= maxDocuments {
		now := d.now()
		for key, old := range d.known {
			if !now.Before(old.until) {
				delete(d.known, key)
			}
		}
		if len(d.known) >= maxDocuments {
			clear(d.known)
		}
	}
	d.known[id] = entry
}

// parseDocument checks what the draft asks of a document, and that the client
// is a public one: a document that everybody can read holds no secret.
func parseDocument(raw []byte, id string) (document, error) {
	var d struct {
		document
		Secret  json.RawMessage `json:"client_secret"`
		Expires json.RawMessage `json:"client_secret_expires_at"`
	}
	bad := func(why string) (document, error) {
		return document{}, refuse(codeInvalidClient, "Invalid client metadata document: %s", why)
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return bad("it is not the JSON object that is expected")
	}
	switch {
	case d.ClientID != id:
		return bad("client_id is not its own address")
	case len(d.RedirectURIs) == 0:
		return bad("it must include at least one redirect_uri")
	case d.Secret != nil || d.Expires != nil:
		return bad("it must not contain client_secret")
	case strings.HasPrefix(d.AuthMethod, "client_secret_"):
		return bad("token_endpoint_auth_method must not use a secret")
	}
	return d.document, nil
}

// fetcher gets documents from the public internet, and from loopback addresses
// in development when the client id names them.
type fetcher struct{ guard fetch.Guard }

// get makes one request, without following redirects.
func (f fetcher) get(ctx context.Context, u *url.URL, development bool) ([]byte, error) {
	guard := f.guard
	if development && loopback(u) {
		guard.Trust = func(string, string) fetch.Trust { return fetch.Inside }
	}
	transport := guard.Transport()
	transport.DisableKeepAlives = true
	client := &http.Client{
		Transport: transport, Timeout: documentTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, refuse(codeInvalidClient, "Invalid client_id: it is no URL")
	}
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		// Why is not said: the answer would map the network for strangers.
		return nil, refuse(codeInvalidClient, "Failed to fetch client metadata")
	}
	defer func() { _ = res.Body.Close() }() // what was read is all that counts
	return readDocument(res)
}

func readDocument(res *http.Response) ([]byte, error) {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode != http.StatusOK {
		return nil, refuse(codeInvalidClient, "Failed to fetch client metadata: status %d", res.StatusCode)
	}
	if media != "application/json" && !strings.HasSuffix(media, "+json") {
		return nil, refuse(codeInvalidClient, "Failed to fetch client metadata: it is not JSON")
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return nil, refuse(codeInvalidClient, "Failed to fetch client metadata: the answer broke off")
	}
	if n > maxDocument {
		return nil, refuse(codeInvalidClient, "Failed to fetch client metadata: it is larger than %d bytes", maxDocument)
	}
	return b.Bytes(), nil
}
