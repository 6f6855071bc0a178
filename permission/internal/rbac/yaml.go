package rbac

import (
	"errors"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
)

// ReadConditions reads the file of conditional policies: YAML documents, one
// policy each; empty documents are passed over. The file is taken as a whole
// or not at all, because a condition that is lost may leave a door open: the
// error names all mistakes with file and line.
func ReadConditions(file string, data []byte, limits Limits) ([]Conditional, error) {
	if len(data) > limits.Bytes {
		return nil, fault.Newf(fault.TooLarge, "%s: the file has %d bytes, more than %s (%d)", file, len(data), keyBytes, limits.Bytes)
	}
	var (
		out  []Conditional
		errs []error
		docs int
	)
	for doc := range yamlx.Documents(data, yamlx.Options{File: file, MaxBytes: limits.Bytes + 1}) {
		switch {
		case doc.Err != nil:
			errs = append(errs, doc.Err)
			continue
		case doc.Empty:
			continue
		}
		if docs++; docs > limits.Docs {
			return nil, fault.Newf(fault.TooLarge, "%s:%d: the file has more documents than %s (%d)", file, doc.Line, keyDocs, limits.Docs)
		}
		c, err := DecodeConditional(doc.Value, limits)
		var at *PathError
		if errors.As(err, &at) {
			errs = append(errs, fault.At(doc.Position(at.Path...), "%s", at.Message))
			continue
		}
		c.At = permission.Source{File: file, Line: doc.Line, Statement: c.Text()}
		for i := range out {
			if overlap := overlapOf(&c, &out[i]); overlap != "" {
				errs = append(errs, fault.At(fault.Position{File: file, Line: doc.Line},
					"the permission mapping overlaps with that of line %d for resource type '%s'. Overlapping entries: %s.", out[i].At.Line, c.ResourceType, overlap))
				break
			}
		}
		out = append(out, c)
	}
	if len(errs) > 0 {
		return nil, joined(errs)
	}
	return out, nil
}

// overlapOf describes what two policies of one role both decide.
func overlapOf(a, b *Conditional) string {
	if a.Role != b.Role || a.ResourceType != b.ResourceType || a.Plugin != b.Plugin {
		return ""
	}
	return Overlap(a.Mapping, b.Mapping)
}

// mostMistakes bounds the message of a file that is wrong all through.
const mostMistakes = 20

func joined(errs []error) error {
	if n := len(errs); n > mostMistakes {
		errs = append(errs[:mostMistakes:mostMistakes], fmt.Errorf("and %d more mistakes", n-mostMistakes))
	}
	return fault.Newf(fault.Invalid, "%w", errors.Join(errs...))
}
