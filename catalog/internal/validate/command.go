package validate

import (
	"context"
	"io"

	"github.com/stagedoor/stagedoor/catalog/internal/model"
)

// Options say how [Run] judges and writes.
type Options struct {
	// Model is what is right, usually from [model.FromConfig].
	Model model.Options
	// Merge switches YAML merge keys on.
	Merge bool
	// JSON writes one object a line instead of text for people.
	JSON bool
	// Verbose tells people also of the documents that are right.
	Verbose bool
}

// Run is the command: it judges the paths and writes the verdicts to w, and
// for people a line of counts behind them. Summary.Failed above zero means
// exit code 1. Errors are those of [Validator.Paths] and of wrong kinds.
func Run(ctx context.Context, w io.Writer, opts Options, paths []string) (Summary, error) {
	v := Validator{Merge: opts.Merge}
	var err error
	if v.Model, err = model.New(opts.Model); err != nil {
		return Summary{}, err
	}
	if !opts.Model.AI {
		with := opts.Model
		with.AI = true
		if v.AI, err = model.New(with); err != nil {
			return Summary{}, err
		}
	}
	sum, err := v.Paths(ctx, paths, func(r Result) error {
		if opts.JSON {
			return WriteJSON(w, r)
		}
		return WriteText(w, r, opts.Verbose)
	})
	if err != nil || opts.JSON {
		return sum, err
	}
	return sum, WriteSummary(w, sum)
}
