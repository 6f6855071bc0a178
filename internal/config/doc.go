// Package config reads app-config.yaml files the way Backstage does and hands
// out one immutable, typed view of the result.
//
// What: [Load] stacks files, URLs and APP_CONFIG_ variables, resolves ${VAR},
// $env, $file and $include, and merges objects deeply. Every value keeps the
// file and line it came from, so that every error can name them. A [Config] is
// asked by dotted path; [Config.Decode] fills structs. [Watcher] follows the
// files and swaps in a new Config when they change, but never a broken one.
// [Config.Frontend] is the part that browsers may see, [Config.Redacted] the
// part that people may see, [Check] finds wrong types and likely typing errors.
//
// What not: it does not know what the keys mean to a capability. known.txt
// lists names, types and visibility as data; unknown keys are always fine.
//
// Start reading at [Load] and [Config].
package config
