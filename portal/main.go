package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/plugin"
)

// Exit codes of the command.
const (
	exitOK      = 0
	exitFailed  = 1 // the work was done and the answer is no, or it could not be done
	exitMisused = 2 // the command line is wrong
)

// Main runs the stagedoor command with the built-in capabilities and the given
// plugins, and returns the exit code. It handles SIGINT and SIGTERM.
func Main(version string, plugins ...plugin.Plugin) int {
	busyMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := &environment{
		Version: version, Plugins: plugins,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Args: os.Args[1:], LookupEnv: os.LookupEnv, Environ: os.Environ(),
		Clock: time.Now, NewID: uuid.NewString,
		ConfigDir: os.UserConfigDir, OpenURL: openBrowser,
	}
	return env.main(ctx)
}

// environment is everything the command takes from the process it runs in, so
// that tests run the same command.
type environment struct {
	Version        string
	Plugins        []plugin.Plugin
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Args           []string
	LookupEnv      func(string) (string, bool)
	Environ        []string
	Clock          func() time.Time
	NewID          func() string
	// ConfigDir is where the user's programs keep what they remember.
	ConfigDir func() (string, error)
	// OpenURL opens an address in the user's browser, and does not wait.
	OpenURL func(ctx context.Context, address string) error
}

// configFlags say where the configuration is.
type configFlags struct {
	Config []string `placeholder:"FILE" help:"Configuration file or URL; repeat for layers, later ones win. Default: app-config.yaml and app-config.local.yaml of the working directory."`
}

func (f configFlags) sources(env *environment) config.Sources {
	return config.Sources{Paths: f.Config, Env: env.LookupEnv, Environ: env.Environ}
}

// commands is the command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the portal."`
	Login   loginCommand   `cmd:"" help:"Sign in to a portal with the browser."`
	Logout  logoutCommand  `cmd:"" help:"Sign out of a portal."`
	Whoami  whoamiCommand  `cmd:"" help:"Say who one is at a portal."`
	Token   tokenCommand   `cmd:"" help:"Print a fresh access token, for scripts."`
	Config  configCommands `cmd:"" help:"Look at the configuration."`
	Catalog struct {
		Validate validateCommand `cmd:"" help:"Check entity files as the catalog would."`
		Export   exportCommand   `cmd:"" help:"Write the entities of the catalog as YAML."`
	} `cmd:"" help:"Work with entities."`
	Audit  auditCommands `cmd:"" help:"Look at the audit log."`
	Import struct {
		Backstage importCommand `cmd:"" help:"Copy the registered locations of a running Backstage."`
	} `cmd:"" help:"Bring things in."`
	Migrate struct {
		Up     migrateUpCommand     `cmd:"" help:"Bring the database to this version."`
		Status migrateStatusCommand `cmd:"" help:"Show which migrations are applied."`
	} `cmd:"" help:"Look after the database."`
	Policy  policyCommands `cmd:"" help:"Look at policies."`
	Version versionCommand `cmd:"" help:"Show the version."`
}

// errNo says that the command worked and the answer is no; what is to be said
// has been said.
var errNo = errors.New("no")

func (env *environment) main(ctx context.Context) int {
	var cli commands
	done := -1
	parser, err := kong.New(&cli,
		kong.Name("stagedoor"), kong.Description("The developer portal in one binary."),
		kong.UsageOnError(), kong.Writers(env.Stdout, env.Stderr),
		kong.Exit(func(code int) {
			if done < 0 {
				done = code
			}
		}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(env),
	)
	if err != nil {
		fmt.Fprintln(env.Stderr, "stagedoor:", err)
		return exitFailed
	}
	args := env.Args
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if done >= 0 { // --help
		return done
	}
	if err != nil {
		fmt.Fprintln(env.Stderr, "stagedoor:", err)
		return exitMisused
	}
	switch err := k.Run(); {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitFailed
	default:
		fmt.Fprintln(env.Stderr, "stagedoor:", err)
		return exitFailed
	}
}

// versionCommand shows the version.
type versionCommand struct{}

// Run implements the command.
func (versionCommand) Run(env *environment) error {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	_, err := fmt.Fprintf(env.Stdout, "stagedoor %s%s %s %s/%s\n", env.Version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
