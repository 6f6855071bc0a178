package portal

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// openBrowser opens the address, which starts with http, in the user's
// browser. It does not wait for the browser to end.
func openBrowser(ctx context.Context, address string) error {
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return fmt.Errorf("open %s: not an address for a browser", address)
	}
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	// A browser outlives the command that opened it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
