package config

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// PrintCommand writes the configuration for people to read, as yaml (also "")
// or json, with secrets masked. With frontendOnly it writes what browsers see.
func PrintCommand(ctx context.Context, c *Config, w io.Writer, format string, frontendOnly bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	shown := c.Redacted()
	if frontendOnly {
		shown = c.Frontend()
	}
	var text []byte
	var err error
	switch format {
	case "", "yaml":
		text, err = yamlx.Marshal(shown)
	case "json":
		text, err = json.MarshalIndent(shown, "", "  ")
		text = append(text, '\n')
	default:
		return fault.Newf(fault.Invalid, "format %q is not known; use yaml or json", format)
	}
	if err == nil {
		_, err = w.Write(text)
	}
	if err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	return nil
}

// CheckCommand loads the configuration and writes every problem on a line of
// its own. It reports whether there is no error; warnings are written, too,
// but do not count.
func CheckCommand(ctx context.Context, sources Sources, w io.Writer) bool {
	c, err := Load(ctx, sources)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			_, _ = fmt.Fprintln(w, strings.TrimSuffix(line, "\n"))
		}
		return false
	}
	problems := Check(c)
	for _, problem := range problems {
		_, _ = fmt.Fprintln(w, problem)
	}
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
		return false
	}
	_, _ = fmt.Fprintf(w, "configuration is valid: %s\n", strings.Join(c.Layers(), ", "))
	return true
}
