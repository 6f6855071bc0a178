package model

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"github.com/stagedoor/stagedoor/catalog"
)

// RejectedURL takes the place of a script URL in the annotations that user
// interfaces make links of.
const RejectedURL = "https://backstage.io/annotation-rejected-for-security-reasons"

// scriptURL matches what a browser takes for a javascript: URL: control
// characters and blanks before it, tabs and line ends within.
var scriptURL = regexp.MustCompile(`(?i)^[\x00-\x20]*j[\r\n\t]*a[\r\n\t]*v[\r\n\t]*a[\r\n\t]*s[\r\n\t]*c[\r\n\t]*r[\r\n\t]*i[\r\n\t]*p[\r\n\t]*t[\r\n\t]*:`)

// IsScriptURL reports whether a browser would run s as a script.
func IsScriptURL(s string) bool { return scriptURL.MatchString(s) }

// SanitizeURLs replaces view and edit URLs that a browser would run as a
// script by [RejectedURL], in place.
func SanitizeURLs(e catalog.Entity) {
	for _, name := range []string{catalog.AnnotationViewURL, catalog.AnnotationEditURL} {
		if v := e.Annotation(name); v != "" && IsScriptURL(v) {
			e.SetAnnotation(name, RejectedURL)
		}
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
