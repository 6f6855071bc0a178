package secret

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Mask is what a secret looks like wherever it is rendered.
const Mask = "***"

// Text is a secret string. The zero value is the empty secret. Compare two of
// them with [Text.Equal]. Safe for concurrent use; only the unmarshalling
// methods change a value in place.
//
// The text lies behind a pointer, because fmt calls no methods on unexported
// fields: a struct that holds a Text in one prints an address, not the secret.
type Text struct{ plain *string }

// New returns the secret that holds plain.
func New(plain string) Text { return Text{plain: &plain} }

// Reveal returns the plain text. Call it only where the text is needed, such
// as when a request is signed, and keep the result out of errors and logs.
func (t Text) Reveal() string {
	if t.plain == nil {
		return ""
	}
	return *t.plain
}

// Equal reports whether both secrets hold the same text. How long it takes
// depends on the lengths, not on the place of the first difference.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// IsZero reports whether the secret is empty; encoding/json's omitzero uses it.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// String returns [Mask].
func (t Text) String() string { return Mask }

// GoString returns [Mask], which covers the verb %#v.
func (t Text) GoString() string { return Mask }

// Format writes [Mask] for every verb, so that %x or %d cannot leak either.
func (t Text) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, Mask) }

// LogValue makes slog print [Mask].
func (t Text) LogValue() slog.Value { return slog.StringValue(Mask) }

// MarshalJSON returns the JSON string of [Mask]; it never fails.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(Mask) }

// MarshalText returns [Mask]; it never fails.
func (t Text) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// UnmarshalJSON reads a JSON string as the plain text; null leaves the value
// as it is. Any other JSON value is an error that does not repeat the value.
func (t *Text) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var plain string
	if err := json.Unmarshal(data, &plain); err != nil {
		return fmt.Errorf("read a secret: expected a JSON string")
	}
	t.plain = &plain
	return nil
}

// UnmarshalText takes text as the plain text; it never fails.
func (t *Text) UnmarshalText(text []byte) error {
	plain := string(text)
	t.plain = &plain
	return nil
}
