// Package bitbucket connects the portal to Bitbucket Cloud and to Bitbucket
// Server (Data Center).
//
// What: [Plugin] reads files, folders and patterns behind the URLs of both. The
// two share a name and little else, so each has its own client.
//
// What not: it discovers nothing and takes in no webhooks.
//
// Start reading at [Plugin.Init]; then cloud.go and server.go.
package bitbucket
