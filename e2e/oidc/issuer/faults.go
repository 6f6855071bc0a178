package issuer

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
)

// spoil has the id tokens of the token endpoint carry the faults.
func (i *Issuer) spoil(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.storage.mu.Lock()
		faults := i.storage.faults
		i.storage.mu.Unlock()
		if r.URL.Path != "/oauth/token" || (faults.Claims == nil && faults.Algorithm == "" && !faults.ForeignKey) {
			next.ServeHTTP(w, r)
			return
		}
		heard := httptest.NewRecorder()
		next.ServeHTTP(heard, r)
		body, err := i.storage.respell(heard.Body.Bytes(), faults)
		if err != nil {
			slog.ErrorContext(r.Context(), "spoil an id token", "error", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		maps.Copy(w.Header(), heard.Header())
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(heard.Code)
		_, _ = bytes.NewReader(body).WriteTo(w) // the test sees what is missing
	})
}

// respell changes the id token in an answer, if there is one, and signs it
// again.
func (s *storage) respell(body []byte, f Faults) ([]byte, error) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("read the answer of the token endpoint: %w", err)
	}
	token, _ := answer["id_token"].(string)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return body, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("read id token: %w", err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(raw, &claims); err != nil {
		return nil, fmt.Errorf("read id token: %w", err)
	}
	for k, v := range f.Claims {
		claims[k] = v
		if v == nil {
			delete(claims, k)
		}
	}
	if raw, err = json.Marshal(claims); err != nil {
		return nil, fmt.Errorf("write id token: %w", err)
	}
	if answer["id_token"], err = s.sign(raw, f); err != nil {
		return nil, fmt.Errorf("sign id token: %w", err)
	}
	return json.Marshal(answer)
}

func (s *storage) sign(payload []byte, f Faults) (string, error) {
	s.mu.Lock()
	key, keyID := s.key, s.keyID
	s.mu.Unlock()
	if f.Algorithm == "none" {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
	}
	with := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}
	if f.ForeignKey {
		foreign, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return "", err
		}
		with.Key = jose.JSONWebKey{Key: foreign, KeyID: keyID}
	}
	if f.Algorithm != "" {
		// The secret as it is may be too short for the library, not for others.
		secret := append([]byte(s.options.ClientSecret), make([]byte, 64)...)
		with = jose.SigningKey{Algorithm: jose.SignatureAlgorithm(f.Algorithm), Key: jose.JSONWebKey{Key: secret, KeyID: keyID}}
	}
	signer, err := jose.NewSigner(with, nil)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
