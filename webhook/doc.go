// Package webhook is the capability of being told: signed messages of outside
// systems come in below /api/events/http/<topic> and become events.
//
// What not: it knows no sender; integrations open a topic and check the
// signature of its messages (plugin.Events).
//
// Start reading at webhookplugin.New.
package webhook
