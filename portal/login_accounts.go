package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// renewBefore is how long before its end a token is renewed, so that it lasts
// for the command it was asked for.
const renewBefore = 2 * time.Minute

// account is a sign-in to a portal.
type account struct {
	Name         string    `json:"name"`
	URL          string    `json:"url"`
	User         string    `json:"user"`
	ClientID     string    `json:"clientId"`
	ClientSecret string    `json:"clientSecret,omitempty"`
	TokenURL     string    `json:"tokenEndpoint"`
	RevokeURL    string    `json:"revocationEndpoint"`
	UserInfoURL  string    `json:"userinfoEndpoint"`
	AccessToken  string    `json:"accessToken"`
	RefreshToken string    `json:"refreshToken,omitempty"`
	Expires      time.Time `json:"expires"`
}

// stale reports whether the token ends soon.
func (a account) stale(now time.Time) bool { return !now.Add(renewBefore).Before(a.Expires) }

// accountList is what the file holds.
type accountList struct {
	Current string    `json:"current"`
	Portals []account `json:"portals"`
}

func (l *accountList) index(name string) int {
	return slices.IndexFunc(l.Portals, func(a account) bool { return a.Name == name })
}

func (l *accountList) find(name string) (account, bool) {
	if i := l.index(name); i >= 0 {
		return l.Portals[i], true
	}
	return account{}, false
}

// update replaces what is known of a portal.
func (l *accountList) update(a account) {
	if i := l.index(a.Name); i >= 0 {
		l.Portals[i] = a
	} else {
		l.Portals = append(l.Portals, a)
	}
}

// put is update for a portal that becomes the current one.
func (l *accountList) put(a account) {
	l.update(a)
	l.Current = a.Name
}

// remove forgets a portal. The first that is left becomes the current one.
func (l *accountList) remove(name string) {
	l.Portals = slices.DeleteFunc(l.Portals, func(a account) bool { return a.Name == name })
	if l.Current != name {
		return
	}
	if l.Current = ""; len(l.Portals) > 0 {
		l.Current = l.Portals[0].Name
	}
}

// accountStore keeps accounts in a file that only the user may read. Processes
// take turns in changing it.
type accountStore struct{ dir string }

func newAccountStore(configDir string) accountStore {
	return accountStore{filepath.Join(configDir, "stagedoor")}
}

func (s accountStore) file() string { return filepath.Join(s.dir, "credentials.json") }

// read returns what is stored; a file that does not exist is empty.
func (s accountStore) read() (accountList, error) {
	var list accountList
	raw, err := os.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return list, fmt.Errorf("read credentials: %w", err)
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return list, fmt.Errorf("read credentials: %s is damaged, remove it and sign in again: %w", s.file(), err)
	}
	return list, nil
}

// change has fn change what is stored, while no other process does. Nothing
// changes when fn returns an error.
func (s accountStore) change(fn func(*accountList) error) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder for credentials: %w", err)
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(s.dir, "credentials.lock")).Lock()
	if err != nil {
		return fmt.Errorf("lock credentials: %w", err)
	}
	defer unlock()
	list, err := s.read()
	if err != nil {
		return err
	}
	if err := fn(&list); err != nil {
		return err
	}
	return s.write(list)
}

// write replaces the file as a whole, so that nobody reads half of it.
func (s accountStore) write(list accountList) (err error) {
	raw, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("encode credentials: %w", err)
	}
	f, err := os.CreateTemp(s.dir, ".credentials-*") // 0600
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write credentials: %w", err), os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(append(raw, '\n')); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.file())
}
