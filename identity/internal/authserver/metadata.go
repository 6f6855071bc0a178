package authserver

import "slices"

// Metadata is what clients read to find their way (RFC 8414). The second
// result is false when no client could be admitted.
func (s *Server) Metadata() (map[string]any, bool) {
	cfg := s.settings.Load()
	if !cfg.Enabled() {
		return nil, false
	}
	doc := map[string]any{
		"issuer":                                cfg.issuer,
		"authorization_endpoint":                cfg.issuer + "/v1/authorize",
		"token_endpoint":                        cfg.issuer + "/v1/token",
		"userinfo_endpoint":                     cfg.issuer + "/v1/userinfo",
		"jwks_uri":                              cfg.issuer + "/.well-known/jwks.json",
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"scopes_supported":                      []string{scopeOpenID},
		"grant_types_supported":                 []string{grantCode},
		"token_endpoint_auth_methods_supported": []string{methodBasic, methodPost},
		"code_challenge_methods_supported":      []string{challengeS256},
	}
	s.Amend(doc)
	return doc, true
}

// Amend adds to the OpenID configuration what the server offers now. It leaves
// the document alone when no client could be admitted.
func (s *Server) Amend(doc map[string]any) {
	cfg := s.settings.Load()
	if !cfg.Enabled() {
		return
	}
	add := func(key, value string) {
		list, _ := doc[key].([]string)
		doc[key] = append(slices.Clone(list), value)
	}
	if cfg.refreshAll || cfg.refreshCLI {
		add("scopes_supported", scopeOffline)
		add("grant_types_supported", grantRefresh)
	}
	if cfg.documents || cfg.cli || !cfg.strict {
		add("token_endpoint_auth_methods_supported", methodNone)
	}
	if cfg.registration {
		doc["registration_endpoint"] = cfg.issuer + "/v1/register"
	}
	if cfg.documents {
		doc["client_id_metadata_document_supported"] = true
	}
	doc["revocation_endpoint"] = cfg.issuer + "/v1/revoke"
	if cfg.strict {
		return
	}
	doc["revocation_endpoint_auth_methods_supported"] = doc["token_endpoint_auth_methods_supported"]
	doc["code_challenge_methods_supported"] = []string{challengeS256}
	doc["authorization_response_iss_parameter_supported"] = true
}

// Resource describes the portal as a protected resource (RFC 9728). path is
// what stands behind the well-known address: the resource's own path.
func (s *Server) Resource(path string) (map[string]any, bool) {
	cfg := s.settings.Load()
	resource := cfg.baseURL
	if path != "" {
		resource += "/" + path
	}
	if !cfg.Enabled() || cfg.checkResources([]string{resource}) != nil {
		return nil, false
	}
	return map[string]any{
		"resource":                 resource,
		"authorization_servers":    []string{cfg.issuer},
		"bearer_methods_supported": []string{"header"},
		"jwks_uri":                 cfg.issuer + "/.well-known/jwks.json",
	}, true
}
