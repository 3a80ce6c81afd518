import type { RoleMapping } from "../../../config/mod.ts";

/** What the provider says of a person, from its ID token and from userinfo. */
export type Claims = Readonly<Record<string, unknown>>;

/** A person as the provider knows them. */
export interface ProviderPerson {
  readonly issuer: string;
  /** Identifies the person at the provider for good; an email does not. */
  readonly subject: string;
  readonly displayName: string;
  /** Empty if the provider gives none, or has not verified it. */
  readonly email: string;
  readonly username: string;
  readonly groups: readonly string[];
}

const TEXT_CHARS_MAX = 256;

/** @param groupsClaim name of the claim that lists the groups */
export function personOf(
  claims: Claims,
  { issuer, subject, groupsClaim }: {
    readonly issuer: string;
    readonly subject: string;
    readonly groupsClaim: string;
  },
): ProviderPerson {
  const email = claims["email_verified"] === false ? "" : textOf(claims["email"]);
  const username = textOf(claims["preferred_username"]) || email;
  const displayName = textOf(claims["name"]) || username || textOf(subject);
  return { issuer, subject, displayName, email, username, groups: textsOf(claims[groupsClaim]) };
}

/** The roles that groups give, as the settings write them, in the order of the settings. */
export function rolesOfGroups(
  groups: readonly string[],
  roleMap: readonly RoleMapping[],
): readonly string[] {
  const held = new Set(groups);
  return [...new Set(roleMap.filter(({ group }) => held.has(group)).map(({ role }) => role))];
}

/** Without control characters, and short: others see the text in lists and logs. */
function textOf(claim: unknown): string {
  if (typeof claim !== "string") return "";
  return claim.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "").trim().slice(0, TEXT_CHARS_MAX);
}

/** The texts of a claim that is a list, or one text. Another form gives none. */
function textsOf(claim: unknown): readonly string[] {
  const list = Array.isArray(claim) ? claim : [claim];
  return list.filter((one): one is string => typeof one === "string");
}
