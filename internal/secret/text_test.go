package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/secret"
)

const plain = "s3cr3t-value"

func TestText_NeverPrintsItsValue(t *testing.T) {
	t.Parallel()
	text := secret.New(plain)
	type holder struct {
		Token  secret.Text
		hidden *secret.Text
	}
	rendered := map[string]string{"GoString": text.GoString(), "String": text.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%10s"} {
		rendered["verb "+verb] = fmt.Sprintf(verb, text)
		rendered["pointer, verb "+verb] = fmt.Sprintf(verb, &text)
		rendered["in a slice, verb "+verb] = fmt.Sprintf(verb, []secret.Text{text})
		rendered["in a struct, verb "+verb] = fmt.Sprintf(verb, holder{Token: text, hidden: &text})
	}
	asJSON, err := json.Marshal(map[string]any{"a": text, "b": &text, "c": holder{Token: text}})
	if err != nil {
		t.Fatal(err)
	}
	rendered["json"] = string(asJSON)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", text, "holder", holder{Token: text})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", text, "holder", holder{Token: text})
	rendered["slog"] = log.String()
	rendered["error"] = errors.New("token " + fmt.Sprint(text)).Error()
	for way, got := range rendered {
		if strings.Contains(got, plain) || strings.Contains(got, fmt.Sprintf("%x", plain)) {
			t.Errorf("%s leaks the secret: %s", way, got)
		}
	}
	if got := fmt.Sprintf("%s", text); got != secret.Mask {
		t.Errorf("renders as %q, want %q", got, secret.Mask)
	}
}

func TestText_RevealGivesBackWhatWasRead(t *testing.T) {
	t.Parallel()
	var in struct{ A, B, C secret.Text }
	if err := json.Unmarshal([]byte(`{"A":"`+plain+`","B":null}`), &in); err != nil {
		t.Fatal(err)
	}
	if got := in.A.Reveal(); got != plain {
		t.Errorf("Reveal() = %q, want %q", got, plain)
	}
	if !in.B.IsZero() || !in.C.IsZero() {
		t.Error("null and absent must stay the empty secret")
	}
	var text secret.Text
	if err := text.UnmarshalText([]byte(plain)); err != nil || !text.Equal(secret.New(plain)) {
		t.Errorf("UnmarshalText gives %q, %v", text.Reveal(), err)
	}
}

func TestText_AWrongTypeIsNamedWithoutTheValue(t *testing.T) {
	t.Parallel()
	var text secret.Text
	err := json.Unmarshal([]byte(`{"`+plain+`":1}`), &text)
	if err == nil || strings.Contains(err.Error(), plain) {
		t.Errorf("want an error that hides the value, got %v", err)
	}
}
