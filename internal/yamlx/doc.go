// Package yamlx reads YAML as the npm package yaml does, which is the reader
// behind Backstage's files, and writes JSON values as YAML.
//
// What: [Parse] turns a stream into documents of plain JSON values (nil, bool,
// float64, string, []any, map[string]any) by the YAML 1.2 core schema: yes is
// a string, 010 is ten, dates are strings, << is an ordinary key unless merge
// keys are switched on, a key that occurs twice is an error. Documents are
// independent of each other: a broken one carries its own error with line and
// column and the others are read. Sizes, nesting and alias expansion are
// limited. [Marshal] is the way back, in block style with stable key order.
//
// What not: it does not decode into structs and it knows no schema of any
// document. It does not keep comments.
//
// The syntax is parsed by go.yaml.in/yaml/v4; the meaning of scalars, tags,
// keys and aliases is decided here.
//
// Start reading at [Parse], then split.go and build.go.
package yamlx
