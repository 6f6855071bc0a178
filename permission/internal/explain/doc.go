// Package explain says why somebody may do something or not: which statement
// of the policy decides, what each part of its condition says about a
// resource, what a user can see, and who can see a resource.
//
// What not: it decides nothing of its own; the policy in force and the rules
// of the plugins do. It does not ask whether the asker may know.
//
// Start reading at [Explainer.Explain].
package explain
