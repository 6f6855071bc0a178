// Package rbac is the role-based policy of Red Hat Developer Hub as data:
// roles, who is in them, what they may do and under which conditions.
//
// What: it reads the CSV file of roles and policies and the YAML file of
// conditional policies, merges them with what the configuration and the REST
// API say into one [Model], and decides by it. The behaviour is that of the
// community plugin @backstage-community/plugin-rbac-backend 8.1. Where that
// plugin would open a door by mistake this package does not: a policy that
// stands twice counts once instead of not at all, and of two that contradict
// each other the denial counts.
//
// What not: it stores nothing (package store) and authorises no change of
// roles (package service).
//
// Start reading at [Model], then [Policy.Decide].
package rbac
