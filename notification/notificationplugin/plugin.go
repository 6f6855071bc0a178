// Package notificationplugin builds the notification capability: the routes
// below /api/notifications, and the sender that others notify users with.
//
// Start reading at [New].
package notificationplugin

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/notification"
	"github.com/stagedoor/stagedoor/notification/internal/rest"
	"github.com/stagedoor/stagedoor/notification/internal/service"
	"github.com/stagedoor/stagedoor/notification/internal/store"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/signal"
)

// defaultRetention is how long notifications are kept.
const defaultRetention = 365 * 24 * time.Hour

// Deps are what the capability needs from the portal. All but Strict are
// required.
type Deps struct {
	DB      *db.DB
	Clock   func() time.Time
	NewID   func() string
	Signals signal.Publisher
	// Strict answers as Backstage does where we know better.
	Strict bool
}

// Notifications is the capability. It implements plugin.Plugin.
type Notifications struct {
	deps    Deps
	store   *store.Store
	service *service.Service
	config  atomic.Pointer[settings]
}

// settings are what the configuration says now.
type settings struct {
	defaults  service.Settings
	retention time.Duration // 0: for ever
}

// New returns the capability, not yet configured.
func New(d Deps) *Notifications {
	n := &Notifications{deps: d, store: store.New(d.DB, d.Clock, d.NewID)}
	n.config.Store(&settings{retention: defaultRetention})
	n.service = &service.Service{Deps: service.Deps{
		Store: n.store, Signals: d.Signals,
		Defaults: func() service.Settings { return n.config.Load().defaults },
	}}
	return n
}

// Sender returns who notifies users, for other capabilities once Init has
// returned and the catalog is ready.
func (n *Notifications) Sender() notification.Sender { return n.service }

// ID is "notifications".
func (*Notifications) ID() string { return "notifications" }

// Init reads the configuration and registers the routes.
func (n *Notifications) Init(ctx context.Context, h *plugin.Host) error {
	n.service.Logger, n.service.Catalog, n.service.Audit = h.Logger, h.Catalog.Reader, h.Audit
	if err := n.configure(h.Config); err != nil {
		return err
	}
	h.Config.Subscribe(func() {
		if err := n.configure(h.Config); err != nil {
			h.Logger.ErrorContext(ctx, "notifications keep the configuration they had", "error", err)
		}
	})
	(&rest.REST{Service: n.service, Store: n.store, Strict: n.deps.Strict}).Register(h.HTTP)
	h.Schedule.Add(plugin.Task{
		ID: "notification-cleaner", Every: 24 * time.Hour, Timeout: time.Hour, InitialDelay: time.Hour, Run: n.sweep,
	})
	return nil
}

func (n *Notifications) sweep(ctx context.Context) error {
	age := n.config.Load().retention
	if age == 0 {
		return nil
	}
	return n.service.Sweep(ctx, n.deps.Clock(), age)
}

func (n *Notifications) configure(cfg plugin.Config) error {
	s := &settings{retention: defaultRetention}
	if err := cfg.Decode("notifications.defaultSettings", &s.defaults); err != nil {
		return err
	}
	var retention any
	if err := cfg.Decode("notifications.retention", &retention); err != nil {
		return err
	}
	switch retention {
	case nil, true:
	case false:
		s.retention = 0
	default:
		age, err := plugin.ParseDuration(retention)
		if err != nil {
			return fmt.Errorf("notifications.retention: %w", err)
		}
		if age <= 0 {
			return fmt.Errorf("notifications.retention: %v is no time at all: write false to keep notifications for ever", retention)
		}
		s.retention = age
	}
	n.config.Store(s)
	return nil
}

var _ plugin.Plugin = (*Notifications)(nil)
