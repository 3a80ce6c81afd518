import { duration, file, issuer, roleMap, toggle, word } from "./kinds.ts";
import type { Rows } from "./setting.ts";

/** Settings of the provider that people sign in with. */
export const OIDC_SETTINGS = {
  /** As the provider writes it; undefined without a provider. */
  issuer: {
    name: "oidc-issuer",
    kind: issuer(),
    description: "Issuer of the OpenID Connect provider that people sign in with",
  },
  clientId: {
    name: "oidc-client-id",
    kind: word("ID"),
    description: "Client id of this server at the provider",
  },
  /** Absolute path of a file whose first line is the secret. */
  clientSecretFile: {
    name: "oidc-client-secret-file",
    kind: file(),
    description: "File whose first line is the client secret; a public client has none",
  },
  /** Absolute path of a file with certificates in PEM. */
  caFile: {
    name: "oidc-ca",
    kind: file(),
    description: "CA certificates (PEM) that the provider may have, in addition to public ones",
  },
  groupsClaim: {
    name: "oidc-groups-claim",
    kind: word("CLAIM"),
    default: "groups",
    description: "Claim of the ID token or of userinfo with the groups of a person",
  },
  roleMap: {
    name: "oidc-role-map",
    kind: roleMap(),
    description: "Roles that the groups of the provider give; %2C is a comma in a group's name",
  },
  only: {
    name: "oidc-only",
    kind: toggle(),
    default: "false",
    description: "Browsers sign in with the provider alone: links of clients begin no sessions",
  },
  /** How long a session is accepted before the provider must confirm it again. */
  refreshMs: {
    name: "oidc-refresh",
    kind: duration({ min: "1s", max: "15m" }),
    default: "15m",
    description: "How long a person's session lasts before the provider must confirm it again",
  },
  /** How long the roles of a person's groups count without a confirmation of the provider. */
  groupsLifetimeMs: {
    name: "oidc-groups-lifetime",
    kind: duration({ min: "1h", max: "90d" }),
    default: "7d",
    description: "How long roles of groups count after the provider confirmed the groups",
  },
} satisfies Rows;
