// Package gitlab connects the portal to GitLab, on gitlab.com and on hosts of
// one's own.
//
// What: [Plugin] reads files, folders and patterns behind GitLab's URLs,
// discovers the catalog files of projects, reads users and groups, and takes in
// push and system hooks.
//
// What not: it creates nothing on GitLab.
//
// Start reading at [Plugin.Init]; then host.go for reading, projects.go and
// people.go for the providers, webhook.go for events.
package gitlab
