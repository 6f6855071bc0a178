package journal

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/internal/telemetry"
)

// Levels are the levels of the lines by severity.
type Levels map[audit.Severity]slog.Level

// DefaultLevels are those of Backstage.
func DefaultLevels() Levels {
	return Levels{audit.Low: slog.LevelDebug, audit.Medium: slog.LevelInfo, audit.High: slog.LevelInfo, audit.Critical: slog.LevelInfo}
}

// ParseLevels reads backend.auditor.severityLogLevelMappings. It returns an
// error with code invalid for unknown severities and levels.
func ParseLevels(mappings map[string]string) (Levels, error) {
	levels := DefaultLevels()
	for name, value := range mappings {
		severity := audit.Severity(name)
		if _, known := levels[severity]; !known {
			return nil, fault.Newf(fault.Invalid, "backend.auditor.severityLogLevelMappings: %q is none of low, medium, high, critical", name)
		}
		level, err := telemetry.ParseLevel(value)
		if err != nil || value == "" {
			return nil, fault.Newf(fault.Invalid, "backend.auditor.severityLogLevelMappings.%s: expected debug, info, warn or error, found %q", name, value)
		}
		levels[severity] = level
	}
	return levels, nil
}

// line writes the event to the log of the process, in the fields of
// Backstage's auditor (backend-defaults, auditorServiceFactory), so that what
// reads those lines today goes on working. What Backstage does not have comes
// last.
func (j *Journal) line(ctx context.Context, entry *chain.Entry, status string) {
	e := &entry.Event
	level, ok := j.Levels()[e.Severity]
	if !ok || !j.Logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.Bool("isAuditEvent", true), slog.String("plugin", e.Plugin), slog.String("eventId", e.Name),
		slog.String("severityLevel", string(e.Severity)),
	}
	facts, requested := httpx.FactsOf(ctx)
	attrs = append(attrs, group(
		"actor", "actorId", e.Actor.Subject, "ip", e.Actor.IP, "hostname", facts.Host, "userAgent", e.Actor.UserAgent,
	))
	if requested || e.Request.Method != "" {
		attrs = append(attrs, group("request", "url", e.Request.Path, "method", e.Request.Method))
	}
	if entry.Meta != "{}" && entry.Meta != "" {
		var meta map[string]any
		if json.Unmarshal([]byte(entry.Meta), &meta) == nil {
			attrs = append(attrs, slog.Any("meta", meta))
		}
	}
	attrs = append(attrs, slog.String("status", status))
	if status == string(audit.Failed) {
		attrs = append(attrs, slog.String("error", e.Reason))
	}
	attrs = append(attrs, slog.String("id", e.ID))
	for _, f := range [][2]string{{"target", e.Target}, {"requestId", e.Request.ID}, {"via", e.Actor.Via}} {
		if f[1] != "" {
			attrs = append(attrs, slog.String(f[0], f[1]))
		}
	}
	j.Logger.LogAttrs(ctx, level, e.Plugin+"."+e.Name, attrs...) //nolint:sloglint // Backstage's auditor names the event so
}

// group makes an object of the members that have a value.
func group(name string, pairs ...string) slog.Attr {
	var members []slog.Attr
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			members = append(members, slog.String(pairs[i], pairs[i+1]))
		}
	}
	return slog.Attr{Key: name, Value: slog.GroupValue(members...)}
}
