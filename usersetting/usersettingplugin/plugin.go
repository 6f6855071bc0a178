// Package usersettingplugin builds the capability of user settings, with the
// routes below /api/user-settings.
//
// Start reading at [New].
package usersettingplugin

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/signal"
	"github.com/stagedoor/stagedoor/usersetting"
	"github.com/stagedoor/stagedoor/usersetting/internal/rest"
	"github.com/stagedoor/stagedoor/usersetting/internal/service"
	"github.com/stagedoor/stagedoor/usersetting/internal/store"
)

// Deps are what the capability needs from the portal. All are required.
type Deps struct {
	DB      *db.DB
	Clock   func() time.Time
	Signals signal.Publisher
}

// UserSettings is the capability. It implements plugin.Plugin.
type UserSettings struct{ service *service.Service }

// New returns the capability.
func New(d Deps) *UserSettings {
	return &UserSettings{&service.Service{Store: store.New(d.DB, d.Clock), Signals: d.Signals}}
}

// Settings returns the users' settings, for other capabilities once Init has
// returned.
func (u *UserSettings) Settings() usersetting.Settings { return u.service }

// ID is "user-settings".
func (*UserSettings) ID() string { return "user-settings" }

// Init registers the routes.
func (u *UserSettings) Init(_ context.Context, h *plugin.Host) error {
	u.service.Logger = h.Logger
	(&rest.REST{Settings: u.service}).Register(h.HTTP)
	return nil
}

var _ plugin.Plugin = (*UserSettings)(nil)
