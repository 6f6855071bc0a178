package portal

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/internal/schedule"
	"github.com/stagedoor/stagedoor/plugin"
)

// taskInfo is how one scheduled task is shown.
type taskInfo struct {
	TaskID   string `json:"taskId"`
	PluginID string `json:"pluginId"`
	Scope    string `json:"scope"`
	Settings struct {
		Version      int    `json:"version"`
		Cadence      string `json:"cadence"`
		InitialDelay string `json:"initialDelayDuration,omitempty"`
		Timeout      string `json:"timeoutAfterDuration"`
	} `json:"settings"`
	TaskState struct {
		Status    string `json:"status"`
		StartsAt  string `json:"startsAt,omitempty"`
		StartedAt string `json:"startedAt,omitempty"`
		EndedAt   string `json:"lastRunEndedAt,omitempty"`
		Problem   string `json:"lastRunError,omitempty"`
	} `json:"taskState"`
	WorkerState struct {
		Status string `json:"status"`
	} `json:"workerState"`
}

// schedulerRoutes lets services list and trigger a plugin's scheduled tasks.
func schedulerRoutes(r plugin.Router, s *schedule.Scheduler, id string, log audit.Log) {
	r.Handle("GET /.backstage/scheduler/v1/tasks", plugin.ServicesOnly, func(w http.ResponseWriter, r *http.Request) error {
		states, err := s.States(r.Context(), id)
		if err != nil {
			return err
		}
		tasks := make([]taskInfo, 0, len(states))
		for _, st := range states {
			tasks = append(tasks, describeTask(id, st))
		}
		return httpx.JSON(w, r, map[string]any{"tasks": tasks})
	})
	r.Handle("POST /.backstage/scheduler/v1/tasks/{task}/trigger", plugin.ServicesOnly, func(w http.ResponseWriter, r *http.Request) error {
		task := r.PathValue("task")
		ctx, end := log.Begin(r.Context(), audit.Event{Plugin: id, Name: "task-trigger", Severity: audit.Medium, Target: task})
		if err := end(s.Trigger(ctx, id, task)); err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		return nil
	})
}

func describeTask(id string, st schedule.State) taskInfo {
	t := taskInfo{TaskID: st.Task.ID, PluginID: id, Scope: "global"}
	if st.Task.Local {
		t.Scope = "local"
	}
	t.Settings.Version = 2
	t.Settings.Cadence, t.Settings.Timeout = isoDuration(st.Task.Every), isoDuration(st.Task.Timeout)
	if st.Task.InitialDelay > 0 {
		t.Settings.InitialDelay = isoDuration(st.Task.InitialDelay)
	}
	t.TaskState.Status, t.WorkerState.Status = "idle", "idle"
	if st.Running {
		t.WorkerState.Status = "running"
	}
	if !st.Started.IsZero() && st.Ended.Before(st.Started) {
		t.TaskState.Status, t.TaskState.StartedAt = "running", stamp(st.Started)
	} else if !st.NextAt.IsZero() {
		t.TaskState.StartsAt = stamp(st.NextAt)
	}
	if !st.Ended.IsZero() {
		t.TaskState.EndedAt = stamp(st.Ended)
	}
	t.TaskState.Problem = st.Problem
	return t
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000+00:00") }

// isoDuration renders a duration as PT1H2M3S.
func isoDuration(d time.Duration) string {
	if d == 0 {
		return "PT0S"
	}
	var b strings.Builder
	b.WriteString("PT")
	if h := d / time.Hour; h > 0 {
		fmt.Fprintf(&b, "%dH", h)
	}
	if m := d % time.Hour / time.Minute; m > 0 {
		fmt.Fprintf(&b, "%dM", m)
	}
	if s := (d % time.Minute).Seconds(); s > 0 {
		fmt.Fprintf(&b, "%gS", s)
	}
	return b.String()
}

// restricted is the refusal of a caller that may use other plugins only.
func restricted(p identity.Principal) error {
	names := make([]string, 0, len(p.Access))
	for _, a := range p.Access {
		names = append(names, "'"+a.Plugin+"'")
	}
	return fault.Newf(fault.Forbidden, "This token's access is restricted to plugin(s) %s", strings.Join(names, ", "))
}
