package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// ReadBody returns the body of r, which must be JSON by its content type. An
// empty body is an empty object, as Express has it.
func ReadBody(r *http.Request) ([]byte, error) {
	given := r.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(given)
	if err != nil {
		media, _, _ = strings.Cut(given, ";")
		media = strings.TrimSpace(media)
	}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return []byte("{}"), nil
	}
	if media != "application/json" && !strings.HasSuffix(media, "+json") {
		if media == "" {
			return nil, fault.New(fault.Invalid, "media type not specified")
		}
		return nil, fault.New(fault.Invalid, "unsupported media type "+media)
	}
	var b bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength < keptBuffer {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := io.Copy(&b, r.Body); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, fault.Wrap(fault.TooLarge, err, "request entity too large")
		}
		return nil, fault.Wrap(fault.Invalid, err, "read request body")
	}
	if len(bytes.TrimSpace(b.Bytes())) == 0 {
		return []byte("{}"), nil
	}
	return b.Bytes(), nil
}

// DecodeJSON reads the body of r into v. If schema is not nil, the body is
// checked against it first. It returns an error with code invalid for another
// media type, for what is not JSON, for what does not fit, and too_large for
// a body over the limit.
func DecodeJSON(r *http.Request, schema *Schema, v any) error {
	body, err := ReadBody(r)
	if err != nil {
		return err
	}
	return decode(body, schema, v)
}

func decode(body []byte, schema *Schema, v any) error {
	// Only objects and lists are taken for JSON bodies.
	if first := bytes.TrimLeft(body, " \t\r\n")[0]; first != '{' && first != '[' || !json.Valid(body) {
		return fault.New(fault.Invalid, bodyMessage(body))
	}
	if schema != nil {
		var generic any
		if err := json.Unmarshal(body, &generic); err != nil {
			return fault.Wrap(fault.Invalid, err, "read request body")
		}
		if err := schema.Check("request/body", generic); err != nil {
			return err
		}
		if target, ok := v.(*any); ok {
			*target = generic
			return nil
		}
		if target, ok := v.(*map[string]any); ok {
			if object, ok := generic.(map[string]any); ok {
				*target = object
				return nil
			}
		}
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(body, v); err != nil {
		return typeFault(err)
	}
	return nil
}

// typeFault words a value of the wrong type as the schema check would.
func typeFault(err error) error {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return fault.Wrap(fault.Invalid, err, "read request body")
	}
	where := "request/body"
	if mismatch.Field != "" {
		where += "/" + strings.ReplaceAll(mismatch.Field, ".", "/")
	}
	want := mismatch.Type.Kind().String()
	switch {
	case want == "struct" || want == "map":
		want = "object"
	case want == "slice":
		want = "array"
	case want == "bool":
		want = "boolean"
	case strings.HasPrefix(want, "int") || strings.HasPrefix(want, "uint"):
		want = "integer"
	case strings.HasPrefix(want, "float"):
		want = "number"
	}
	return fault.New(fault.Invalid, fmt.Sprintf("%s must be %s", where, want))
}
