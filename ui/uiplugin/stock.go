package uiplugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"regexp"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// A stock build carries its page as a template with two sorts of expressions.
var (
	templateExpression = regexp.MustCompile(`<%=\s*(.*?)\s*%>`)
	configExpression   = regexp.MustCompile(`^config\.(?:getOptionalString|getString)\('([^']+)'\)(?:\s*\?\?\s*'([^']*)')?$`)
	injectedConfig     = regexp.MustCompile(`(?s)<script type="backstage\.io/config">.*?</script>`)
)

// stockPage renders the page of a stock build with the public configuration in
// it.
func (u *UI) stockPage() ([]byte, error) {
	data := u.deps.Frontend()
	source, err := fs.ReadFile(u.deps.Files, "index.html.tmpl")
	switch {
	case err == nil:
		source = templateExpression.ReplaceAllFunc(source, func(m []byte) []byte {
			return []byte(evaluate(string(templateExpression.FindSubmatch(m)[1]), data))
		})
	case errors.Is(err, fs.ErrNotExist):
		if source, err = fs.ReadFile(u.deps.Files, "index.html"); err != nil {
			return nil, fault.Newf(fault.NotFound, "the front-end folder has no index.html: %w", err)
		}
		source = injectedConfig.ReplaceAll(source, nil)
	default:
		return nil, fmt.Errorf("read page template: %w", err)
	}
	config, err := json.MarshalIndent([]any{map[string]any{"context": "app", "deprecatedKeys": []string{}, "data": data}}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode public configuration: %w", err)
	}
	script := append([]byte("\n<script type=\"backstage.io/config\">\n"), config...) // "<" is escaped by the encoder
	script = append(script, "\n</script>\n"...)
	before, after, found := bytes.Cut(source, []byte("</head>"))
	if !found {
		return nil, fault.New(fault.Invalid, "the page of the front-end folder has no </head>")
	}
	return bytes.Join([][]byte{before, script, []byte("</head>"), after}, nil), nil
}

// evaluate knows the path of the app, which is the root, and look-ups of
// configured strings.
func evaluate(expression string, data map[string]any) string {
	m := configExpression.FindStringSubmatch(expression)
	if m == nil {
		return "" // publicPath: the portal is served at the root
	}
	var v any = data
	for part := range strings.SplitSeq(m[1], ".") {
		object, _ := v.(map[string]any)
		v = object[part]
	}
	if s, ok := v.(string); ok {
		return html.EscapeString(s)
	}
	return html.EscapeString(m[2])
}
