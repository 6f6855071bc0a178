package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

const maxBody = 64 << 10

type handler = func(w http.ResponseWriter, r *http.Request) error

// RegisterRoutes adds the routes below /api/auth. A route that the configuration has
// not opened answers as a sign-in provider that does not exist, as Backstage's
// do; the configuration may open it later.
func (s *Server) RegisterRoutes(r plugin.Router) {
	enabled := func(cfg *Settings) bool { return cfg.Enabled() }
	commandLine := func(cfg *Settings) bool { return cfg.cli }
	for _, route := range []struct {
		pattern string
		open    func(*Settings) bool
		handle  handler
	}{
		{"GET /v1/authorize", enabled, s.handleAuthorize},
		{"GET /v1/sessions/{id}", enabled, s.handleSession},
		{"POST /v1/sessions/{id}/approve", enabled, s.answer(s.Approve)},
		{"POST /v1/sessions/{id}/reject", enabled, s.answer(s.Reject)},
		{"POST /v1/token", enabled, s.handleToken},
		{"POST /v1/revoke", enabled, s.handleRevoke},
		{"POST /v1/register", func(cfg *Settings) bool { return cfg.registration }, s.handleRegister},
		{"GET /.well-known/oauth-client/cli.json", commandLine, s.handleCLIDocument},
		{"GET /.well-known/oauth-authorization-server", enabled, s.handleMetadata},
		{"GET /.well-known/oauth-protected-resource", enabled, s.handleResource},
	} {
		r.Handle(route.pattern, plugin.Unauthenticated, s.gate(route.open, route.handle))
	}
}

// gate answers 404 while the configuration does not open the route, and words
// errors as OAuth does.
func (s *Server) gate(open func(*Settings) bool, next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !open(s.settings.Load()) {
			first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/auth/"), "/")
			return fault.Newf(fault.NotFound, "Unknown auth provider '%s'", first)
		}
		err := next(w, r)
		if err == nil {
			return nil
		}
		return s.writeError(w, r, err)
	}
}

// writeError answers with an OAuth error. What is not meant for the client is
// logged and not told.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) error {
	var refusal *Error
	if !errors.As(err, &refusal) {
		switch fault.CodeOf(err) {
		case fault.Invalid:
			refusal = refuse(codeInvalidRequest, "The request could not be read")
		case fault.Unavailable:
			refusal = &Error{codeUnavailable, "Try again in a moment", http.StatusServiceUnavailable}
		default:
			refusal = &Error{codeServer, "An internal error occurred", http.StatusInternalServerError}
		}
		s.log.WarnContext(r.Context(), "OAuth request failed", "path", r.URL.Path, "requestId", httpx.RequestID(r.Context()), "error", err)
	}
	status, code := refusal.Status, refusal.Code
	if s.settings.Load().strict && code == codeInvalidGrant {
		status, code = http.StatusUnauthorized, codeInvalidClient // Backstage's word for it
	}
	if status == http.StatusUnauthorized && strings.HasPrefix(strings.ToLower(r.Header.Get("Authorization")), "basic ") {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth"`)
	}
	noStore(w)
	return httpx.JSONStatus(w, r, status, map[string]string{"error": code, "error_description": refusal.Description})
}

func tooLarge() *Error {
	return &Error{codeInvalidRequest, "The request is too large", http.StatusRequestEntityTooLarge}
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

func (s *Server) handleAuthorize(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refuse(codeInvalidRequest, "The query is malformed")
	}
	if err := once(query); err != nil {
		return err
	}
	location, err := s.Authorize(r.Context(), AuthorizeRequest{
		ClientID: query.Get("client_id"), RedirectURI: query.Get("redirect_uri"), ResponseType: query.Get("response_type"),
		Scope: query.Get("scope"), State: query.Get("state"), Nonce: query.Get("nonce"),
		Challenge: query.Get("code_challenge"), ChallengeMethod: query.Get("code_challenge_method"),
		Resource: query["resource"],
	})
	if err != nil {
		return err
	}
	noStore(w)
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
	return nil
}

// once refuses parameters that are there twice: two readers could see two
// requests. Only resource may be repeated (RFC 8707).
func once(values url.Values) error {
	for name, list := range values {
		if len(list) > 1 && name != "resource" {
			return refuse(codeInvalidRequest, "A parameter is there more than once: %s", displayName(name, "?"))
		}
	}
	return nil
}

func (s *Server) handleSession(w http.ResponseWriter, r *http.Request) error {
	consent, err := s.Session(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	noStore(w)
	return httpx.JSON(w, r, consent)
}

// answer is the consent page's answer. It takes the user's full token: a
// cookie, which any site can make a browser send, is not enough, and nor is
// what a client got from here, or an hour's token could be made a year's.
func (s *Server) answer(decide func(ctx context.Context, id, userRef string) (string, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p := plugin.PrincipalOf(r)
		if p.Kind != identity.User || p.Limited || p.Via != "" {
			return &Error{codeUnauthorized, "Authentication required", http.StatusUnauthorized}
		}
		if clientOf(p.Token).Client != "" {
			return &Error{codeDenied, "A client cannot answer for the user; sign in with the browser", http.StatusForbidden}
		}
		redirect, err := decide(r.Context(), r.PathValue("id"), p.Subject)
		var refusal *Error
		if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
			return refuse(codeInvalidRequest, "%s", refusal.Description)
		}
		if err != nil {
			return err
		}
		noStore(w)
		return httpx.JSON(w, r, map[string]string{"redirectUrl": redirect})
	}
}

