/** The variables of the command line's server and credentials, with their meaning. */

/**
 * Variables of invoked servers. If one of them is set, the variables of C1 are ignored: a secret must not reach the
 * other server.
 */
export const INVOKED_CLIENT_VARIABLES = {
  INVOKED_SERVER_URL: "URL of the server",
  INVOKED_ACCESS_TOKEN: "access token; takes precedence over the variables below",
  INVOKED_OIDC_TOKEN:
    "token of a workload's identity provider, with the client id of a trust in INVOKED_CLIENT_ID",
  INVOKED_CLIENT_ID: "client id, with INVOKED_CLIENT_SECRET or INVOKED_OIDC_TOKEN",
  INVOKED_CLIENT_SECRET: "client secret, with INVOKED_CLIENT_ID",
} as const;

/** Of C1's own SDKs and tools. */
export const C1_CLIENT_VARIABLES = {
  CONDUCTORONE_SERVER_URL:
    "URL of the server; CONDUCTORONE_* apply if none of the variables above is set",
  CONDUCTORONE_TENANT_DOMAIN: "tenant of C1 (acme or acme.conductor.one), if no URL is given",
  CONDUCTORONE_ACCESS_TOKEN: "access token; takes precedence over the variables below",
  CONDUCTORONE_OIDC_TOKEN:
    "token of a workload's identity provider, with the client id of a trust in CONDUCTORONE_CLIENT_ID",
  CONDUCTORONE_CLIENT_ID: "client id, with CONDUCTORONE_CLIENT_SECRET or CONDUCTORONE_OIDC_TOKEN",
  CONDUCTORONE_CLIENT_SECRET: "client secret, with CONDUCTORONE_CLIENT_ID",
} as const;

/** All of them, by precedence. */
export const CLIENT_VARIABLES = {
  ...INVOKED_CLIENT_VARIABLES,
  ...C1_CLIENT_VARIABLES,
  INVOKED_PROFILE: "profile of invoked login, if no variable above has credentials",
} as const;
