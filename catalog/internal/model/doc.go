// Package model knows what a valid entity is: the envelope that every entity
// shares, and the kinds, which are data (kinds/*.yaml, and the files of
// catalog.kinds in the configuration). It fills the default namespace, checks
// envelope and kind with the messages that users of Backstage know, derives
// relations from fields, and writes entities as canonical JSON.
//
// What not: it reads no files, resolves no placeholders, applies no location
// rules and stores nothing; those are catalog/internal/process and
// catalog/internal/ingest.
//
// Start reading at [Model] and [KindDefinition], then kinds/component.yaml;
// accept.go is the quick way past the JSON schema validator.
package model
