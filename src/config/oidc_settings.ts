import { duration, file, issuer, roleMap, toggle, word } from "./kinds.ts";
import type { Rows } from "./setting.ts";

/** Settings of the provider that people sign in with. */
export const OIDC_SETTINGS: Rows<"oidc"> = {
  issuer: {
    name: "oidc-issuer",
    kind: issuer(),
    default: undefined,
    description: "Issuer of the OpenID Connect provider that people sign in with",
  },
  clientId: {
    name: "oidc-client-id",
    kind: word("ID"),
    default: undefined,
    description: "Client id of this server at the provider",
  },
  clientSecretFile: {
    name: "oidc-client-secret-file",
    kind: file(),
    default: undefined,
    description: "File whose first line is the client secret; a public client has none",
  },
  caFile: {
    name: "oidc-ca",
    kind: file(),
    default: undefined,
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
    default: undefined,
    description: "Roles that the groups of the provider give; %2C is a comma in a group's name",
  },
  only: {
    name: "oidc-only",
    kind: toggle(),
    default: "false",
    description: "Browsers sign in with the provider alone: links of clients begin no sessions",
  },
  refreshMs: {
    name: "oidc-refresh",
    kind: duration({ min: "1s", max: "15m" }),
    default: "15m",
    description: "How long a person's session lasts before the provider must confirm it again",
  },
  groupsLifetimeMs: {
    name: "oidc-groups-lifetime",
    kind: duration({ min: "1h", max: "90d" }),
    default: "7d",
    description: "How long roles of groups count after the provider confirmed the groups",
  },
};
