package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// foreign is an error of a package that may not import fault.
type foreign struct{}

func (foreign) Error() string     { return "foreign" }
func (foreign) FaultCode() string { return "conflict" }

func TestCodeOf_FindsTheOutermostCodeInTheChain(t *testing.T) {
	t.Parallel()
	inner := fault.New(fault.NotFound, "no such entity")
	for name, tc := range map[string]struct {
		err  error
		want fault.Code
	}{
		"nil has no code":                      {nil, ""},
		"an error without a code is internal":  {io.EOF, fault.Internal},
		"a code survives wrapping":             {fmt.Errorf("stitch x: %w", inner), fault.NotFound},
		"the outer code wins":                  {fault.Newf(fault.Invalid, "bad parent: %w", inner), fault.Invalid},
		"a cancelled context is unavailable":   {fmt.Errorf("read: %w", context.Canceled), fault.Unavailable},
		"a foreign error can carry a code":     {fmt.Errorf("x: %w", foreign{}), fault.Conflict},
		"a wrapped error takes the given code": {fault.Wrap(fault.Unavailable, io.EOF, "read page"), fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fault.CodeOf(tc.err); got != tc.want {
				t.Errorf("CodeOf(%v) = %q, want %q", tc.err, got, tc.want)
			}
		})
	}
}

func TestNewf_KeepsTheCauseReachable(t *testing.T) {
	t.Parallel()
	err := fault.Newf(fault.Invalid, "read entity: %w", io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("errors.Is lost the cause of %v", err)
	}
	if fault.Wrap(fault.Invalid, nil, "x") != nil {
		t.Error("wrapping nil must give nil")
	}
}

func TestPosition_LeavesOutWhatIsUnknown(t *testing.T) {
	t.Parallel()
	for want, pos := range map[string]fault.Position{
		"":           {},
		"a.yaml":     {File: "a.yaml"},
		"a.yaml:3":   {File: "a.yaml", Line: 3},
		"a.yaml:3:7": {File: "a.yaml", Line: 3, Column: 7},
	} {
		if got := pos.String(); got != want {
			t.Errorf("%#v renders as %q, want %q", pos, got, want)
		}
	}
}
