// Package process turns what stands in a file into entities that may be
// served: it reads locations, checks envelope and kind, runs the processors
// and applies the location rules.
//
// What: [Pipeline.Process] takes one unprocessed entity through the whole
// chain in memory. A Location is read, and its children are handed to a sink
// while they come. Nothing bad stops its neighbours: a document that cannot be
// used becomes a problem that names file, line and reason, unless strict mode
// asks for Backstage's all or nothing. [Pipeline.ValidateEntity],
// [Pipeline.DryRun] and [Pipeline.Analyze] are the same chain for the REST
// calls of those names.
//
// What not: it stores nothing, schedules nothing and decides nothing about
// conflicts between locations; that is catalog/internal/ingest. What a kind is
// is decided by catalog/internal/model.
//
// Start reading at [Pipeline.Process] in pipeline.go, then location.go.
package process
