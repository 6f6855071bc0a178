package config

import (
	"regexp"
	"strings"

	"github.com/stagedoor/stagedoor/internal/secret"
)

var (
	// secretName matches keys that hold secrets in whatever plugin, compared
	// without case, dashes and underscores.
	secretName = regexp.MustCompile(`(?:token|password|passwd|passphrase|secret|secrets|apikey|accesskey|secretkey|privatekey|accountkey|signingkey|` +
		`sharedkey|encryptionkey|hmackey|authorization|cookie|credential|connectionstring|dsn|pat)$|^(?:key|auth|pass|pw|jwt|bearer|xapikey|cadata)$`)
	// suspectName matches keys that are secrets if their value came from the
	// environment or a file, which is how secrets are handed over.
	suspectName = regexp.MustCompile(`token|secret|passw|key|cred|auth|cert`)
	// harmlessName matches what only talks about a secret, such as tokenUrl.
	harmlessName = regexp.MustCompile(`(?:ur[il]|id|provider|path|file|host|name|type|mode|policy|engine|development|audience|alg|algorithm)$|^projectkey$`)

	urlPassword     = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*):([^@/\s]+)@`)
	settingPassword = regexp.MustCompile(`(?i)\b(password|pwd|accountkey|sharedaccesskey|secret)=('[^']*'|[^;\s&]+)`)
)

// Redacted returns the whole configuration as JSON types for people to read:
// the values of keys that are secret, by known.txt or by their name, are ***,
// and passwords inside connection strings and URLs are masked.
func (c *Config) Redacted() any {
	if c.root == nil {
		return map[string]any{}
	}
	return redacted(c.root, "", keySet{builtinKeys()}, false)
}

func redacted(v *value, name string, set keySet, hidden bool) any {
	connection := name == "connection" && set.has(isSecret)
	hidden = hidden || set.has(isSecret) && !connection || isSecretKey(name, v)
	switch v.kind {
	case listKind:
		items := make([]any, len(v.items))
		for i, item := range v.items {
			items[i] = redacted(item, "", set.item(), hidden)
		}
		return items
	case objectKind:
		fields := make(map[string]any, len(v.fields))
		for key, field := range v.fields {
			fields[key] = redacted(field, key, set.child(key), hidden)
		}
		return fields
	case scalarKind:
	}
	text, isText := v.scalar.(string)
	switch {
	case hidden && v.scalar != nil && (!isText || text != ""):
		return secret.Mask
	case connection && isText && !strings.Contains(text, "://") && !strings.Contains(text, "=") && v.outside:
		return secret.Mask
	case isText:
		return maskPasswords(text)
	}
	return v.scalar
}

// isSecretKey decides by the name of a key. Objects of such a name are walked
// into when they are called auth, cookie or credentials.
func isSecretKey(name string, v *value) bool {
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	if plain == "" {
		return false
	}
	if v.kind != scalarKind {
		return secretName.MatchString(plain) && plain != "auth" && plain != "cookie" && !strings.HasPrefix(plain, "credential")
	}
	if _, isBool := v.scalar.(bool); isBool {
		return false
	}
	return secretName.MatchString(plain) || v.outside && suspectName.MatchString(plain) && !harmlessName.MatchString(plain)
}

func maskPasswords(text string) string {
	text = urlPassword.ReplaceAllString(text, "${1}:"+secret.Mask+"@")
	return settingPassword.ReplaceAllString(text, "${1}="+secret.Mask)
}
