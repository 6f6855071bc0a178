package rbac

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
)

// MaxCSVBytes bounds the CSV file.
const MaxCSVBytes = 16 << 20

// Table is what a CSV file says.
type Table struct {
	// Roles are in the order in which the file first names them.
	Roles []*Role
	// Skipped are the lines that were left out.
	Skipped []policy.Problem

	byRef map[string]*Role
	lines map[[4]string]int // by what they say
}

// ReadCSV reads the file of roles and policies. It reads line by line, so that
// one bad line costs only itself; that line is in Skipped with the reason. It
// returns an error with code too_large for a text over [MaxCSVBytes], and
// invalid for one that is no text.
func ReadCSV(file string, data []byte) (*Table, error) {
	if len(data) > MaxCSVBytes {
		return nil, fault.Newf(fault.TooLarge, "%s: the file has %d bytes, more than the limit of %d", file, len(data), MaxCSVBytes)
	}
	if i := strings.IndexByte(string(data), 0); i >= 0 {
		return nil, fault.Newf(fault.Invalid, "%s: the file is no text: there is a zero byte at offset %d", file, i)
	}
	t := &Table{byRef: map[string]*Role{}, lines: map[[4]string]int{}}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\uFEFF")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := permission.Source{File: file, Line: number, Statement: line}
		if err := t.line(line, at); err != nil {
			t.Skipped = append(t.Skipped, policy.Problem{Message: err.Error(), File: file, Line: number})
		}
	}
	return t, nil
}

// line takes in one line.
func (t *Table) line(line string, at permission.Source) error {
	if !utf8.ValidString(line) {
		return errors.New("the line is not UTF-8")
	}
	fields, err := splitFields(line)
	if err != nil {
		return err
	}
	switch fields[0] {
	case "p":
		return t.grant(fields[1:], at)
	case "g":
		return t.member(fields[1:], at)
	}
	return fmt.Errorf("a line begins with p (policy) or g (member), not with %q", fields[0])
}

// grant takes in p, role, permission, action, effect.
func (t *Table) grant(f []string, at permission.Source) error {
	if len(f) != 4 {
		return fmt.Errorf("a policy has 5 fields: p, role, permission or resource type, action, allow or deny; this line has %d", len(f)+1)
	}
	if err := CheckRole(f[0]); err != nil {
		return err
	}
	g, err := ParseGrant(f[1], f[2], f[3])
	if err != nil {
		return err
	}
	g.At = at
	r := t.role(f[0])
	if err := t.first(at.Line, r.Ref, g.Permission, g.Action, g.Effect()); err != nil {
		return err
	}
	r.Policies = append(r.Policies, g)
	opposite := Grant{Deny: !g.Deny}
	if n := t.lines[[4]string{r.Ref, g.Permission, g.Action, opposite.Effect()}]; n > 0 {
		t.note(at, fmt.Sprintf("the line contradicts line %d; the denial counts", n))
	}
	return nil
}

// member takes in g, user or group, role.
func (t *Table) member(f []string, at permission.Source) error {
	if len(f) != 2 {
		return fmt.Errorf("a member has 3 fields: g, user or group, role; this line has %d", len(f)+1)
	}
	member, role := strings.ToLower(f[0]), f[1]
	switch {
	case strings.HasPrefix(member, "role:"):
		return errors.New("a role cannot be in a role")
	case strings.HasPrefix(strings.ToLower(role), "group:"):
		return errors.New("who is in a group is for the catalog to say, not for this file")
	}
	if err := CheckMember(member); err != nil {
		return err
	}
	if err := CheckRole(role); err != nil {
		return err
	}
	if err := t.first(at.Line, role, member); err != nil {
		return err
	}
	r := t.role(role)
	r.Members = append(r.Members, Member{Ref: member, At: at})
	return nil
}

// first remembers what a line says, and refuses to hear it twice.
func (t *Table) first(line int, says ...string) error {
	key := [4]string(append(says, "", "")[:4])
	if n := t.lines[key]; n > 0 {
		return fmt.Errorf("the line repeats line %d and counts once", n)
	}
	t.lines[key] = line
	return nil
}

func (t *Table) role(ref string) *Role {
	r := t.byRef[ref]
	if r == nil {
		r = &Role{Ref: ref, Origin: FromCSV, Author: CSVAuthor, ModifiedBy: CSVAuthor}
		t.byRef[ref] = r
		t.Roles = append(t.Roles, r)
	}
	return r
}

func (t *Table) note(at permission.Source, message string) {
	t.Skipped = append(t.Skipped, policy.Problem{Message: message, File: at.File, Line: at.Line})
}

// splitFields cuts a line at its commas. Fields are trimmed; one in double
// quotes may hold commas, and two quotes for one. Empty fields at the end are
// dropped.
func splitFields(line string) ([]string, error) {
	var fields []string
	rest := line
	for {
		rest = strings.TrimLeft(rest, " \t")
		var field string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			var err error
			if field, rest, err = unquote(quoted); err != nil {
				return nil, err
			}
		} else {
			field, rest = cutField(rest)
			field = strings.TrimRight(field, " \t")
			if strings.Contains(field, `"`) {
				return nil, fmt.Errorf("the field %s holds a quote but does not begin with one", field)
			}
		}
		fields = append(fields, field)
		if rest == "" {
			break
		}
		rest = rest[1:] // the comma
	}
	for len(fields) > 1 && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	return fields, nil
}

// cutField returns the text up to the next comma, and the rest with it.
func cutField(s string) (field, rest string) {
	if i := strings.IndexByte(s, ','); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// unquote reads a field behind its opening quote.
func unquote(s string) (field, rest string, err error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", errors.New("a quote is not closed on its line")
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if !strings.HasPrefix(s, `"`) {
			break
		}
		b.WriteByte('"')
		s = s[1:]
	}
	gap, rest := cutField(s)
	if strings.TrimSpace(gap) != "" {
		return "", "", fmt.Errorf("unexpected %q behind the closing quote", strings.TrimSpace(gap))
	}
	return b.String(), rest, nil
}
