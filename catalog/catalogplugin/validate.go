package catalogplugin

import (
	"context"
	"io"

	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/validate"
	"github.com/stagedoor/stagedoor/plugin"
)

// Validate judges the entity documents in the files and folders as the catalog
// would, and writes a verdict for each document to w: one JSON object a line,
// or lines for people. It reports whether every document is right. Kinds of
// catalog.kinds count when cfg is not nil. An error says that the judging
// itself was not possible.
func Validate(ctx context.Context, w io.Writer, cfg plugin.Config, asJSON, verbose bool, paths []string) (ok bool, err error) {
	opts := validate.Options{JSON: asJSON, Verbose: verbose}
	if cfg != nil {
		if opts.Model, err = model.FromConfig(cfg, false); err != nil {
			return false, err
		}
	}
	summary, err := validate.Run(ctx, w, opts, paths)
	return err == nil && summary.Failed == 0, err
}
