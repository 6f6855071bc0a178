package model

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// What a field of the envelope has to look like, in the words of the messages.
const (
	expectName   = "a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total"
	expectLabel  = "a string that is sequences of [a-z0-9] separated by [-], at most 63 characters in total"
	expectPrefix = "a valid prefix and/or suffix"
	expectKind   = "a string that is a sequence of [a-zA-Z][a-z0-9A-Z], at most 63 characters in total"
	expectURL    = "a string that is a valid url"
	expectText   = "a non empty string"

	learnMore = "To learn more about catalog file format, visit: https://github.com/backstage/backstage/blob/master/docs/architecture-decisions/adr002-default-catalog-file-format.md"
)

// checkFormats checks the fields of an entity that has passed the envelope
// schema, in the order in which Backstage does; maps are gone through by key.
func checkFormats(e catalog.Entity) *Error {
	meta := e.Metadata()
	switch {
	case !validAPIVersion(e.APIVersion()):
		return badFormat("apiVersion", expectPrefix, e.APIVersion())
	case !validKind(e.Kind()):
		return badFormat("kind", expectKind, e.Kind())
	case !validName(e.Name()):
		return badFormat("metadata.name", expectName, e.Name())
	}
	if ns, ok := meta["namespace"].(string); ok && !validDNSLabel(ns) {
		return badFormat("metadata.namespace", expectLabel, ns)
	}
	if err := checkMap("labels", meta["labels"], validLabelValue); err != nil {
		return err
	}
	if err := checkMap("annotations", meta["annotations"], nil); err != nil {
		return err
	}
	tags, _ := meta["tags"].([]any)
	for i, tag := range tags {
		if s, _ := tag.(string); !validTag(s) {
			return badFormat("tags."+strconv.Itoa(i), "", s)
		}
	}
	links, _ := meta["links"].([]any)
	for i, link := range links {
		if err := checkLink("links."+strconv.Itoa(i), link); err != nil {
			return err
		}
	}
	return nil
}

// checkMap checks labels or annotations; value is nil where any string will do.
func checkMap(field string, v any, value func(string) bool) *Error {
	m, _ := v.(map[string]any)
	bad, found := "", false
	for k, x := range m {
		s, _ := x.(string)
		if validPrefixed(k, validName) && (value == nil || value(s)) {
			continue
		}
		if !found || CompareUTF16(k, bad) < 0 {
			bad, found = k, true
		}
	}
	if !found {
		return nil
	}
	if !validPrefixed(bad, validName) {
		return badFormat(field+"."+bad, expectPrefix, bad)
	}
	s, _ := m[bad].(string)
	return badFormat(field+"."+bad, expectName, s)
}

func checkLink(field string, v any) *Error {
	link, _ := v.(map[string]any)
	if s, _ := link["url"].(string); !validURL(s) {
		return badFormat(field+".url", expectURL, s)
	}
	if s, ok := link["title"].(string); ok && s == "" {
		return badFormat(field+".title", expectText, s)
	}
	if s, ok := link["icon"].(string); ok && !validName(s) {
		return badFormat(field+".icon", expectName, s)
	}
	return nil
}

func badFormat(field, expected, found string) *Error {
	var b strings.Builder
	b.WriteString(`"` + field + `" is not valid; `)
	if expected != "" {
		b.WriteString(`expected ` + expected + ` but found "` + found + `". `)
	}
	b.WriteString(learnMore)
	return NewError("Error", b.String())
}

// validPrefixed accepts [prefix/]suffix with a DNS subdomain as the prefix.
func validPrefixed(s string, suffix func(string) bool) bool {
	prefix, rest, found := strings.Cut(s, "/")
	if !found {
		return suffix(s)
	}
	return validDNSSubdomain(prefix) && suffix(rest)
}

func validAPIVersion(s string) bool {
	return validPrefixed(s, func(v string) bool { return len(v) >= 1 && len(v) <= 63 && all(v, isAlphanumeric) })
}

func validKind(s string) bool {
	return len(s) >= 1 && len(s) <= 63 && isLetter(s[0]) && all(s, isAlphanumeric)
}

// validName accepts an object name: letters and digits at both ends, and also
// dashes, underscores and dots between.
func validName(s string) bool {
	return len(s) >= 1 && len(s) <= 63 && isAlphanumeric(s[0]) && isAlphanumeric(s[len(s)-1]) &&
		all(s, func(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' || c == '.' })
}

func validLabelValue(s string) bool { return s == "" || validName(s) }

// validDNSLabel accepts lower-case letters and digits, with dashes between.
func validDNSLabel(s string) bool {
	return len(s) >= 1 && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' &&
		all(s, func(c byte) bool { return isLower(c) || isDigit(c) || c == '-' })
}

func validDNSSubdomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for {
		label, rest, found := strings.Cut(s, ".")
		if !validDNSLabel(label) {
			return false
		}
		if !found {
			return true
		}
		s = rest
	}
}

// validTag accepts runs of [a-z0-9:+#] separated by single dashes.
func validTag(s string) bool {
	return len(s) >= 1 && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' && !strings.Contains(s, "--") &&
		all(s, func(c byte) bool {
			return isLower(c) || isDigit(c) || c == ':' || c == '+' || c == '#' || c == '-'
		})
}

// lineBreaks takes out what a browser takes out of URLs.
var lineBreaks = strings.NewReplacer("\t", "", "\n", "", "\r", "")

// validURL accepts what a browser's URL constructor accepts without a base.
func validURL(s string) bool {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	s = lineBreaks.Replace(s)
	scheme, rest, found := strings.Cut(s, ":")
	if !found || scheme == "" || !isLetter(scheme[0]) ||
		!all(scheme, func(c byte) bool { return isAlphanumeric(c) || c == '+' || c == '-' || c == '.' }) {
		return false
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ws", "wss", "ftp":
		return validAuthority(strings.TrimLeft(rest, `/\`), false)
	case "file":
		return true
	}
	if host, ok := strings.CutPrefix(rest, "//"); ok {
		return validAuthority(host, true)
	}
	return true
}

// validAuthority checks the host and port at the start of s.
func validAuthority(s string, emptyHost bool) bool {
	if i := strings.IndexAny(s, `/\?#`); i >= 0 {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	if strings.HasPrefix(s, "[") {
		_, err := url.Parse("http://" + s)
		return err == nil
	}
	host, port, _ := strings.Cut(s, ":")
	if host == "" {
		return emptyHost && port == ""
	}
	if strings.ContainsAny(host, " <>[]^|\x00\t\n\r") || strings.ContainsAny(port, ":") {
		return false
	}
	if port == "" {
		return true
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 0 && n <= 65535 && all(port, isDigit)
}

func all(s string, ok func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func isLower(c byte) bool        { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool        { return c >= '0' && c <= '9' }
func isLetter(c byte) bool       { return isLower(c) || c >= 'A' && c <= 'Z' }
func isAlphanumeric(c byte) bool { return isLetter(c) || isDigit(c) }
