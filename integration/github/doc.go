// Package github connects the portal to GitHub, on github.com and on GitHub
// Enterprise.
//
// What: [Plugin] reads files, folders and patterns behind GitHub's URLs,
// discovers the catalog files of an organisation's repositories, reads users
// and teams, and takes in webhooks. Credentials are a token or GitHub Apps.
//
// What not: it creates nothing on GitHub. Which locations a push refreshes is
// the catalog's affair; this package says only which repositories and files
// there are.
//
// Start reading at [Plugin.Init]; then host.go for reading, repositories.go and
// people.go for the providers, webhook.go for events.
package github
