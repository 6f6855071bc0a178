package httpx

import (
	"net/http"
	"path"
	"strconv"
	"strings"
)

// CORS says which other origins may call from a browser. The zero value is
// none.
type CORS struct {
	// Origins are exact, or patterns in which * stands for anything but a
	// slash, such as https://*.example.com. "*" alone is any origin.
	Origins        []string
	Methods        []string // default GET, HEAD, PUT, PATCH, POST, DELETE
	AllowedHeaders []string // default: those the browser asks for
	ExposedHeaders []string
	Credentials    bool
	MaxAge         int // seconds; 0 leaves it to the browser
	// PreflightContinue hands preflights on to the route.
	PreflightContinue bool
	// PreflightStatus is the status of preflights, default 204.
	PreflightStatus int
}

func (c *CORS) allows(origin string) bool {
	for _, pattern := range c.Origins {
		if pattern == "*" || pattern == origin {
			return true
		}
		if strings.ContainsAny(pattern, "*?[") {
			if ok, err := path.Match(pattern, origin); err == nil && ok {
				return true
			}
		}
	}
	return false
}

// apply sets the headers for an allowed origin. It reports whether it has
// answered the request, which it does for preflights.
func (c *CORS) apply(w http.ResponseWriter, r *http.Request) (answered bool) {
	origins := r.Header["Origin"]
	if len(c.Origins) == 0 || len(origins) == 0 || !c.allows(origins[0]) {
		return false
	}
	h := w.Header()
	h["Access-Control-Allow-Origin"] = origins[:1]
	addVary(h, "Origin")
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposedHeaders, ","))
	}
	if r.Method != http.MethodOptions {
		return false
	}
	methods := c.Methods
	if len(methods) == 0 {
		methods = []string{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"}
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ","))
	allowed := strings.Join(c.AllowedHeaders, ",")
	if allowed == "" {
		allowed = r.Header.Get("Access-Control-Request-Headers")
		addVary(h, "Access-Control-Request-Headers")
	}
	if allowed != "" {
		h.Set("Access-Control-Allow-Headers", allowed)
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
	}
	if c.PreflightContinue {
		return false
	}
	status := c.PreflightStatus
	if status == 0 {
		status = http.StatusNoContent
	}
	if status != http.StatusNoContent {
		h.Set("Content-Length", "0")
	}
	w.WriteHeader(status)
	return true
}
