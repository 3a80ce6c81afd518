import { duration, file, issuer, roleMap, toggle, word } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** Settings of the provider that people sign in with. */
export const OIDC_SETTINGS = {
  /** As the provider writes it; undefined without a provider. */
  issuer: setting("oidc-issuer", issuer(), {
    description: "Issuer of the OpenID Connect provider that people sign in with",
  }),
  clientId: setting("oidc-client-id", word("ID"), {
    description: "Client id of this server at the provider",
  }),
  /** Absolute path of a file whose first line is the secret. */
  clientSecretFile: setting("oidc-client-secret-file", file(), {
    description: "File whose first line is the client secret; a public client has none",
  }),
  /** Absolute path of a file with certificates in PEM. */
  caFile: setting("oidc-ca", file(), {
    description: "CA certificates (PEM) that the provider may have, in addition to public ones",
  }),
  groupsClaim: setting("oidc-groups-claim", word("CLAIM"), {
    default: "groups",
    description: "Claim of the ID token or of userinfo with the groups of a person",
  }),
  roleMap: setting("oidc-role-map", roleMap(), {
    description: "Roles that the groups of the provider give; %2C is a comma in a group's name",
  }),
  only: setting("oidc-only", toggle(), {
    default: "false",
    description: "Browsers sign in with the provider alone: links of clients begin no sessions",
  }),
  /** How long a session is accepted before the provider must confirm it again. */
  refreshMs: setting("oidc-refresh", duration({ min: "1s", max: "15m" }), {
    default: "15m",
    description: "How long a person's session lasts before the provider must confirm it again",
  }),
  /** How long the roles of a person's groups count without a confirmation of the provider. */
  groupsLifetimeMs: setting("oidc-groups-lifetime", duration({ min: "1h", max: "90d" }), {
    default: "7d",
    description: "How long roles of groups count after the provider confirmed the groups",
  }),
} satisfies Rows;
