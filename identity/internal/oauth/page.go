package oauth

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// messageType is what Backstage's front-end waits for.
const messageType = "authorization_response"

// message is posted to the page that opened the window.
type message struct {
	Type     string          `json:"type"`
	Response *signin.Session `json:"response,omitempty"`
	Error    *messageError   `json:"error,omitempty"`
}

type messageError struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// envelope is what the page's script reads.
type envelope struct {
	TargetOrigin string  `json:"targetOrigin"`
	Message      message `json:"message"`
}

// page tells the opener the origin that the answer is for, so that it can
// explain a misconfiguration, and then posts the answer to that origin alone.
// Without an opener it stays open and says what happened.
var page = template.Must(template.New("frame").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Heading}}</title>
<style nonce="{{.Nonce}}">
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1c2024; background: #f8f9fa; }
main { max-width: 34rem; margin: 18vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.4rem; }
a { color: #0b5cad; }
@media (prefers-color-scheme: dark) { body { color: #e8eaed; background: #16181b; } a { color: #8ab4f8; } }
</style>
</head>
<body>
<main>
<h1>{{.Heading}}</h1>
<p role="status">{{.Text}}</p>
<p><a href="{{.Home}}">Go to the portal</a></p>
</main>
<script type="application/json" id="answer">{{.Envelope}}</script>
<script nonce="{{.Nonce}}">
(function () {
  var answer = JSON.parse(document.getElementById('answer').textContent);
  var asking = window.opener || (window.parent !== window ? window.parent : null);
  if (!asking) {
    return;
  }
  asking.postMessage({ type: 'config_info', targetOrigin: answer.targetOrigin }, '*');
  asking.postMessage(answer.message, answer.targetOrigin);
  setTimeout(function () { window.close(); }, 100);
})();
</script>
</body>
</html>
`))

const pagePolicy = "default-src 'none';script-src 'none';style-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'self'"

// answer writes the page.
func (p *Provider) answer(w http.ResponseWriter, status int, origin string, m message) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", pagePolicy)
	data := struct {
		Nonce, Heading, Text, Home string
		Envelope                   envelope
	}{
		Nonce: httpx.NonceCSP(h, "script-src", "style-src"), Heading: "You are signed in", Text: "You can close this window.",
		Home: origin, Envelope: envelope{origin, m},
	}
	if m.Error != nil {
		data.Heading, data.Text = "Sign-in failed", m.Error.Message
	}
	var b bytes.Buffer
	if err := page.Execute(&b, data); err != nil {
		return fmt.Errorf("render sign-in page: %w", err)
	}
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	return err
}

// ShowError implements signin.ErrorPage: the page that waits for the sign-in is
// told, by a message or, in the redirect flow, by the parameter error of the
// address it gets back.
func (p *Provider) ShowError(w http.ResponseWriter, r *http.Request, cause error) error {
	status, name, text := httpx.Outward(r, cause)
	var later interface{ RetryAfter() int }
	if errors.As(cause, &later) && later.RetryAfter() > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(later.RetryAfter()))
	}
	origin, redirectURL, flow := r.FormValue("origin"), r.FormValue("redirectUrl"), r.FormValue("flow")
	if s, err := decodeState(r.FormValue("state")); err == nil {
		origin, redirectURL, flow = s.origin, s.redirectURL, s.flow
	}
	if flow == flowRedirect {
		if target, err := p.deps.Origins.target(redirectURL); err == nil {
			q := target.Query()
			q.Set("error", text)
			target.RawQuery = q.Encode()
			redirect(w, target)
			return nil
		}
	}
	checked, err := p.deps.Origins.origin(origin)
	if err != nil {
		checked = p.deps.Origins.app
	}
	return p.answer(w, status, checked, message{Type: messageType, Error: &messageError{name, text}})
}