func (s *Server) handleToken(w http.ResponseWriter, r *http.Request) error {
	form, given, err := readForm(r)
	if err != nil {
		return err
	}
	answer, err := s.Exchange(r.Context(), TokenRequest{
		GrantType: form.Get("grant_type"), Code: form.Get("code"), RedirectURI: form.Get("redirect_uri"), Verifier: form.Get("code_verifier"),
		RefreshToken: form.Get("refresh_token"), Scope: form.Get("scope"), Resource: form["resource"], Client: given,
	})
	if err != nil {
		return err
	}
	noStore(w)
	return httpx.JSON(w, r, answer)
}

func (s *Server) handleRevoke(w http.ResponseWriter, r *http.Request) error {
	form, given, err := readForm(r)
	if err != nil {
		return err
	}
	if err := s.Revoke(r.Context(), form.Get("token"), given); err != nil {
		return err
	}
	noStore(w)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) handleRegister(w http.ResponseWriter, r *http.Request) error {
	var registration Registration
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := httpx.DecodeJSON(r, nil, &registration); err != nil {
		if fault.Is(err, fault.TooLarge) {
			return tooLarge()
		}
		if fault.Is(err, fault.Invalid) {
			return refuse(s.settings.Load().word(codeInvalidMetadata), "The body must be a JSON object with client metadata")
		}
		return err
	}
	answer, err := s.Register(r.Context(), registration)
	if err != nil {
		return err
	}
	noStore(w)
	return httpx.JSONStatus(w, r, http.StatusCreated, answer)
}

func (s *Server) handleCLIDocument(w http.ResponseWriter, r *http.Request) error {
	return httpx.JSON(w, r, cliDocument(s.settings.Load()))
}

func (s *Server) handleMetadata(w http.ResponseWriter, r *http.Request) error {
	doc, _ := s.Metadata()
	return httpx.JSON(w, r, doc)
}

func (s *Server) handleResource(w http.ResponseWriter, r *http.Request) error {
	doc, _ := s.Resource("")
	return httpx.JSON(w, r, doc)
}

// RegisterRoot adds the well-known addresses at the root of the portal, where
// clients look that know no more than the address of a resource. handle is
// given patterns of net/http.
func (s *Server) RegisterRoot(handle func(pattern string, h http.Handler)) {
	serve := func(doc func(r *http.Request) (map[string]any, bool)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if d, ok := doc(r); !ok {
				httpx.WriteError(w, r, fault.New(fault.NotFound, "not found"))
			} else if err := httpx.JSON(w, r, d); err != nil {
				s.log.DebugContext(r.Context(), "write metadata", "error", err)
			}
		})
	}
	metadata := serve(func(*http.Request) (map[string]any, bool) { return s.Metadata() })
	handle("GET /.well-known/oauth-authorization-server", metadata)
	handle("GET /.well-known/oauth-authorization-server/api/auth", metadata)
	resource := serve(func(r *http.Request) (map[string]any, bool) { return s.Resource(r.PathValue("path")) })
	handle("GET /.well-known/oauth-protected-resource", resource)
	handle("GET /.well-known/oauth-protected-resource/{path...}", resource)
}

// readForm reads the body of a request to the token or the revocation
// endpoint, which may be a form, as OAuth has it, or JSON, as Backstage's own
// clients send it, and the client's credentials.
func readForm(r *http.Request) (url.Values, Credentials, error) {
	form, err := readValues(r)
	if err != nil {
		return nil, Credentials{}, err
	}
	given := Credentials{ID: form.Get("client_id"), Secret: form.Get("client_secret")}
	id, secret, ok := r.BasicAuth()
	if !ok {
		return form, given, nil
	}
	// RFC 6749 §2.3.1 has both encoded as in a form.
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil {
		return nil, given, unauthenticated("Invalid client credentials")
	}
	if given.Secret != "" || given.ID != "" && given.ID != id {
		return nil, given, refuse(codeInvalidRequest, "The client authenticates in two ways")
	}
	return form, Credentials{ID: id, Secret: secret}, nil
}

func readValues(r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, refuse(codeInvalidRequest, "The body must be a form or a JSON object")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read request body")
	}
	if len(raw) > maxBody {
		return nil, tooLarge()
	}
	switch media {
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, refuse(codeInvalidRequest, "The form is malformed")
		}
		return values, once(values)
	case "application/json":
		return jsonValues(raw)
	}
	return nil, refuse(codeInvalidRequest, "The body must be a form or a JSON object")
}

func jsonValues(raw []byte) (url.Values, error) {
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, refuse(codeInvalidRequest, "The body is no JSON object")
	}
	values := url.Values{}
	for name, v := range object {
		switch v := v.(type) {
		case nil:
		case string:
			values.Set(name, v)
		case []any:
			for _, x := range v {
				text, ok := x.(string)
				if !ok || name != "resource" {
					return nil, refuse(codeInvalidRequest, "%s must be a string", displayName(name, "?"))
				}
				values.Add(name, text)
			}
		default:
			return nil, refuse(codeInvalidRequest, "%s must be a string", displayName(name, fmt.Sprintf("%T", v)))
		}
	}
	return values, nil
}
