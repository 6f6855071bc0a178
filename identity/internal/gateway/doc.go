// Package gateway recognises people whom a gateway in front of the portal has
// signed in: by an assertion that the gateway signs (awsalb, cfaccess, gcpIap)
// or by plain headers that it sets (oauth2Proxy, azureEasyAuth).
//
// Plain headers prove nothing by themselves. Whoever reaches the portal past
// the gateway can write them, so the portal must be reachable through the
// gateway only, and the gateway must remove such headers from what clients
// send. stagedoor.auth.trustedProxies lets the portal check the first half: it
// refuses the headers of everybody who does not connect from there.
//
// What not: it keeps no session; the front-end asks again when its token ends.
// Which user an account is, package resolve finds out.
//
// Start reading at [New].
package gateway
