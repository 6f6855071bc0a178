package authserver

import (
	"fmt"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// The error codes of RFC 6749, 7009, 7591 and 8707 that this server uses.
const (
	codeInvalidRequest   = "invalid_request"
	codeInvalidClient    = "invalid_client"
	codeInvalidGrant     = "invalid_grant"
	codeInvalidScope     = "invalid_scope"
	codeInvalidTarget    = "invalid_target"
	codeInvalidRedirect  = "invalid_redirect_uri"
	codeInvalidMetadata  = "invalid_client_metadata"
	codeUnsupportedGrant = "unsupported_grant_type"
	codeUnsupportedToken = "unsupported_token_type"
	codeUnsupportedReply = "unsupported_response_type"
	codeDenied           = "access_denied"
	codeNotFound         = "not_found"
	codeUnauthorized     = "unauthorized"
	codeUnavailable      = "temporarily_unavailable"
	codeServer           = "server_error"
)

// Error is an error in OAuth's words. The description is for developers of
// clients and holds no secret.
type Error struct {
	Code        string
	Description string
	Status      int
}

// Error renders the code and the description.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// FaultCode tells the rest of the portal what sort of problem it is.
func (e *Error) FaultCode() string {
	switch e.Status {
	case http.StatusUnauthorized:
		return string(fault.Unauthenticated)
	case http.StatusForbidden:
		return string(fault.Forbidden)
	case http.StatusNotFound:
		return string(fault.NotFound)
	case http.StatusServiceUnavailable:
		return string(fault.Unavailable)
	case http.StatusInternalServerError:
		return string(fault.Internal)
	}
	return string(fault.Invalid)
}

// refuse returns an error with status 400.
func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...), Status: http.StatusBadRequest}
}

// unauthenticated is what a client hears that is not who it says.
func unauthenticated(description string) *Error {
	return &Error{Code: codeInvalidClient, Description: description, Status: http.StatusUnauthorized}
}
